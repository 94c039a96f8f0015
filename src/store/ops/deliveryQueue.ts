/**
 * The queue of deliveries as rows of ops.db, for the one thread that has it open.
 *
 * A row goes
 *
 *   queued → (taken) → sending → gone | queued again, later | dead letter | job → …
 *                                  └► asleep: a profile that will be another by itself at a known time
 *
 * Taking only marks the row in this thread's memory, under a deadline; `begin` writes down what a crash must not hide
 * before a byte is sent: what a profile will be called there, and that a message may have gone out. `settle` writes what
 * became of it. A kill before `begin` leaves a row that was not sent; between `begin` and `settle` one that may have
 * been: a profile is sent again, which changes nothing there; of a message `recover` says that it is uncertain.
 */
import type { DeliveryKind, Lane } from "../../model/delivery/delivery.ts";
import { lanes } from "../../model/delivery/delivery.ts";
import type { Database } from "../sqlite.ts";
import { codeOfLane, codeOfState, kindOfCode, laneOfCode } from "./deliveryCodes.ts";
import { buryRow, outOfQueue, toQueue } from "./deadLetterTable.ts";
import { InFlight, isNotInFlight } from "./inFlight.ts";
import { settleOne } from "./deliverySettling.ts";
import { keyOf, knownTextOf, refValues, type TakenRow } from "./deliveryRows.ts";
import { settleSend } from "./triggerTable.ts";
import type { Beginning, Delivery, DeliveryRef, NewDelivery, QueueCounts, Settlement } from "./deliveries.ts";

const setCursor = "UPDATE destination SET cursor = ? WHERE id = ?";
const noteFill =
  "UPDATE destination SET backfill_after = ?, backfill_rows = backfill_rows + ?, backfill_done_ms = ? WHERE id = ?";
const taken = `
SELECT d.profile, d.kind, d.item, d.lane, d.seq, d.since_ms, d.attempts, d.failing_since_ms, d.payload,
  a.key, a.former, a.fields, a.version
FROM delivery d LEFT JOIN acknowledged a ON a.destination = d.destination AND a.profile = d.profile
WHERE d.destination = ? AND d.lane = ? AND d.state IN (0, 3) AND d.due_ms <= ? AND ${isNotInFlight}
  AND NOT EXISTS (
    SELECT 1 FROM delivery e WHERE e.destination = d.destination AND e.profile = d.profile AND e.lane = d.lane
      AND e.state <> ${codeOfState("asleep")} AND (e.first_seq, e.kind) < (d.first_seq, d.kind))
ORDER BY d.due_ms LIMIT ?`;
const nextDue =
  "SELECT min(due_ms) AS due FROM delivery WHERE destination = ? AND lane = ? AND state IN (0, 3)";
const lease = `UPDATE delivery SET state = ${codeOfState("sending")} WHERE destination = ? AND profile = ? AND kind = ? AND item = ?`;
const intend = `
INSERT INTO acknowledged (destination, profile, key, former, fields, version) VALUES (?1, ?2, ?3, NULL, ?4, 0)
ON CONFLICT (destination, profile) DO UPDATE SET
  former = CASE WHEN key = ?3 THEN former ELSE json_insert(coalesce(former, '[]'), '$[#]', json(key)) END,
  version = CASE WHEN key = ?3 THEN version ELSE 0 END,
  fields = ?4,
  key = ?3`;
const meet =
  "INSERT OR IGNORE INTO acknowledged (destination, profile, key, former, fields, version) VALUES (?, ?, ?, NULL, '{}', 0)";
const interrupted = `
SELECT profile, kind, item, lane, seq, payload FROM delivery WHERE destination = ? AND state = ${codeOfState("sending")} AND gone IS NULL`;
const freeGone = `UPDATE delivery SET state = 0 WHERE destination = ? AND state = ${codeOfState("sending")} AND gone IS NOT NULL`;
const freeOne = `UPDATE delivery SET state = 0, due_ms = ? WHERE destination = ? AND profile = ? AND kind = ? AND item = ?`;
const calm = "UPDATE delivery SET due_ms = ?1 WHERE destination = ?2 AND state = 0 AND due_ms > ?1 + ?3";
const hurry = "UPDATE delivery SET due_ms = ? WHERE destination = ? AND state = 0 AND attempts > 0";
const shift =
  "UPDATE delivery SET due_ms = max(?1, due_ms - ?2) WHERE destination = ?3 AND state = 0 AND due_ms > ?1";
