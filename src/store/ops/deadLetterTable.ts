/** Rows that were given up, and the way back into the queue. */
import type { DeliveryKind, Lane } from "../../model/delivery/delivery.ts";
import type { Database } from "../sqlite.ts";
import { codeOfKind, codeOfLane, kindOfCode, laneOfCode } from "./deliveryCodes.ts";
import { refValues } from "./deliveryRows.ts";
import type { DeadLetter, DeadWhy, NewDeadLetter, NewDelivery } from "./deliveries.ts";

const columns =
  "id, profile, kind, item, lane, seq, payload, at_ms, why, operation, reason, request, response";
const insertLetter = `
INSERT OR REPLACE INTO dead_letter (destination, profile, kind, item, lane, seq, payload, at_ms, why, operation, reason, request, response)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const deleteRow = "DELETE FROM delivery WHERE destination = ? AND profile = ? AND kind = ? AND item = ?";
const selectPage = `SELECT ${columns} FROM dead_letter WHERE destination = ? AND id < ? ORDER BY id DESC LIMIT ?`;
const selectOne = `SELECT ${columns} FROM dead_letter WHERE destination = ? AND id = ?`;
const selectFirst = `SELECT ${columns} FROM dead_letter WHERE destination = ? AND id > ? AND why <> 'uncertain' ORDER BY id LIMIT ?`;
const selectOf = `SELECT ${columns} FROM dead_letter WHERE destination = ? AND profile = ? ORDER BY id DESC LIMIT 50`;
const deleteLetter = "DELETE FROM dead_letter WHERE id = ?";
const putIn = `
INSERT INTO delivery (destination, profile, kind, item, lane, state, first_seq, seq, since_ms, last_ms, due_ms, attempts, payload)
VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, 0, ?)
ON CONFLICT (destination, profile, kind, item) DO UPDATE SET
  seq = max(seq, excluded.seq),
  last_ms = excluded.last_ms,
  lane = min(lane, excluded.lane),
  state = CASE state WHEN 3 THEN 0 ELSE state END,
  due_ms = CASE WHEN state = 3 OR attempts = 0 THEN min(due_ms, excluded.due_ms) ELSE due_ms END,
  since_ms = CASE state WHEN 3 THEN excluded.since_ms ELSE since_ms END,
  first_seq = CASE state WHEN 3 THEN excluded.first_seq ELSE first_seq END
WHERE delivery.kind = 0`;

interface LetterRow {
  readonly id: number;
  readonly profile: string;
  readonly kind: number;
  readonly item: string;
  readonly lane: number;
  readonly seq: number;
  readonly payload: string | null;
  readonly at_ms: number;
  readonly why: DeadWhy;
  readonly operation: string;
  readonly reason: string;
  readonly request: string | null;
  readonly response: string | null;
}

/**
 * Puts a row into the queue, inside whoever's transaction: of a profile there is one row, which stands for its newest
 * state; of everything else a repeat of the same item changes nothing.
 */
export function toQueue(database: Database, destination: number, row: NewDelivery, nowMs: number): void {
  const { profile, kind, item, lane, seq, atMs, payload } = row;
  const place = refValues(destination, { profile, kind, item });
  database.query(putIn).run(...place, codeOfLane(lane), seq, seq, atMs, atMs, nowMs, payload);
}

/** Writes a letter about a row, inside whoever's transaction; the row stays. */
export function buryRow(
  database: Database,
  destination: number,
  row: {
    readonly profile: string;
    readonly kind: DeliveryKind;
    readonly item: string;
    readonly lane: number;
    readonly seq: number;
    readonly payload: string | null;
  },
  letter: NewDeadLetter,
): void {
  const { profile, kind, item, lane, seq, payload } = row;
  const { atMs, why, operation, reason, request, response } = letter;
  const told = [atMs, why, operation, reason, request, response];
  database.query(insertLetter).run(destination, profile, codeOfKind(kind), item, lane, seq, payload, ...told);
}

export class DeadLetterTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The newest first, before that id. */
  page(destination: number, beforeId: number, limit: number): DeadLetter[] {
    return this.#database
      .query<LetterRow, [number, number, number]>(selectPage)
      .all(destination, beforeId, limit)
      .map(letterOf);
  }

  /** Those of one profile, the newest first. */
  of(destination: number, profile: string): DeadLetter[] {
    return this.#database
      .query<LetterRow, [number, string]>(selectOf)
      .all(destination, profile)
      .map(letterOf);
  }

  /**
   * Puts letters back into the queue: those of these ids, or (null) the first `limit` after `afterId`, without the
   * uncertain ones, which a person decides about one by one. Says how many, and the last id it looked at.
   */
  replay(
    destination: number,
    ids: readonly number[] | null,
    nowMs: number,
    afterId = 0,
    limit = 1_000,
  ): { readonly count: number; readonly lastId: number | null } {
    return this.#database.transaction(() => {
      const rows =
        ids === null
          ? this.#database
              .query<LetterRow, [number, number, number]>(selectFirst)
              .all(destination, afterId, limit)
          : ids.flatMap(
              (id) => this.#database.query<LetterRow, [number, number]>(selectOne).get(destination, id) ?? [],
            );
      for (const { id, ...row } of rows) {
        const back = {
          ...row,
          kind: kindOfCode(row.kind),
          lane: laneOfCode(row.lane) satisfies Lane,
          atMs: nowMs,
        };
        toQueue(this.#database, destination, back, nowMs);
        this.#database.query(deleteLetter).run(id);
      }
      return { count: rows.length, lastId: rows.at(-1)?.id ?? null };
    })();
  }

  /** Throws letters away. */
  discard(destination: number, ids: readonly number[]): number {
    return this.#database.transaction(() => {
      let count = 0;
      for (const id of ids)
        if (this.#database.query(selectOne).get(destination, id) !== null) {
          this.#database.query(deleteLetter).run(id);
          count += 1;
        }
      return count;
    })();
  }

  /** A letter about something that has no row in the queue, such as a change that a webhook refused. */
  write(destination: number, row: NewDelivery, letter: NewDeadLetter): void {
    buryRow(this.#database, destination, { ...row, lane: codeOfLane(row.lane) }, letter);
  }
}

/** Takes a row out of the queue, inside whoever's transaction. */
export function outOfQueue(
  database: Database,
  destination: number,
  ref: { readonly profile: string; readonly kind: DeliveryKind; readonly item: string },
): void {
  database.query(deleteRow).run(...refValues(destination, ref));
}

function letterOf({ kind, lane, at_ms, ...row }: LetterRow): DeadLetter {
  return { ...row, kind: kindOfCode(kind), lane: laneOfCode(lane), atMs: at_ms };
}
