/**
 * The writer alone, on one thread and without HTTP: what one event costs in judging and folding, in SQLite and in
 * LMDB. Run it under `bun --cpu-prof` to see where. Arguments: events a frame, frames a group, seconds, and
 * `ecommerce` for the computed traits of that pack.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { judge, restore } from "../../src/ingest/judge.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { noCrash } from "../../src/lib/crashPoint.ts";
import { systemIds } from "../../src/lib/id.ts";
import { compile } from "../../src/model/compile.ts";
import { ecommercePack } from "../../src/model/packs.ts";
import { openMessageIds } from "../../src/store/dedup/openMessageIds.ts";
import { Journal } from "../../src/store/journal.ts";
import { Writer } from "../../src/store/writer.ts";
import type { QueuedFrame } from "../../src/store/writerOptions.ts";
import { EventRequest, eventJson, Randomness, users } from "../load/payload.ts";
import { Processes } from "../support/processes.ts";

const [size = 1, frames = 400, seconds = 5] = process.argv.slice(2, 5).map(Number);
const pack = process.argv[5] ?? "none";
await using processes = new Processes();
const folder = processes.folder();
mkdirSync(folder, { recursive: true });
const journal = new Journal(join(folder, "journal.db"), systemIds);
const messageIds = openMessageIds(join(folder, "ids"), journal, () => {});
const writer = new Writer({
  journal,
  messageIds,
  judge,
  restore,
  definitions: compile(pack === "ecommerce" ? ecommercePack("EUR") : []),
  plan: null,
  clock: systemClock,
  ids: systemIds,
  hotProfiles: 20_000,
  crash: noCrash,
  notice: (_, message) => console.error(message),
});
writer.adopt(join(folder, "profiles-1"));
writer.catchUp(1);

const events = Array.from({ length: size }, () => eventJson(new Date())).join(",");
const body = size === 1 ? events : `{"batch":[${events}]}`;
const request = new EventRequest("", body, new Randomness(1), users);
const start = request.bytes.length - body.length;
let id = 0;

function group(): QueuedFrame[] {
  return Array.from({ length: frames }, () => {
    request.refresh();
    id += 1;
    const call = size === 1 ? "track" : "batch";
    return {
      id,
      frame: {
        call,
        source: "web",
        namespace: "live",
        trusted: true,
        receivedAtMs: Date.now(),
        lane: "live",
        body: request.bytes.slice(start),
      },
    };
  });
}

let busyMs = 0;
let done = 0;
let before = writer.counts;
let cpuBefore = process.cpuUsage();
for (const phase of ["warm", "measured"]) {
  const untilMs = systemClock.monotonicMs() + (phase === "warm" ? 2 : seconds) * 1_000;
  busyMs = 0;
  done = 0;
  before = writer.counts;
  cpuBefore = process.cpuUsage();
  while (systemClock.monotonicMs() < untilMs) {
    const queue = group();
    const startMs = systemClock.monotonicMs();
    writer.run(queue);
    messageIds.tend();
    busyMs += systemClock.monotonicMs() - startMs;
    done += frames * size;
  }
}
const after = writer.counts;
const cpu = process.cpuUsage(cpuBefore);
const us = (ms: number) => Number(((ms * 1_000) / done).toFixed(2));
console.log(
  JSON.stringify({
    perSecond: Math.round((done / busyMs) * 1_000),
    usAnEvent: us(busyMs),
    cpuUser: us(cpu.user / 1_000),
    cpuSystem: us(cpu.system / 1_000),
    judgeFoldInsert: us(after.foldMs - before.foldMs),
    commit: us(after.commitMs - before.commitMs),
    profiles: us(after.profilesMs - before.profilesMs),
    accepted: after.accepted - before.accepted === done,
  }),
);
await writer.close();
messageIds.close();
journal[Symbol.dispose]();
