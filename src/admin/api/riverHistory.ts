/**
 * What the river did lately: a point a second for a quarter of an hour, a point a minute for a day, in bounded memory.
 * A point is the difference of two readings of counters that are kept anyway.
 */
import type { Clock } from "../../lib/clock.ts";
import type { Latency, Tally } from "../../lib/metrics.ts";
import type { Timers } from "../../lib/timers.ts";
import type { StoreStatus } from "../../store/storeApi.ts";
import type { Point } from "./adminWire.ts";
import { countsBetween, quantileOf } from "./quantiles.ts";

export interface RiverGauges {
  readonly submissions: Tally;
  readonly committed: Latency;
  readonly visible: Latency;
  readonly fed: Latency;
}

export interface RiverHistoryDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly gauges: RiverGauges;
  readonly status: () => StoreStatus;
}

const secondMs = 1_000;
const secondsKept = 900;
const minutesKept = 1_440;
const secondsPerMinute = 60;
const shares = [0.5, 0.95, 0.99] as const;

interface Reading {
  readonly atMs: number;
  readonly requests: number;
  readonly events: number;
  readonly refused: number;
  readonly visible: number;
  readonly stages: readonly (readonly number[])[];
}

export class RiverHistory implements Disposable {
  readonly #deps: RiverHistoryDeps;
  readonly #timer: Disposable;
  readonly #seconds: Point[] = [];
  readonly #minutes: Point[] = [];
  #last: Reading;
  #minute: Reading;
  #ticks = 0;

  constructor(deps: RiverHistoryDeps) {
    this.#deps = deps;
    this.#last = this.#read();
    this.#minute = this.#last;
    this.#timer = deps.timers.every(secondMs, () => this.#tick());
  }

  /** Points of seconds and of minutes younger than `afterMs`, oldest first. */
  since(afterMs: number): { readonly seconds: readonly Point[]; readonly minutes: readonly Point[] } {
    const isNew = (point: Point) => (point[0] ?? 0) > afterMs;
    return { seconds: this.#seconds.filter(isNew), minutes: this.#minutes.filter(isNew) };
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #tick(): void {
    const now = this.#read();
    keep(this.#seconds, this.#point(this.#last, now), secondsKept);
    this.#last = now;
    this.#ticks += 1;
    if (this.#ticks % secondsPerMinute !== 0) return;
    keep(this.#minutes, this.#point(this.#minute, now), minutesKept);
    this.#minute = now;
  }

  #read(): Reading {
    const { clock, gauges, status } = this.#deps;
    const { counts, visible } = status();
    let requests = 0;
    for (const [, , count] of gauges.submissions.entries()) requests += count;
    return {
      atMs: clock.nowMs(),
      requests,
      events: counts?.accepted ?? 0,
      refused: counts?.quarantined ?? 0,
      visible,
      stages: [gauges.committed, gauges.visible, gauges.fed].map((stage) => stage.read().counts),
    };
  }

  #point(before: Reading, after: Reading): Point {
    const { journalBytes, profilesBytes } = this.#deps.status();
    const spanMs = Math.max(1, after.atMs - before.atMs);
    const rate = (count: number) => Math.round((Math.max(0, count) * 10_000) / spanMs) / 10;
    const between = after.stages.map((counts, stage) => countsBetween(before.stages[stage] ?? [], counts));
    const fed = (between[2] ?? []).reduce((sum, count) => sum + count, 0);
    return [
      after.atMs,
      rate(after.requests - before.requests),
      rate(after.events - before.events),
      rate(after.refused - before.refused),
      rate(after.visible - before.visible),
      rate(fed),
      ...between.flatMap((counts) => shares.map((share) => quantileOf(counts, share))),
      journalBytes,
      profilesBytes,
    ];
  }
}

function keep(points: Point[], point: Point, most: number): void {
  points.push(point);
  if (points.length > most) points.shift();
}
