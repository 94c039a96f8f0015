/** Clauses about events: how many came, in a window that moves on by itself. */
import { evidenceOf, type EventEvidence } from "./evidence.ts";
import type { Tallied } from "./evidencePlan.ts";
import { isMarked } from "./item.ts";
import type { Moment } from "./segmentMoment.ts";
import type { Times } from "./segmentPlan.ts";
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
  const enough = times.atMost === null ? (times.atLeast ?? 0) : Infinity;
  return answerOfCount(moment, tally, enough, (n) => isWithin(times, n));
}

/**
 * Whether the number of events that count at the moment is a right one, and until when: the oldest leave the window
 * first, so the numbers to come are known. More than `enough` is as good as that.
 */
export function answerOfCount(
  moment: Moment,
  tally: Tallied,
  enough: number,
  isRight: (n: number) => boolean,
): Answer {
  const evidence = evidenceFor(moment, tally);
  const { windowMs } = tally;
  const sinceMs = windowMs === null ? -Infinity : moment.tMs - windowMs;
  const { timesMs, isPressed } = countSince(evidence, tally, sinceMs, enough);
  if (isPressed) {
    const { value, nextChangeAtMs } = readTally(evidence, tally, moment.tMs);
    return { isTrue: isRight(Number(value)), untilMs: nextChangeAtMs ?? Infinity };
  }
  const isTrue = isRight(timesMs.length);
  if (windowMs === null) return lasting(isTrue);
  for (let left = timesMs.length - 1; left >= 0; left -= 1)
    if (isRight(left) !== isTrue) return { isTrue, untilMs: (timesMs[left] ?? 0) + windowMs };
  return lasting(isTrue);
}

function evidenceFor({ subject }: Moment, tally: Tallied): EventEvidence | undefined {
  const { evidence } = subject.state;
  return evidence && evidenceOf(evidence.events, tally.event);
}

/** The events after `sinceMs` that count, newest first, but no more than `enough`. */
function countSince(
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
    if (isMarked(item, tally.mark)) timesMs.push(item[0]);
  }
  return { timesMs, isPressed: tail !== null && timesMs.length < enough };
}

/** True when so many are asked for. */
function isWithin({ atLeast, atMost }: Times, n: number): boolean {
  return n >= (atLeast ?? 0) && n <= (atMost ?? Infinity);
}

/** How many events count at the moment, for people. */
export function countNow(
  moment: Moment,
  tally: Tallied,
): { readonly n: number; readonly approximate: boolean } {
  const { value, approximate } = readTally(evidenceFor(moment, tally), tally, moment.tMs);
  return { n: Number(value), approximate };
}

/**
 * The last instant up to now at which events that came, or left the window, made the answer what it is; null: none is
 * known, or events that are no longer kept one by one had a part in it.
 */
export function eventTurnedAt(moment: Moment, tally: Tallied, times: Times): number | null {
  const { tMs } = moment;
  const evidence = evidenceFor(moment, tally);
  const windowMs = tally.windowMs ?? Infinity;
  const { timesMs } = countSince(evidence, tally, -Infinity, Infinity);
  const steps = timesMs
    .flatMap((timeMs): [number, number][] => [
      [Math.min(timeMs, tMs), 1],
      [timeMs + windowMs, -1],
    ])
    .filter(([atMs]) => atMs <= tMs)
    .sort(([left], [right]) => left - right);
  let n = 0;
  let wasTrue = isWithin(times, 0);
  let turnedMs: number | null = null;
  for (const [at, [atMs, step]] of steps.entries()) {
    n += step;
    // What comes and goes at one instant is one step.
    if (steps[at + 1]?.[0] === atMs || isWithin(times, n) === wasTrue) continue;
    wasTrue = !wasTrue;
    turnedMs = atMs;
  }
  const oldestMs = evidence?.[0][0]?.[0] ?? -Infinity;
  const isWhole = evidence === undefined || evidence[1] === null;
  return isWhole || (turnedMs !== null && turnedMs >= oldestMs + windowMs) ? turnedMs : null;
}
