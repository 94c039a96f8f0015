/**
 * A backfill into a local bulk API, in rows a second, against a bare loop that posts the same bodies over as many
 * connections. The mock takes its time, as a bulk API does: without that the floor is a loop that copies memory.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bench } from "../support/bench.ts";
import { secretKey, startOurs } from "../support/ours.ts";
import type { Row } from "../support/row.ts";

const profiles = 50_000;
const batch = 2_500;
const connections = 4;
/** Of a request of 500 rows; vendors' bulk calls take longer. */
const serviceMs = 150;
const pollMs = 50;

interface Stats {
  readonly rows: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

export const deliveries: Row = {
  name: "deliveries",
  when: "always",
  run: async (bench) => {
    const data = bench.processes.folder();
    const scratch = bench.processes.folder();
    await importProfiles(bench, data);
    const bodies = join(scratch, "bodies");
    await backfill(bench, data, scratch, { name: "recorded", serviceMs: 0, bodies });
    let round = 0;
    const figures = await bench.interleave({
      loop: () => postLoop(bench, bodies),
      ours: () => {
        round += 1;
        return backfill(bench, data, scratch, { name: `crm${round}`, serviceMs, bodies: null });
      },
    });
    return [
      {
        id: "deliveries",
        work: "backfill into a bulk API",
        floor: "loop: post the same bodies",
        unit: "rows/s",
        ours: figures.ours,
        floors: figures.loop,
        aim: { kind: "atLeast", value: 0.6 },
        note: `${profiles.toLocaleString("en-US")} profiles, ${connections} connections, ${serviceMs} ms a request of 500 rows`,
      },
    ];
  },
};

async function importProfiles(bench: Bench, data: string): Promise<void> {
  const ours = await startOurs(bench, data);
  for (let at = 0; at < profiles; at += batch) {
    const events = Array.from({ length: Math.min(batch, profiles - at) }, (_, index) => ({
      type: "identify",
      userId: `u${at + index}`,
      messageId: `m${at + index}`,
      traits: {
        email: `u${at + index}@example.com`,
        firstName: "Ann",
        plan: "free",
        city: "Berlin",
        age: at + index,
      },
    }));
    const headers = { Authorization: `Bearer ${secretKey}`, "Content-Type": "application/json" };
    const body = JSON.stringify({ batch: events });
    const answer = await fetch(`http://127.0.0.1:${ours.port}/v1/import`, { method: "POST", headers, body });
    if (!answer.ok) throw new Error(`the import was answered ${answer.status}`);
  }
  await ours.child.stop();
}

/** Rows a second from the first request to the last answer, as the mock sees it. */
async function backfill(
  bench: Bench,
  data: string,
  scratch: string,
  {
    name,
    serviceMs: takes,
    bodies,
  }: { readonly name: string; readonly serviceMs: number; readonly bodies: string | null },
): Promise<number> {
  const mock = bench.processes.start("bench/floors/bulkMock.ts", [
    String(takes),
    ...(bodies === null ? [] : [bodies]),
  ]);
  const port = (await mock.line(/^port /)).slice("port ".length);
  const config = join(scratch, `${name}.yaml`);
  writeFileSync(
    config,
    `version: 1\ndestinations: { ${name}: { type: http, url: "http://127.0.0.1:${port}/in", privateNetwork: true } }\n`,
  );
  const ours = await startOurs(bench, data, ["--config", config]);
  let stats: Stats;
  do {
    await Bun.sleep(pollMs);
    stats = (await (await fetch(`http://127.0.0.1:${port}/stats`)).json()) as Stats;
  } while (stats.rows < profiles);
  await ours.child.stop();
  await mock.stop();
  rmSync(config);
  return (profiles / (stats.lastMs - stats.firstMs)) * 1_000;
}

async function postLoop(bench: Bench, bodies: string): Promise<number> {
  const mock = bench.processes.start("bench/floors/bulkMock.ts", [String(serviceMs)]);
  const port = (await mock.line(/^port /)).slice("port ".length);
  const args = [port, bodies, String(connections)];
  const { perSecond } = (await bench.processes.result("bench/floors/postLoop.ts", args)) as {
    perSecond: number;
  };
  await mock.stop();
  return perSecond;
}
