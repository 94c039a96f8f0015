/** What is known of one profile at one destination, for people who ask; and samples for the audit of drift. */
import type { Database } from "../sqlite.ts";
import { kindOfCode, laneOfCode, stateOfCode } from "./deliveryCodes.ts";
import { knownOf, type TakenRow } from "./deliveryRows.ts";
import type { AttemptNote, DeliveryStory, KnownProfile } from "./deliveries.ts";

const selectKnown =
  "SELECT profile, key, former, fields, version, acked_ms FROM acknowledged WHERE destination = ? AND profile = ?";
const selectQueued = `
SELECT profile, kind, item, lane, seq, since_ms, attempts, failing_since_ms, payload, due_ms, state, NULL AS key, NULL AS fields, NULL AS version
FROM delivery WHERE destination = ? AND profile = ? LIMIT 50`;
const selectAttempts =
  "SELECT at_ms, operation, outcome, status, reason, duration_ms FROM delivery_attempt WHERE profile = ? AND destination = ? ORDER BY id DESC LIMIT 50";
const selectSample =
  "SELECT profile, key, former, fields, version, acked_ms FROM acknowledged WHERE destination = ? AND profile > ? AND acked_ms <= ? ORDER BY profile LIMIT ?";
const unprint = "UPDATE acknowledged SET fields = ? WHERE destination = ? AND profile = ?";

interface KnownRow {
  readonly profile: string;
  readonly key: string;
  readonly former: string | null;
  readonly fields: string;
  readonly version: number;
  readonly acked_ms: number | null;
}

export class DeliveryStories {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Of one profile; without dead letters, which have a room of their own. */
  of(destination: number, profile: string): Omit<DeliveryStory, "destination" | "deadLetters"> {
    const known = this.#database.query<KnownRow, [number, string]>(selectKnown).get(destination, profile);
    const queued = this.#database
      .query<TakenRow & { due_ms: number; state: number }, [number, string]>(selectQueued)
      .all(destination, profile);
    const attempts = this.#database
      .query<Omit<AttemptNote, "durationMs"> & { at_ms: number; duration_ms: number }, [string, number]>(
        selectAttempts,
      )
      .all(profile, destination);
    return {
      known:
        known === null ? null : { ...knowing(known), former: formerOf(known), ackedAtMs: known.acked_ms },
      queued: queued.map((row) => ({
        profile: row.profile,
        kind: kindOfCode(row.kind),
        item: row.item,
        lane: laneOfCode(row.lane),
        seq: row.seq,
        sinceMs: row.since_ms,
        attempts: row.attempts,
        failingSinceMs: row.failing_since_ms,
        payload: row.payload,
        known: null,
        dueMs: row.due_ms,
        state: stateOfCode(row.state),
      })),
      attempts: attempts.map(({ at_ms, duration_ms, ...note }) => ({
        ...note,
        atMs: at_ms,
        durationMs: duration_ms,
      })),
    };
  }

  /** Profiles that were acknowledged by that time, in order after one. */
  sample(
    destination: number,
    after: string,
    ackedByMs: number,
    limit: number,
  ): (KnownProfile & { readonly profile: string })[] {
    return this.#database
      .query<KnownRow, [number, string, number, number]>(selectSample)
      .all(destination, after, ackedByMs, limit)
      .map((row) => ({ profile: row.profile, ...knowing(row) }));
  }

  /** Forgets that these fields were acknowledged, so that they are sent again. */
  unacknowledge(destination: number, profile: string, fields: readonly string[]): void {
    const row = this.#database.query<KnownRow, [number, string]>(selectKnown).get(destination, profile);
    if (row === null) return;
    const { acknowledged } = knowing(row);
    const left = Object.entries(acknowledged).map(([name, print]) => [
      name,
      fields.some((field) => name === `f:${field}`) ? "?" : print,
    ]);
    this.#database.query(unprint).run(JSON.stringify(Object.fromEntries(left)), destination, profile);
  }
}

function knowing({ key, fields, version }: KnownRow): KnownProfile {
  return knownOf({ key, fields, version }) ?? { key: {}, acknowledged: {}, version };
}

function formerOf({ former }: KnownRow): readonly string[] {
  return former === null ? [] : (JSON.parse(former) as unknown[]).map((key) => JSON.stringify(key));
}
