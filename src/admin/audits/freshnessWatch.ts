/**
 * How long events take: from when they happened to their receipt (lag), from there until they can be read (visible),
 * until a feed told them (fed), until a destination took them (delivered). By source and event, counted in buckets; what
 * was counted goes to ops.db once a minute. Of very many events a sample is looked at, each standing for its share.
 */
import type { Clock } from "../../lib/clock.ts";
import { describeError } from "../../lib/describeError.ts";
import type { Log } from "../../lib/log.ts";
import { latencyBoundsMs, Latency } from "../../lib/metrics.ts";
import type { Timers } from "../../lib/timers.ts";
import { fewestPeople, keptName, otherName } from "../../model/audit/cells.ts";
import { eventName } from "../../model/audit/dayTally.ts";
import type { FreshnessRow } from "../../store/audit/freshnessRoom.ts";
import type { ChangeRow, JournalReader } from "../../store/journalReader.ts";
import type { OpsDesk } from "../../store/ops/opsDesk.ts";
import { rowFlags, rowKind, typeOf } from "../../store/row.ts";
import type { ErrorBudget } from "./errorBudget.ts";
import type { VisibleTimes } from "./visibleTimes.ts";

/** The stretches of an event's way. */
export const stages = ["lag", "visible", "fed", "delivered"] as const;
export type Stage = (typeof stages)[number];

export interface FreshnessWatchDeps {
  readonly visible: VisibleTimes;
  readonly budget: ErrorBudget;
  /** Newest seq that readers see. */
  readonly head: () => number;
  /** A connection of its own. */
  readonly openJournal: () => JournalReader;
  readonly ops: Pick<OpsDesk, "ask">;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

const lookEveryMs = 1_000;
const looksPerFlush = 60;
/** Pages that are looked at at once, evenly spread over what came. */
const pages = 4;
const pageRows = 50;
/** Sources and events that are told apart. */
const maxKinds = 300;
/** Changes that are looked up in a second for what was delivered. */
const maxLookUps = 200;
/** Names of events that are known. */
const maxNames = 5_000;
/** A stretch of time that is counted together. */
const stretchMs = 600_000;

export class FreshnessWatch implements Disposable {
  readonly #deps: FreshnessWatchDeps;
  readonly #timer: Disposable;
  #journal: JournalReader | null = null;
  #seen: number;
  #looks = 0;
  #lookUps = 0;
  #isClosed = false;
  #kinds = new Set<string>();
  readonly #people = new Map<string, Set<number>>();
  #counted = new Map<string, { readonly row: Omit<FreshnessRow, "counts">; readonly latency: Latency }>();

  constructor(deps: FreshnessWatchDeps) {
    this.#deps = deps;
    this.#seen = deps.head();
    this.#timer = deps.timers.every(lookEveryMs, () => this.#tick());
  }

  /** Notes how long an event took to a stage; `times` events like it. */
  note(stage: Stage, source: string, event: string, durationMs: number, times = 1): void {
    const name = this.#kind(source, keptName(event));
    const atMs = Math.floor(this.#deps.clock.nowMs() / stretchMs) * stretchMs;
    const key = JSON.stringify([atMs, source, name, stage]);
    let counted = this.#counted.get(key);
    if (counted === undefined) {
      counted = { row: { atMs, source, event: name, stage }, latency: new Latency() };
      this.#counted.set(key, counted);
    }
    counted.latency.note(durationMs, times);
    const { budget, clock } = this.#deps;
    if (stage === budget.target.stage) budget.note(durationMs, times, clock.nowMs());
  }

  /** Notes that a destination took what a change told; of very many in a second, the first ones. */
  delivered(seq: number, durationMs: number): void {
    if (this.#isClosed || this.#lookUps >= maxLookUps) return;
    this.#lookUps += 1;
    this.#journal ??= this.#deps.openJournal();
    const [row] = this.#journal.changes(seq - 1, seq, 1);
    if (row === undefined || !isWatched(row)) return;
    const event = eventName({ type: typeOf(row.flags), name: row.name });
    this.note("delivered", this.#journal.sourceName(row.source), event, durationMs);
  }

  /** Puts what was counted into ops.db. */
  async flush(): Promise<void> {
    const rows = [...this.#counted.values()].map(({ row, latency }) => ({
      ...row,
      counts: latency.read().counts,
    }));
    this.#counted = new Map();
    if (rows.length > 0) await this.#deps.ops.ask("freshness", "add", rows, this.#deps.clock.nowMs());
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#timer[Symbol.dispose]();
    this.#journal?.[Symbol.dispose]();
    this.#journal = null;
  }

  #tick(): void {
    this.#lookUps = 0;
    this.#look();
    this.#looks += 1;
    if (this.#looks % looksPerFlush !== 0) return;
    this.#kinds = new Set();
    this.flush().catch((error: unknown) =>
      this.#deps.log.warn("how fresh events were could not be kept", describeError(error)),
    );
  }

  #look(): void {
    const head = this.#deps.head();
    const from = Math.min(this.#seen, head);
    this.#seen = head;
    if (head === from) return;
    this.#journal ??= this.#deps.openJournal();
    const stride = Math.max(pageRows, Math.ceil((head - from) / pages));
    for (let after = from; after < head; after += stride) {
      const end = Math.min(head, after + stride);
      const rows = this.#journal.changes(after, Math.min(end, after + pageRows), pageRows);
      const times = Math.max(1, Math.round((end - after) / pageRows));
      for (const row of rows)
        this.#take(row, this.#journal.sourceName(row.source), end - after <= pageRows ? 1 : times);
    }
  }

  #take(row: ChangeRow, source: string, times: number): void {
    const receivedAtMs = row.received_at_ms;
    if (!isWatched(row) || receivedAtMs === null || row.pid === null) return;
    const event = eventName({ type: typeOf(row.flags), name: row.name });
    this.#meet(event, row.pid);
    this.note("lag", source, event, receivedAtMs - row.timestamp_ms, times);
    const visibleAtMs = this.#deps.visible.at(row.seq);
    if (visibleAtMs !== null) this.note("visible", source, event, visibleAtMs - receivedAtMs, times);
  }

  #meet(event: string, person: number): void {
    let people = this.#people.get(event);
    if (people === undefined) {
      if (this.#people.size >= maxNames) return;
      people = new Set();
      this.#people.set(event, people);
    }
    if (people.size < fewestPeople) people.add(person);
  }

  /** A name that events of several people have; it might be one person's own words otherwise. */
  #kind(source: string, event: string): string {
    if ((this.#people.get(event)?.size ?? 0) < fewestPeople) return otherName;
    const kind = `${source} ${event}`;
    if (this.#kinds.size >= maxKinds && !this.#kinds.has(kind)) return otherName;
    this.#kinds.add(kind);
    return event;
  }
}

/** A live event; imports tell how long a file is, test data nothing of anybody. */
function isWatched({ kind, flags }: ChangeRow): boolean {
  return kind === rowKind.event && (flags & (rowFlags.imported | rowFlags.test | rowFlags.erased)) === 0;
}

/** Of these counts: how many stayed within a bound, which is that of a bucket. */
export function withinBound(counts: readonly number[], boundMs: number): number {
  let count = 0;
  for (const [bucket, bound] of latencyBoundsMs.entries()) if (bound <= boundMs) count += counts[bucket] ?? 0;
  return count;
}
