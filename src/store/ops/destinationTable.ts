/** Destinations as rows of ops.db: where each has come to, whether it is to be filled, paused or stopped. */
import type { Database } from "../sqlite.ts";
import { codeOfKind } from "./deliveryCodes.ts";
import { settleSend } from "./triggerTable.ts";
import type { Backfill, DestinationOpening, DestinationState } from "./deliveries.ts";

const columns =
  "id, name, type, epoch, cursor, mapping, settings, paused, stopped, backfill_after, backfill_to, backfill_rows, backfill_started_ms, backfill_done_ms";
const selectByName = `SELECT ${columns} FROM destination WHERE name = ?`;
const selectAll = `SELECT ${columns} FROM destination ORDER BY name`;
const insert =
  "INSERT INTO destination (name, type, epoch, cursor, mapping, settings, paused, erases) VALUES (?, ?, ?, ?, ?, ?, 0, 0)";
const rewind = "UPDATE destination SET epoch = ?, cursor = ? WHERE id = ?";
const beginFill =
  "UPDATE destination SET backfill_after = 0, backfill_to = ?, backfill_rows = 0, backfill_started_ms = ?, backfill_done_ms = NULL WHERE id = ?";
const rename =
  "UPDATE destination SET type = ?, mapping = ?, settings = ?, stopped = ?, erases = ? WHERE id = ?";
const beginPeople = "INSERT OR IGNORE INTO people_cursor (id, epoch, seq) VALUES (1, ?, ?)";
const setPaused = "UPDATE destination SET paused = ? WHERE id = ?";
const setStopped = "UPDATE destination SET stopped = ? WHERE id = ?";
/** What there is of one, part by part; the destination itself goes last. */
const forgetParts = [
  ...["delivery", "acknowledged"].map(
    (table) =>
      `DELETE FROM ${table} WHERE destination = ?1 AND profile IN (SELECT profile FROM ${table} WHERE destination = ?1 LIMIT ?2)`,
  ),
  "DELETE FROM delivery_job WHERE destination = ?1 AND job IN (SELECT job FROM delivery_job WHERE destination = ?1 LIMIT ?2)",
  "DELETE FROM dead_letter WHERE id IN (SELECT id FROM dead_letter WHERE destination = ?1 LIMIT ?2)",
  "DELETE FROM destination WHERE id = ?1 AND ?2 > 0",
] as const;
const selectSends =
  "SELECT item FROM delivery WHERE destination = ?1 AND profile IN (SELECT profile FROM delivery WHERE destination = ?1 LIMIT ?2) AND kind = ?3";
const setCursor = "UPDATE destination SET cursor = ? WHERE id = ?";

interface Row {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  readonly epoch: number;
  readonly cursor: number;
  readonly mapping: string;
  readonly settings: string;
  readonly paused: number;
  readonly stopped: string | null;
  readonly backfill_after: number | null;
  readonly backfill_to: number | null;
  readonly backfill_rows: number | null;
  readonly backfill_started_ms: number | null;
  readonly backfill_done_ms: number | null;
}

export class DestinationTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Finds or makes it. A new one begins at the head, and with all profiles there are; one whose cursor is of another
   * journal, or lies beyond this one's end, does the same.
   */
  open(opening: DestinationOpening): DestinationState {
    return this.#database.transaction(() => {
      const found = this.#byName(opening.name);
      if (found === null) {
        const { name, type, epoch, head, mapping, settings } = opening;
        this.#database.query(insert).run(name, type, epoch, head, mapping, settings);
      }
      // From here on erasures are of concern.
      this.#database.query(beginPeople).run(opening.epoch, opening.head);
      const row = found ?? this.#need(opening.name);
      const isLost = row.epoch !== opening.epoch || row.cursor > opening.head;
      if (isLost) this.#database.query(rewind).run(opening.epoch, opening.head, row.id);
      const isOther = row.mapping !== opening.mapping || row.type !== opening.type;
      if (opening.takesProfiles && (found === null || isLost || isOther))
        this.refill(row.id, opening.head, opening.nowMs);
      const stopped = row.settings === opening.settings ? row.stopped : null;
      this.#database
        .query(rename)
        .run(opening.type, opening.mapping, opening.settings, stopped, opening.erases ? 1 : 0, row.id);
      return stateOf(this.#need(opening.name));
    })();
  }

  list(): DestinationState[] {
    return this.#database.query<Row, []>(selectAll).all().map(stateOf);
  }

  pause(id: number, isPaused: boolean): void {
    this.#database.query(setPaused).run(isPaused ? 1 : 0, id);
  }

  /** Null lifts the stop. */
  stop(id: number, reason: string | null): void {
    this.#database.query(setStopped).run(reason, id);
  }

  /**
   * Forgets it, so many rows at a time: what waits for it, its dead letters, and what it acknowledged. True: it is gone.
   */
  forget(id: number, limit: number, nowMs: number): boolean {
    return this.#database.transaction(() => {
      for (const { item } of this.#database
        .query<{ item: string }, [number, number, number]>(selectSends)
        .all(id, limit, codeOfKind("send")))
        settleSend(this.#database, item, "skipped", "destination_removed", nowMs);
      for (const part of forgetParts) if (this.#database.query(part).run(id, limit).changes > 0) return false;
      return true;
    })();
  }

  /** Moves on without putting anything into the queue. */
  advance(id: number, cursor: number): void {
    this.#database.query(setCursor).run(cursor, id);
  }

  /** Sends every profile up to that number anew, as far as it differs. */
  refill(id: number, toPid: number, nowMs: number): void {
    this.#database.query(beginFill).run(toPid, nowMs, id);
  }

  #byName(name: string): Row | null {
    return this.#database.query<Row, [string]>(selectByName).get(name);
  }

  #need(name: string): Row {
    const row = this.#byName(name);
    if (row === null) throw new Error(`ops.db has no destination ${name}`);
    return row;
  }
}

function stateOf(row: Row): DestinationState {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    cursor: row.cursor,
    isPaused: row.paused === 1,
    stopped: row.stopped,
    backfill: backfillOf(row),
  };
}

function backfillOf(row: Row): Backfill | null {
  if (row.backfill_after === null) return null;
  return {
    afterPid: row.backfill_after,
    toPid: row.backfill_to ?? 0,
    rows: row.backfill_rows ?? 0,
    startedAtMs: row.backfill_started_ms ?? 0,
    doneAtMs: row.backfill_done_ms,
  };
}
