/** Clauses about events: how many came, in a window that moves on by itself. */
import type { Tallied } from "./definition.ts";
import { evidenceOf, type EventEvidence } from "./evidence.ts";
import type { Moment } from "./segmentMoment.ts";
import type { Times } from "./segmentPlan.ts";
import { meets } from "./tail.ts";
import { readTally } from "./tally.ts";
import { lasting, type Answer } from "./valueTest.ts";

/** The events that count, as far as they are kept one by one; see `Counted.isPressed`. */
export interface Counted {
  /** Times of the events, newest first; no more than decide the answer. */
  readonly timesMs: readonly number[];
  /** True when events that are no longer kept one by one may count too. */
  readonly isPressed: boolean;
}

/** Whether the events that count at the moment are as many as asked for. */
export function answerOfEvent(moment: Moment, tally: Tallied, times: Times): Answer {
  const evidence = evidenceFor(moment, tally);
  const { windowMs } = tally;
  const enough = times.atMost === null ? (times.atLeast ?? 0) : Infinity;
  const sinceMs = windowMs === null ? -Infinity : moment.tMs - windowMs;
  const counted = countSince(evidence, tally, sinceMs, enough);
  if (counted.isPressed) return answerOfPressed(evidence, tally, times, moment.tMs);
  const { timesMs } = counted;
  const isTrue = isWithin(times, timesMs.length);
  return windowMs === null ? lasting(isTrue) : { isTrue, untilMs: turnsAt(timesMs, windowMs, times, isTrue) };
}

export function evidenceFor({ subject }: Moment, tally: Tallied): EventEvidence | undefined {
  const { evidence } = subject.state;
  return evidence && evidenceOf(evidence.events, tally.event);
}

/** The events after `sinceMs` that count, newest first, but no more than `enough`. */
export function countSince(
  evidence: EventEvidence | undefined,
  tally: Tallied,
  sinceMs: number,
  enough: number,
): Counted {
  const timesMs: number[] = [];
  const [items, tail] = evidence ?? [[], null];
  for (let at = items.length - 1; at >= 0; at -= 1) {
    const item = items[at];
    if (timesMs.length >= enough || item === undefined || item[0] <= sinceMs)
      return { timesMs, isPressed: false };
    if (meets(item, tally.conditions)) timesMs.push(item[0]);
  }
  return { timesMs, isPressed: tail !== null && timesMs.length < enough };
}

/** True when so many are asked for. */
export function isWithin({ atLeast, atMost }: Times, n: number): boolean {
  return n >= (atLeast ?? 0) && n <= (atMost ?? Infinity);
}

/** When so many have left the window, the oldest first, that the answer may be another. */
function turnsAt(timesMs: readonly number[], windowMs: number, times: Times, isTrue: boolean): number {
  for (let left = timesMs.length - 1; left >= 0; left -= 1)
    if (isWithin(times, left) !== isTrue) return (timesMs[left] ?? 0) + windowMs;
  return Infinity;
}

function answerOfPressed(
  evidence: EventEvidence | undefined,
  tally: Tallied,
  times: Times,
  tMs: number,
): Answer {
  const { value, nextChangeAtMs } = readTally(evidence, tally, tMs);
  return { isTrue: isWithin(times, Number(value)), untilMs: nextChangeAtMs ?? Infinity };
}
