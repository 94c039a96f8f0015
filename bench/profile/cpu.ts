/**
 * What one request costs in CPU time, by thread of the server: steadier than a rate where other work shares the
 * machine. Arguments: ours | durable | noop | template, track | batch | profile | unchanged | content | sameContent | 2kb | template, connections, requests, userIds.
 */
import { readFileSync, readdirSync } from "node:fs";
import type { LoadRequest } from "../load/job.ts";
import { users as usual } from "../load/payload.ts";
import { Bench } from "../support/bench.ts";
import { contentFlags, contentPath, seedCarts } from "../support/carts.ts";
import { startFloor } from "../support/floorServer.ts";
import { readAuthorization, startOurs, writeAuthorization } from "../support/ours.ts";
import { Processes } from "../support/processes.ts";
import { seedProfiles } from "../support/seed.ts";

/** Length of a tick in /proc, milliseconds. */
const tickMs = 10;

const requests: Readonly<Record<string, LoadRequest>> = {
  track: { kind: "track" },
  batch: { kind: "batch", size: 100 },
  profile: { kind: "profile", conditional: false },
  unchanged: { kind: "profile", conditional: true },
  content: { kind: "profile", conditional: false, path: contentPath, unique: true },
  sameContent: { kind: "profile", conditional: true, path: contentPath },
  "2kb": { kind: "get", path: "/2kb" },
  template: { kind: "get", path: "/content" },
};

const [target = "ours", what = "track", connections = "64", answers = "100000", spread = String(usual)] =
  process.argv.slice(2);
const users = Number(spread);
const request = requests[what];
if (request === undefined) throw new Error(`expected one of ${Object.keys(requests).join(", ")}`);

await using processes = new Processes();
const bench = new Bench({ pairs: 1, seconds: 3 }, processes, (line) => console.error(line));
const { port, child } = await start();
const reads = request.kind === "profile";
const job = {
  port,
  request,
  connections: Number(connections),
  users,
  authorization: reads ? readAuthorization : writeAuthorization,
  warmupSeconds: 0,
};
await bench.load({ ...job, answers: Number(answers) / 2 });
const before = cpuMs(child.pid);
const report = await bench.load({ ...job, answers: Number(answers) });
const events = report.answers * (request.kind === "batch" ? request.size : 1);
const after = cpuMs(child.pid);
let total = 0;
for (const [name, usedMs] of after) {
  const us = ((usedMs - (before.get(name) ?? 0)) * 1_000) / events;
  total += us;
  if (us >= 0.1) console.log(`${name.padEnd(16)} ${us.toFixed(1)} µs`);
}
console.log(
  `${"all".padEnd(16)} ${total.toFixed(1)} µs at ${Math.round((report.perSecond * events) / report.answers)}/s; client ${((report.cpuShare * 1e6) / report.perSecond).toFixed(1)} µs a request`,
);

async function start(): Promise<{ readonly port: number; readonly child: { readonly pid: number } }> {
  if (target === "durable" || target === "noop" || target === "template") return startFloor(bench, target);
  if (what === "content" || what === "sameContent") {
    const ours = await startOurs(bench, undefined, contentFlags(bench));
    await seedCarts(ours, users);
    return ours;
  }
  const ours = await startOurs(bench);
  if (request?.kind === "profile") await seedProfiles(ours, users, 2_048);
  return ours;
}

/** CPU time by thread name, user and system, milliseconds. */
function cpuMs(pid: number): Map<string, number> {
  const used = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
    // The name stands in brackets and may hold spaces; 11 fields lie between it and utime.
    const end = text.lastIndexOf(")");
    const fields = text.slice(end + 2).split(" ");
    const name = text.slice(text.indexOf("(") + 1, end);
    used.set(name, (used.get(name) ?? 0) + (Number(fields[11]) + Number(fields[12])) * tickMs);
  }
  return used;
}
