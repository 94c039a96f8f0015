/**
 * Merges and erasures, taken into what destinations are known to hold, in the order of the change log and for every
 * destination there ever was. What was in flight meanwhile is only marked: its own settling makes it right.
 */
import type { Database } from "../sqlite.ts";
import { codeOfLane } from "./deliveryCodes.ts";
import { toQueue } from "./deadLetterTable.ts";
import type { PeopleAct } from "./deliveries.ts";

const selectCursor = "SELECT epoch, seq FROM people_cursor WHERE id = 1";
const putCursor = "INSERT OR REPLACE INTO people_cursor (id, epoch, seq) VALUES (1, ?, ?)";
const selectOne =
  "SELECT destination, key, former, fields, version, acked_ms FROM acknowledged WHERE destination = ? AND profile = ?";
const insertKnown =
  "INSERT INTO acknowledged (destination, profile, key, former, fields, version, acked_ms) VALUES (?, ?, ?, ?, ?, ?, ?)";
const setFormer = "UPDATE acknowledged SET former = ? WHERE destination = ? AND profile = ?";
const forget = "DELETE FROM acknowledged WHERE destination = ? AND profile = ?";
const destinations = "SELECT id, erases FROM destination";
const markProfile = `UPDATE delivery SET gone = ?, lane = ${codeOfLane("behavioural")}, due_ms = ?, attempts = 0, state = CASE state WHEN 3 THEN 0 ELSE state END WHERE destination = ? AND profile = ? AND kind = 0`;
const dropRest = "DELETE FROM delivery WHERE destination = ? AND profile = ? AND kind <> 0";
const dropLetters = "DELETE FROM dead_letter WHERE destination = ? AND profile = ?";
const dropAttempts = "DELETE FROM delivery_attempt WHERE profile = ?";
const moveAttempts = "UPDATE delivery_attempt SET profile = ? WHERE profile = ?";
const checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";

interface KnownRow {
  readonly destination: number;
  readonly key: string;
  readonly former: string | null;
  readonly fields: string;
  readonly version: number;
  readonly acked_ms: number | null;
}

export class PeopleTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Where it has come to; null: it has not begun. */
  cursor(): { readonly epoch: number; readonly seq: number } | null {
    return this.#database.query<{ epoch: number; seq: number }, []>(selectCursor).get();
  }

  /** Takes acts in, in order. */
  take(epoch: number, seq: number, acts: readonly PeopleAct[], nowMs: number): void {
    this.#database.transaction(() => {
      for (const act of acts) {
        if (act.kind === "merge") for (const from of act.from) this.#merge(from, act.into, nowMs);
        else for (const profile of act.profiles) this.#erase(profile, act, nowMs);
      }
      this.#database.query(putCursor).run(epoch, seq);
    })();
    if (acts.some(({ kind }) => kind === "erase")) this.compact();
  }

  /** Takes deleted text out of the file's log. */
  compact(): void {
    this.#database.query(checkpoint).all();
  }

  #merge(from: string, into: string, nowMs: number): void {
    for (const row of this.#known(from)) {
      const { destination, key, former, fields, version, acked_ms } = row;
      const other = this.#database.query<KnownRow, [number, string]>(selectOne).get(destination, into);
      this.#database.query(forget).run(destination, from);
      if (other === null)
        this.#database.query(insertKnown).run(destination, into, key, former, fields, version, acked_ms);
      else
        this.#database
          .query(setFormer)
          .run(
            JSON.stringify(keysOf(other, row).filter((one) => JSON.stringify(one) !== other.key)),
            destination,
            into,
          );
    }
    for (const { id } of this.#destinations()) this.#database.query(markProfile).run(into, nowMs, id, from);
    this.#database.query(moveAttempts).run(into, from);
  }

  #erase(
    profile: string,
    { seq, atMs }: { readonly seq: number; readonly atMs: number },
    nowMs: number,
  ): void {
    const erasing = this.#destinations().flatMap(({ id, erases }) => (erases === 1 ? [id] : []));
    const known = this.#known(profile);
    for (const { id } of this.#destinations()) {
      this.#database.query(markProfile).run("", nowMs, id, profile);
      this.#database.query(dropRest).run(id, profile);
      this.#database.query(dropLetters).run(id, profile);
    }
    this.#database.query(dropAttempts).run(profile);
    for (const row of known) {
      const { destination } = row;
      this.#database.query(forget).run(destination, profile);
      if (!erasing.includes(destination)) continue;
      for (const [at, key] of keysOf(row).entries())
        toQueue(
          this.#database,
          destination,
          {
            profile,
            kind: "erase",
            item: `${seq}/${at}`,
            lane: "behavioural",
            seq,
            atMs,
            payload: JSON.stringify(key),
          },
          nowMs,
        );
    }
  }

  #known(profile: string): KnownRow[] {
    return this.#destinations().flatMap(
      ({ id }) => this.#database.query<KnownRow, [number, string]>(selectOne).get(id, profile) ?? [],
    );
  }

  #destinations(): { readonly id: number; readonly erases: number }[] {
    return this.#database.query<{ id: number; erases: number }, []>(destinations).all();
  }
}

/** Everything that rows' profiles are or were called there, each once. */
function keysOf(...rows: readonly KnownRow[]): unknown[] {
  const texts = rows.flatMap(({ key, former }) => [
    key,
    ...(former === null ? [] : (JSON.parse(former) as unknown[]).map((one) => JSON.stringify(one))),
  ]);
  return [...new Set(texts)].map((text) => JSON.parse(text) as unknown);
}
