/**
 * How long events took, as counts by bucket of latencies: a row for ten minutes, a source, an event and a stage; after
 * two days the rows of an hour become one. Numbers and names, no text of a person.
 */
import type { Database } from "../sqlite.ts";

/** Counts of a stretch of time. */
export interface FreshnessRow {
  /** Its begin. */
  readonly atMs: number;
  readonly source: string;
  readonly event: string;
  /** `lag` (happened to received), `visible`, `fed`, `delivered` (each from receipt). */
  readonly stage: string;
  /** By the buckets of lib/metrics.ts. */
  readonly counts: readonly number[];
}

/** Counts put together. */
export interface FreshnessBoard {
  readonly stretches: readonly {
    readonly atMs: number;
    readonly stage: string;
    readonly counts: readonly number[];
  }[];
  readonly kinds: readonly Omit<FreshnessRow, "atMs">[];
}

interface Row {
  readonly atMs: number;
  readonly source: string;
  readonly event: string;
  readonly stage: string;
  readonly counts: string;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const fineMs = 2 * dayMs;
const keptMs = 60 * dayMs;
/** Rows that are made fewer at once. */
const maxRowsThinned = 50_000;

const columns = "at_ms AS atMs, source, event, stage, counts";
const upsert = `
INSERT INTO freshness (at_ms, source, event, stage, counts) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (at_ms, source, event, stage) DO UPDATE SET counts = excluded.counts`;

export class FreshnessRoom {
  readonly #database: Database;
  #thinnedAtMs = -Infinity;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Adds counts to their stretches. */
  add(rows: readonly FreshnessRow[], nowMs: number): void {
    this.#database.transaction(() => {
      for (const row of rows) this.#add(row);
      if (Math.abs(nowMs - this.#thinnedAtMs) < hourMs) return;
      this.#thin(nowMs);
      this.#thinnedAtMs = nowMs;
    })();
  }

  /** Counts from an instant on: by stretches of so long, and by source and event. */
  board(fromMs: number, stretchMs: number): FreshnessBoard {
    const stretches = new Map<string, { readonly atMs: number; readonly stage: string; counts: number[] }>();
    const kinds = new Map<string, Omit<FreshnessRow, "atMs" | "counts"> & { counts: number[] }>();
    const rows = this.#database.query<Row, [number]>(
      `SELECT ${columns} FROM freshness WHERE at_ms >= ? ORDER BY at_ms`,
    );
    for (const { atMs, source, event, stage, counts: text } of rows.iterate(fromMs)) {
      const counts = JSON.parse(text) as number[];
      const beginMs = Math.floor(atMs / stretchMs) * stretchMs;
      const stretch = `${beginMs} ${stage}`;
      const kind = JSON.stringify([source, event, stage]);
      const known = stretches.get(stretch) ?? { atMs: beginMs, stage, counts: [] };
      stretches.set(stretch, { ...known, counts: added(known.counts, counts) });
      const before = kinds.get(kind) ?? { source, event, stage, counts: [] };
      kinds.set(kind, { ...before, counts: added(before.counts, counts) });
    }
    return { stretches: [...stretches.values()], kinds: [...kinds.values()] };
  }

  #add({ atMs, source, event, stage, counts }: FreshnessRow): void {
    const kept = this.#database
      .query<{ counts: string }, [number, string, string, string]>(
        "SELECT counts FROM freshness WHERE at_ms = ? AND source = ? AND event = ? AND stage = ?",
      )
      .get(atMs, source, event, stage);
    const before = kept === null ? [] : (JSON.parse(kept.counts) as number[]);
    const sums = JSON.stringify(added(before, counts));
    this.#database.query(upsert).run(atMs, source, event, stage, sums);
  }

  /** Makes one row an hour of what is two days old, and drops what is old. */
  #thin(nowMs: number): void {
    this.#database.query("DELETE FROM freshness WHERE at_ms < ?").run(nowMs - keptMs);
    const before = Math.floor((nowMs - fineMs) / hourMs) * hourMs;
    const fine = this.#database
      .query<Row, [number, number]>(
        `SELECT ${columns} FROM freshness WHERE at_ms < ? AND at_ms % ${hourMs} <> 0 LIMIT ?`,
      )
      .all(before, maxRowsThinned)
      .map(parsed);
    for (const row of fine) {
      this.#database
        .query("DELETE FROM freshness WHERE at_ms = ? AND source = ? AND event = ? AND stage = ?")
        .run(row.atMs, row.source, row.event, row.stage);
      this.#add({ ...row, atMs: Math.floor(row.atMs / hourMs) * hourMs });
    }
  }
}

function added(left: readonly number[], right: readonly number[]): number[] {
  return Array.from(
    { length: Math.max(left.length, right.length) },
    (_, bucket) => (left[bucket] ?? 0) + (right[bucket] ?? 0),
  );
}

function parsed({ counts, ...row }: Row): FreshnessRow {
  return { ...row, counts: JSON.parse(counts) as number[] };
}
