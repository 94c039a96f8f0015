/**
 * What one event costs the writer in CPU time, step by step: steadier than a rate where other work shares the machine.
 * The steps are the writer's own, called one after another for a whole group. Arguments: events a group, groups,
 * userIds, `ecommerce` for the computed traits of that pack.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { judge } from "../../src/ingest/judge.ts";
import { systemIds } from "../../src/lib/id.ts";
import { compile } from "../../src/model/compile.ts";
import { ecommercePack } from "../../src/model/packs.ts";
import type { Frame } from "../../src/store/accept.ts";
import { openMessageIds } from "../../src/store/dedup/openMessageIds.ts";
import { commitFolded, openFolded } from "../../src/store/folded.ts";
import { Journal } from "../../src/store/journal.ts";
import { checksumOf, flagsOf, rowKind } from "../../src/store/row.ts";
import { EventRequest, eventJson, Randomness, users as usual } from "../load/payload.ts";
import { Processes } from "../support/processes.ts";

const [size = 50, groups = 4_000, users = usual] = process.argv.slice(2, 5).map(Number);
const definitions = compile(process.argv[5] === "ecommerce" ? ecommercePack("EUR") : []);
await using processes = new Processes();
const folder = processes.folder();
mkdirSync(folder, { recursive: true });
const journal = new Journal(join(folder, "journal.db"), systemIds);
const messageIds = openMessageIds(join(folder, "ids"), journal, () => {});
const folded = openFolded(join(folder, "profiles-1"), users, definitions);

const body = eventJson(new Date());
const request = new EventRequest("", body, new Randomness(1), users);
const start = request.bytes.length - body.length;

function frame(): Frame {
  request.refresh();
  return {
    call: "track",
    source: "web",
    namespace: "live",
    trusted: true,
    receivedAtMs: Date.now(),
    lane: "live",
    body: request.bytes.slice(start),
  };
}

const spentUs = new Map<string, number>();
let last = process.cpuUsage();

/** Everything since the last call was this step. */
function step(name: string): void {
  const { user, system } = process.cpuUsage(last);
  spentUs.set(name, (spentUs.get(name) ?? 0) + user + system);
  last = process.cpuUsage();
}

let seq = 0;
function takeGroup(): void {
  const first = seq + 1;
  const frames = Array.from({ length: size }, frame);
  step("make the load");
  const events = frames.flatMap((taken) => {
    const verdict = judge(taken, () => systemIds.uuid());
    return verdict.kind === "judged" ? verdict.events.filter((judged) => judged.kind === "event") : [];
  });
  step("judge");
  for (const { event } of events) {
    if (messageIds.find(1, event.messageId) !== null) throw new Error("a messageId came twice");
    seq += 1;
    messageIds.add(1, event.messageId, seq);
  }
  step("dedup");
  const projected = events.map(({ event }, at) => folded.projector.project(event, first + at, Date.now()));
  step("fold");
  journal.begin();
  for (const [at, { event, raw, extra }] of events.entries()) {
    const { pid, prev, identifiers, diff } = projected[at] ?? { pid: 0, prev: 0, identifiers: "", diff: "" };
    const { name, messageId, timestampMs, receivedAtMs, index } = event;
    const flags = flagsOf(event, false);
    const rowSeq = first + at;
    const told = [rowSeq, rowKind.event, flags, 1, name, messageId, timestampMs, receivedAtMs, index];
    journal.append([
      ...told,
      receivedAtMs,
      pid,
      prev,
      identifiers,
      diff,
      extra,
      raw,
      checksumOf(rowSeq, raw),
    ]);
  }
  step("insert");
  journal.commit();
  messageIds.commit();
  step("commit");
  commitFolded(folded, journal.id, seq, size * body.length);
  step("profiles");
  messageIds.tend();
  step("tend the messageIds");
}

const warmUp = groups / 4;
for (let group = 0; group < groups + warmUp; group += 1) {
  if (group === warmUp) spentUs.clear();
  takeGroup();
}
let totalUs = 0;
for (const [name, us] of spentUs) {
  console.log(`${name.padEnd(20)} ${(us / (groups * size)).toFixed(2)} µs`);
  totalUs += us;
}
console.log(`${"all".padEnd(20)} ${(totalUs / (groups * size)).toFixed(2)} µs an event`);
await folded.store.close();
messageIds.close();
journal[Symbol.dispose]();