const shiftJobs =
  "UPDATE delivery_job SET due_ms = max(?1, due_ms - ?2) WHERE destination = ?3 AND due_ms > ?1";
const noteClock = "UPDATE destination SET clock_ms = ? WHERE id = ?";
const selectClock = "SELECT clock_ms FROM destination WHERE id = ?";
const countRows = `
SELECT lane, state, count(*) AS count, min(since_ms) AS since FROM delivery WHERE destination = ? GROUP BY lane, state`;
const countDead = "SELECT count(*) AS count FROM dead_letter WHERE destination = ?";

const checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";

/** Nothing waits longer than this: what is due later was put off by a clock that went back since. */
const furthestMs = 2 * 3_600_000;
const interruption = "the server ended while it was being sent";
/** How long a row that was taken is nobody else's. */
const leaseMs = 300_000;

export class DeliveryQueue {
  readonly #database: Database;
  readonly #inFlight: InFlight;

  constructor(database: Database) {
    this.#database = database;
    this.#inFlight = new InFlight(database);
  }

  /** After a start: rows that were being sent when the last process ended. Says how many are held for a person. */
  recover(destination: number, uncertain: readonly DeliveryKind[], nowMs: number): number {
    let held = 0;
    // Nobody works on them any more, also where only the destination was opened anew.
    this.#inFlight.removeAll(destination);
    this.#database.transaction(() => {
      this.#database.query(freeGone).run(destination);
      for (const row of this.#database.query<TakenRow, [number]>(interrupted).all(destination)) {
        const kind = kindOfCode(row.kind);
        // In the transactional lane it goes out again under the same Message-ID.
        if (!uncertain.includes(kind) || laneOfCode(row.lane) === "transactional") {
          this.#database.query(freeOne).run(nowMs, destination, row.profile, row.kind, row.item);
          if (kind === "send") settleSend(this.#database, row.item, "uncertain", interruption, nowMs);
          continue;
        }
        held += 1;
        const reason = interruption;
        const operation = kind === "profile" ? "upsert" : kind;
        const letter = {
          atMs: nowMs,
          why: "uncertain",
          operation,
          reason,
          request: null,
          response: null,
        } as const;
        buryRow(this.#database, destination, { ...row, ...keyOf(row) }, letter);
        outOfQueue(this.#database, destination, keyOf(row));
        if (kind === "send") settleSend(this.#database, row.item, "uncertain", reason, nowMs);
      }
      const before = this.#database
        .query<{ clock_ms: number | null }, [number]>(selectClock)
        .get(destination);
      const wentBackMs = (before?.clock_ms ?? nowMs) - nowMs;
      if (wentBackMs > 0) this.calm(destination, nowMs, wentBackMs);
      this.#database.query(noteClock).run(nowMs, destination);
      this.#database.query(calm).run(nowMs, destination, furthestMs);
    })();
    return held;
  }

  /** Puts rows in and moves the cursor, all or nothing. */
  enqueue(destination: number, cursor: number | null, rows: readonly NewDelivery[], nowMs: number): void {
    this.#database.transaction(() => {
      for (const row of rows) toQueue(this.#database, destination, row, nowMs);
      if (cursor !== null) this.#database.query(setCursor).run(cursor, destination);
    })();
  }

  /** Puts a page of all profiles in, and remembers where the walk is; `isLast`: there are no more. */
  fill(
    destination: number,
    afterPid: number,
    rows: readonly NewDelivery[],
    isLast: boolean,
    nowMs: number,
  ): void {
    this.#database.transaction(() => {
      for (const row of rows) toQueue(this.#database, destination, row, nowMs);
      this.#database.query(noteFill).run(afterPid, rows.length, isLast ? nowMs : null, destination);
    })();
  }

