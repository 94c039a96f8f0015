/** Jobs on the other side that rows of the queue wait for. */
import type { Database } from "../sqlite.ts";
import { kindOfCode, laneOfCode } from "./deliveryCodes.ts";
import { knownTextOf, type TakenRow } from "./deliveryRows.ts";
import type { StoredThen } from "./deliverySettling.ts";
import type { DeliveryJob } from "./deliveries.ts";

const selectDue =
  "SELECT job, operation, started_ms, attempts FROM delivery_job WHERE destination = ? AND due_ms <= ? ORDER BY due_ms LIMIT 1";
const selectNext = "SELECT min(due_ms) AS due FROM delivery_job WHERE destination = ?";
const selectRows = `
SELECT d.profile, d.kind, d.item, d.lane, d.seq, d.since_ms, d.attempts, d.failing_since_ms, d.payload, d.then_known,
  a.key, a.former, a.fields, a.version
FROM delivery d LEFT JOIN acknowledged a ON a.destination = d.destination AND a.profile = d.profile
WHERE d.destination = ? AND d.job = ? ORDER BY d.job_position`;
const put = "UPDATE delivery_job SET due_ms = ?, attempts = attempts + 1 WHERE destination = ? AND job = ?";
const remove = "DELETE FROM delivery_job WHERE destination = ? AND job = ?";

export class JobTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The job that is to be asked for, with its rows; else when the next one is (null: there is none). */
  due(
    destination: number,
    nowMs: number,
  ): { readonly job: DeliveryJob | null; readonly nextDueMs: number | null } {
    const found = this.#database
      .query<{ job: string; operation: string; started_ms: number; attempts: number }, [number, number]>(
        selectDue,
      )
      .get(destination, nowMs);
    if (found === null) {
      const next = this.#database.query<{ due: number | null }, [number]>(selectNext).get(destination);
      return { job: null, nextDueMs: next?.due ?? null };
    }
    const rows = this.#database
      .query<TakenRow & { then_known: string }, [number, string]>(selectRows)
      .all(destination, found.job)
      .map((row) => {
        // Written by the settling of the row alone.
        const stored = JSON.parse(row.then_known) as StoredThen;
        return {
          profile: row.profile,
          kind: kindOfCode(row.kind),
          item: row.item,
          lane: laneOfCode(row.lane),
          seq: stored.seq,
          sinceMs: row.since_ms,
          attempts: row.attempts,
          failingSinceMs: row.failing_since_ms,
          payload: row.payload,
          known: knownTextOf(row),
          after: stored.after,
        };
      });
    const { job, operation, started_ms: startedAtMs, attempts } = found;
    return { job: { job, operation, startedAtMs, attempts, rows }, nextDueMs: nowMs };
  }

  /** Asks for it again later. */
  later(destination: number, job: string, dueMs: number): void {
    this.#database.query(put).run(dueMs, destination, job);
  }

  /** It is over; to be called after its rows are settled. */
  end(destination: number, job: string): void {
    this.#database.query(remove).run(destination, job);
  }
}
