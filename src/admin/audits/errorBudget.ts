/** The freshness target: how many events may be late, how many were, and how fast the budget burns. Pure but for its memory. */
import type { Condition } from "../alerts/condition.ts";

/** What is promised. */
export interface FreshnessTarget {
  readonly stage: "visible" | "fed";
  readonly withinMs: number;
  /** Of how many events, from 0 to 1. */
  readonly share: number;
  readonly windowMs: number;
}

const minuteMs = 60_000;
const minutesKept = 60;
/** A budget that burns so many times too fast is gone in two days instead of four weeks. */
const alarmingBurn = 14;
const fewestEvents = 200;
const shortMinutes = 5;

interface Minute {
  readonly atMs: number;
  events: number;
  late: number;
}

/** How many times faster than it may the budget of a target is used up by these events; null: there are none. */
export function burnOf(
  events: number,
  late: number,
  { share }: Pick<FreshnessTarget, "share">,
): number | null {
  return events === 0 ? null : late / events / (1 - share);
}

export class ErrorBudget {
  #target: FreshnessTarget;
  #minutes: Minute[] = [];

  constructor(target: FreshnessTarget) {
    this.#target = target;
  }

  get target(): FreshnessTarget {
    return this.#target;
  }

  /** Another target from now on; what was late by the former says nothing of it. */
  use(target: FreshnessTarget): void {
    if (target.stage !== this.#target.stage || target.withinMs !== this.#target.withinMs) this.#minutes = [];
    this.#target = target;
  }

  /** Notes how long events took to the stage of the target. */
  note(durationMs: number, times: number, nowMs: number): void {
    const atMs = Math.floor(nowMs / minuteMs) * minuteMs;
    let last = this.#minutes.at(-1);
    if (last === undefined || last.atMs !== atMs) {
      last = { atMs, events: 0, late: 0 };
      this.#minutes.push(last);
      if (this.#minutes.length > minutesKept) this.#minutes.shift();
    }
    last.events += times;
    if (durationMs > this.#target.withinMs) last.late += times;
  }

  /** What the last minutes used up. */
  burn(nowMs: number, minutes = minutesKept): number | null {
    const { events, late } = this.#of(nowMs, minutes);
    return burnOf(events, late, this.#target);
  }

  /** Wrong while the budget burns far too fast, over the last hour and still. */
  conditions(nowMs: number): readonly Condition[] {
    const hour = this.#of(nowMs, minutesKept);
    const burn = burnOf(hour.events, hour.late, this.#target) ?? 0;
    const still = this.burn(nowMs, shortMinutes) ?? 0;
    if (hour.events < fewestEvents || burn < alarmingBurn || still < alarmingBurn) return [];
    const { stage, withinMs } = this.#target;
    const until = stage === "visible" ? "until they could be read" : "until a feed told them";
    const percent = Math.round((hour.late / hour.events) * 1_000) / 10;
    return [
      {
        id: "freshness",
        kind: "freshness",
        source: null,
        sentence: `In the last hour ${percent} % of the events took longer than ${withinMs} ms ${until}: the error budget burns ${Math.round(burn)} times too fast.`,
        value: burn,
        threshold: alarmingBurn,
      },
    ];
  }

  #of(nowMs: number, minutes: number): { readonly events: number; readonly late: number } {
    let events = 0;
    let late = 0;
    for (const minute of this.#minutes) {
      if (minute.atMs <= nowMs - minutes * minuteMs) continue;
      events += minute.events;
      late += minute.late;
    }
    return { events, late };
  }
}