  /** Takes what is due, the most urgent lane alone; and says when something more will be. */
  take(
    destination: number,
    from: readonly Lane[],
    limit: number,
    { nowMs, monotonicMs }: { readonly nowMs: number; readonly monotonicMs: number },
  ): { readonly rows: Delivery[]; readonly nextDueMs: number | null } {
    this.#inFlight.removeLate(monotonicMs);
    for (const lane of from) {
      const found = this.#database
        .query<TakenRow, [number, number, number, number]>(taken)
        .all(destination, codeOfLane(lane), nowMs, limit);
      if (found.length === 0) continue;
      this.#inFlight.add(destination, found.map(keyOf), monotonicMs + leaseMs);
      return { rows: found.map(deliveryOf), nextDueMs: nowMs };
    }
    const dues = from.flatMap((lane) => {
      const due = this.#database
        .query<{ due: number | null }, [number, number]>(nextDue)
        .get(destination, codeOfLane(lane))?.due;
      return due === null || due === undefined ? [] : [due];
    });
    return { rows: [], nextDueMs: dues.length === 0 ? null : Math.min(...dues) };
  }

  /** What failed waits no longer: somebody says that it will be taken now. */
  retryNow(destination: number, nowMs: number): void {
    this.#database.query(hurry).run(nowMs, destination);
  }

  /** A clock went back by so much: what waits, waits for as long as it would have. */
  calm(destination: number, nowMs: number, wentBackMs: number): void {
    this.#database.query(shift).run(nowMs, wentBackMs, destination);
    this.#database.query(shiftJobs).run(nowMs, wentBackMs, destination);
  }

  /** Writes down what a crash must not hide. */
  begin(destination: number, beginnings: readonly Beginning[], leased: boolean): void {
    this.#database.transaction(() => {
      for (const { ref, key, meanwhile } of beginnings) {
        if (leased) this.#database.query(lease).run(...refValues(destination, ref));
        if (meanwhile === null) this.#database.query(meet).run(destination, ref.profile, key);
        else this.#database.query(intend).run(destination, ref.profile, key, meanwhile);
      }
    })();
  }

  /** Writes what became of rows that were taken. */
  settle(destination: number, settlements: readonly Settlement[], nowMs: number): void {
    this.#database.transaction(() => {
      for (const settlement of settlements) settleOne(this.#database, destination, settlement, nowMs);
      this.#database.query(noteClock).run(nowMs, destination);
    })();
    this.#inFlight.remove(
      destination,
      settlements.map(({ ref }) => ref),
    );
    // What a person was called there goes for good once it is erased there: also out of the file's log.
    if (settlements.some(({ kind, ref }) => kind === "done" && ref.kind === "erase"))
      this.#database.query(checkpoint).all();
  }

  /** Rows that were taken and not tried. */
  release(destination: number, refs: readonly DeliveryRef[]): void {
    this.#inFlight.remove(destination, refs);
  }

  counts(destination: number): QueueCounts {
    const byLane: Record<Lane, number> = { transactional: 0, behavioural: 0, batch: 0 };
    let oldestMs: number | null = null;
    let jobs = 0;
    for (const row of this.#database
      .query<{ lane: number; state: number; count: number; since: number }, [number]>(countRows)
      .all(destination)) {
      if (row.state === codeOfState("asleep")) continue;
      if (row.state === codeOfState("job")) jobs += row.count;
      byLane[laneOfCode(row.lane)] += row.count;
      oldestMs = oldestMs === null ? row.since : Math.min(oldestMs, row.since);
    }
    const dead = this.#database.query<{ count: number }, [number]>(countDead).get(destination);
    return { byLane, oldestMs, jobs, deadLetters: dead?.count ?? 0 };
  }
}

function deliveryOf(row: TakenRow): Delivery {
  return {
    profile: row.profile,
    kind: kindOfCode(row.kind),
    item: row.item,
    seq: row.seq,
    lane: lanes[row.lane] ?? "batch",
    sinceMs: row.since_ms,
    attempts: row.attempts,
    failingSinceMs: row.failing_since_ms,
    payload: row.payload,
    known: knownTextOf(row),
  };
}
