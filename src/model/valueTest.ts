/**
 * What a segment asks of a trait's value at an instant. Beside the conditions that computed traits know too it may ask
 * for a time's age; that comes true, or stops being true, by itself, and the answer says when. Pure.
 */
import { holds, type Condition } from "./condition.ts";
import type { Json } from "./event.ts";
import { timeIn } from "./timeIn.ts";

/** All that stands there must hold. Of a value that is no time (timeIn.ts) none of the last four holds. */
export interface ValueTest {
  readonly condition?: Condition;
  /** So long ago, or longer. */
  readonly olderThanMs?: number;
  /** Not so long ago, or still to come. */
  readonly newerThanMs?: number;
  /** Earlier than this instant. */
  readonly beforeMs?: number;
  /** At this instant or later. */
  readonly afterMs?: number;
}

/** True or false at an instant, and the first later instant at which that may be another; Infinity: never by itself. */
export interface Answer {
  readonly isTrue: boolean;
  readonly untilMs: number;
}

const always: Answer = { isTrue: true, untilMs: Infinity };
const never: Answer = { isTrue: false, untilMs: Infinity };

/** An answer that time alone does not change. */
export function lasting(isTrue: boolean): Answer {
  return isTrue ? always : never;
}

/** Holds a value against a test; null: there is no value. */
export function holdsFor(test: ValueTest, value: Json, tMs: number): Answer {
  if (test.condition !== undefined && !holds(test.condition, value)) return never;
  if (!asksForTime(test)) return always;
  const timeMs = timeIn(value);
  if (timeMs === null || !isBetween(test, timeMs)) return never;
  const beginsMs = test.olderThanMs === undefined ? -Infinity : timeMs + test.olderThanMs;
  const endsMs = test.newerThanMs === undefined ? Infinity : timeMs + test.newerThanMs;
  if (beginsMs >= endsMs || tMs >= endsMs) return never;
  return tMs >= beginsMs ? { isTrue: true, untilMs: endsMs } : { isTrue: false, untilMs: beginsMs };
}

/** The last instant up to `tMs` at which a test of age turned for this value; null: it asks for none, or never did. */
export function turnedAt(test: ValueTest, value: Json, tMs: number): number | null {
  const timeMs = test.olderThanMs === undefined && test.newerThanMs === undefined ? null : timeIn(value);
  if (timeMs === null) return null;
  const turns = [test.olderThanMs, test.newerThanMs].map((ageMs) => timeMs + (ageMs ?? Infinity));
  const past = turns.filter((turnMs) => turnMs <= tMs);
  return past.length === 0 ? null : Math.max(...past);
}

function asksForTime({ olderThanMs, newerThanMs, beforeMs, afterMs }: ValueTest): boolean {
  return (
    olderThanMs !== undefined || newerThanMs !== undefined || beforeMs !== undefined || afterMs !== undefined
  );
}

function isBetween({ beforeMs = Infinity, afterMs = -Infinity }: ValueTest, timeMs: number): boolean {
  return timeMs >= afterMs && timeMs < beforeMs;
}
