/**
 * Merges and erasures, taken into what destinations are known to hold, in the order of the change log and for every
 * destination there ever was. What was in flight meanwhile is only marked: its own settling makes it right.
 */
import type { Database } from "../sqlite.ts";
import { codeOfKind, codeOfLane } from "./deliveryCodes.ts";
import { eraseKnown, mergeKnown } from "./knownProfiles.ts";
import { disinheritReceipts, eraseReceipts, inheritReceipts } from "./receiptTable.ts";
import type { PeopleAct } from "./deliveries.ts";

const selectCursor = "SELECT epoch, seq FROM people_cursor WHERE id = 1";
const putCursor = "INSERT OR REPLACE INTO people_cursor (id, epoch, seq) VALUES (1, ?, ?)";
const destinations = "SELECT id FROM destination";
const markProfile = `UPDATE delivery SET gone = ?, lane = ${codeOfLane("behavioural")}, due_ms = ?, attempts = 0, state = CASE state WHEN 3 THEN 0 ELSE state END WHERE destination = ? AND profile = ? AND kind = 0`;
/** What may be out is settled by its own end; what is not is looked at once more, and then gone. */
const markAll = `UPDATE delivery SET gone = '', payload = NULL, lane = ${codeOfLane("behavioural")}, due_ms = ?, attempts = 0, state = CASE state WHEN 3 THEN 0 ELSE state END WHERE destination = ? AND profile = ? AND kind <> ${codeOfKind("erase")}`;
const dropLetters = "DELETE FROM dead_letter WHERE destination = ? AND profile = ?";
const dropAttempts = "DELETE FROM delivery_attempt WHERE profile = ?";
const moveAttempts = "UPDATE delivery_attempt SET profile = ? WHERE profile = ?";
const checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";

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
        else if (act.kind === "undo") disinheritReceipts(this.#database, act.profile);
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
    for (const { id } of this.#destinations()) {
      mergeKnown(this.#database, id, from, into);
      this.#database.query(markProfile).run(into, nowMs, id, from);
    }
    this.#database.query(moveAttempts).run(into, from);
    inheritReceipts(this.#database, from, into);
  }

  #erase(profile: string, erasure: { readonly seq: number; readonly atMs: number }, nowMs: number): void {
    for (const { id } of this.#destinations()) {
      this.#database.query(markAll).run(nowMs, id, profile);
      this.#database.query(dropLetters).run(id, profile);
      eraseKnown(this.#database, id, profile, erasure, nowMs);
    }
    this.#database.query(dropAttempts).run(profile);
    eraseReceipts(this.#database, profile);
  }

  #destinations(): { readonly id: number }[] {
    return this.#database.query<{ id: number }, []>(destinations).all();
  }
}
