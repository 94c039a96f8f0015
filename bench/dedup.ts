/**
 * What knowing repeats costs as the journal grows: µs an event for a find and an add of a random new messageId, in
 * groups of 400, with all sealing and merging, beside a UNIQUE index of SQLite (no fsync) given the same ids in turn.
 *
 *   bun bench/dedup.ts [--ids 5000000] [--without-sqlite]
 */
import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { MessageIdIndex } from "../src/store/dedup/messageIdIndex.ts";
import type { IdRow } from "../src/store/dedup/rebuildParts.ts";

const { values } = parseArgs({
  options: {
    ids: { type: "string", default: "5000000" },
    "without-sqlite": { type: "boolean", default: false },
  },
});
const total = Number(values.ids);
const perLine = 1_000_000;
const perGroup = 400;
const repeats = 100_000;
const folder = mkdtempSync(join(tmpdir(), "freshet-bench-"));

/** The messageId of a row: random to look at, known from its seq, so that nothing has to keep millions of them. */
function messageIdOf(seq: number): string {
  const digits = (seed: bigint) => Bun.hash.wyhash(String(seq), seed).toString(16).padStart(16, "0");
  const text = digits(1n) + digits(2n);
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`;
}

function openIndex(headSeq: number): MessageIdIndex {
  return MessageIdIndex.open({
    directory: join(folder, "ids"),
    seed: "bench",
    headSeq,
    matches: (seq, _source, messageId) => messageIdOf(seq) === messageId,
    *tail(afterSeq): Generator<IdRow> {
      for (let seq = afterSeq + 1; seq <= headSeq; seq += 1) {
        yield { seq, source: 1, messageId: messageIdOf(seq), erased: false };
      }
    },
  });
}

/** One side of the comparison; takes a group and tells how long it took. */
interface Side {
  take(firstSeq: number, messageIds: readonly string[]): number;
}

class IndexSide implements Side {
  readonly index = openIndex(0);
  workNs = 0;
  longestWorkNs = 0;

  take(firstSeq: number, messageIds: readonly string[]): number {
    const startNs = Bun.nanoseconds();
    let seq = firstSeq;
    for (const messageId of messageIds) {
      if (this.index.find(1, messageId) !== null) throw new Error("a new messageId was taken for a repeat");
      this.index.add(1, messageId, seq);
      seq += 1;
    }
    this.index.commit();
    const takenNs = Bun.nanoseconds();
    this.index.work();
    const doneNs = Bun.nanoseconds();
    this.workNs += doneNs - takenNs;
    this.longestWorkNs = Math.max(this.longestWorkNs, doneNs - takenNs);
    return doneNs - startNs;
  }
}

class SqliteSide implements Side {
  readonly #database = new Database(join(folder, "unique.db"), { create: true, strict: true });

  constructor() {
    this.#database.run("PRAGMA journal_mode = WAL");
    this.#database.run("PRAGMA synchronous = OFF");
    this.#database.run("PRAGMA cache_size = -65536");
    this.#database.run(
      "CREATE TABLE ids (seq INTEGER PRIMARY KEY, source INTEGER, message_id TEXT, UNIQUE (source, message_id))",
    );
  }

  take(firstSeq: number, messageIds: readonly string[]): number {
    const startNs = Bun.nanoseconds();
    const insert = this.#database.query(
      "INSERT OR IGNORE INTO ids (seq, source, message_id) VALUES (?, 1, ?)",
    );
    this.#database.run("BEGIN");
    messageIds.forEach((messageId, index) => insert.run(firstSeq + index, messageId));
    this.#database.run("COMMIT");
    return Bun.nanoseconds() - startNs;
  }
}

async function line(first: number, index: IndexSide, sqlite: SqliteSide | null): Promise<number> {
  let indexNs = 0;
  let sqliteNs = 0;
  index.workNs = 0;
  index.longestWorkNs = 0;
  const end = Math.min(total, first + perLine);
  for (let seq = first + 1; seq <= end; seq += perGroup) {
    const count = Math.min(perGroup, end - seq + 1);
    const messageIds = Array.from({ length: count }, (_, offset) => messageIdOf(seq + offset));
    indexNs += index.take(seq, messageIds);
    sqliteNs += sqlite?.take(seq, messageIds) ?? 0;
    // Flushes end in turns of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const us = (ns: number) => (ns / (end - first) / 1000).toFixed(2);
  const { parts, bloomBytes, fileBytes } = index.index.stats();
  console.log(
    `${end} ids: ${us(indexNs)} µs an event, ${us(index.workNs)} of it sealing and merging, longest step ` +
      `${(index.longestWorkNs / 1e6).toFixed(1)} ms; ${parts} parts, ${(bloomBytes / 1e6).toFixed(1)} MB in memory, ` +
      `${(fileBytes / 1e6).toFixed(1)} MB of files${sqlite === null ? "" : `; UNIQUE index: ${us(sqliteNs)} µs`}`,
  );
  return indexNs / (end - first);
}

function timeRepeats(index: MessageIdIndex): void {
  const seqs = Array.from({ length: repeats }, (_, turn) => 1 + ((turn * 7919 * 104_729) % total));
  const messageIds = seqs.map(messageIdOf);
  const startNs = Bun.nanoseconds();
  messageIds.forEach((messageId, turn) => {
    if (index.find(1, messageId) !== seqs[turn]) throw new Error("a repeat was not found");
  });
  console.log(`a repeat: ${((Bun.nanoseconds() - startNs) / repeats / 1000).toFixed(2)} µs`);
}

function timed<T>(what: string, work: () => T): T {
  const startNs = Bun.nanoseconds();
  const value = work();
  console.log(`${what}: ${((Bun.nanoseconds() - startNs) / 1e6).toFixed(1)} ms`);
  return value;
}

try {
  const index = new IndexSide();
  const sqlite = values["without-sqlite"] ? null : new SqliteSide();
  const lines: number[] = [];
  for (let first = 0; first < total; first += perLine) lines.push(await line(first, index, sqlite));
  console.log(`last line against first: ${((lines.at(-1) ?? 0) / (lines[0] ?? 1)).toFixed(2)} of the cost`);
  timeRepeats(index.index);
  timed("clean stop", () => index.index.close());
  timed("start after it", () => openIndex(total))[Symbol.dispose]();
  rmSync(join(folder, "ids"), { recursive: true });
  timed("start without the folder (rows made up, not read)", () => openIndex(total)).close();
} finally {
  rmSync(folder, { recursive: true });
}
