/**
 * Segments: who is in them at an instant, and when that may change though nothing happens. A function of the
 * profile's state, the definitions and the instant (invariant 4): no clock, no memory.
 *
 * Every clause answers true or false and until when that is certain. `all` of clauses that are true is certain until
 * the first of them turns; once some are false, until the last of these may turn, because as long as one is false the
 * whole is. `any` is the same the other way round. What was certain may turn out to go on: then one looks again from
 * there, so that the instant told is the one at which the segment itself turns.
 */
import { consentOf } from "./consent.ts";
import type { Definitions } from "./definition.ts";
import type { Tallied } from "./evidencePlan.ts";
import { identifierOf } from "./identifier.ts";
import { answerOfCount, answerOfEvent } from "./segmentEvent.ts";
import { computedNamed, momentOf, valueAtPath, type Moment, type SegmentSubject } from "./segmentMoment.ts";
import type { Clause, SegmentPlan } from "./segmentPlan.ts";
import { holdsFor, lasting, type Answer } from "./valueTest.ts";

/** Instants looked at to find the one at which a segment turns; beyond, the last one is told: it may turn then. */
const usualLooks = 16;

/**
 * Which segments it is in at tMs, and the next instant after tMs at which that may change by itself (null: never). Up
 * to there it does not; and there it does, unless more instants than `maxLooks` came to nothing before. Pure.
 */
export function segmentsAt(
  subject: SegmentSubject,
  definitions: Definitions,
  tMs: number,
  maxLooks = usualLooks,
): { readonly members: readonly string[]; readonly nextAtMs: number | null } {
  const { order, size } = definitions.segments;
  if (size === 0) return outside;
  const moments = new Map<number, Moment>();
  const at = (instantMs: number): Moment => {
    let moment = moments.get(instantMs);
    if (moment === undefined) moments.set(instantMs, (moment = momentOf(subject, definitions, instantMs)));
    return moment;
  };
  const members: string[] = [];
  let nextMs = Infinity;
  for (const plan of order) {
    const answer = answerOfSegment(at(tMs), plan);
    if (answer.isTrue) members.push(plan.name);
    if (answer.untilMs < nextMs)
      nextMs = Math.min(
        nextMs,
        turnOf((then) => answerOfSegment(then, plan), answer, at, maxLooks, nextMs),
      );
  }
  return { members: members.sort(), nextAtMs: nextMs === Infinity ? null : nextMs };
}

const outside = { members: [], nextAtMs: null } as const;

/** Whether the segment holds at the moment. */
function answerOfSegment(moment: Moment, plan: SegmentPlan): Answer {
  const known = moment.answers.get(plan.name);
  if (known !== undefined) return known;
  const answer = answerOf(moment, plan.clause);
  moment.answers.set(plan.name, answer);
  return answer;
}

/** When what `answer` decides turns, or may turn after so many looks; no instant after `beforeMs` is of interest. */
export function turnOf(
  answer: (moment: Moment) => Answer,
  now: Answer,
  at: (instantMs: number) => Moment,
  maxLooks: number,
  beforeMs = Infinity,
): number {
  let { untilMs } = now;
  for (let look = 0; look < maxLooks && untilMs < beforeMs; look += 1) {
    const then = answer(at(untilMs));
    if (then.isTrue !== now.isTrue) return untilMs;
    untilMs = then.untilMs;
  }
  return untilMs;
}

/** Whether a clause holds at the moment. */
export function answerOf(moment: Moment, clause: Clause): Answer {
  switch (clause.kind) {
    case "all":
      return answerOfMany(moment, clause.of, false);
    case "any":
      return answerOfMany(moment, clause.of, true);
    case "not":
      return inverse(answerOf(moment, clause.of));
    case "trait":
      return answerOfTrait(moment, clause);
    case "event": {
      const tally = moment.definitions.hidden.get(clause.tally);
      if (tally === undefined) throw new Error("a clause about events has no count");
      return answerOfEvent(moment, tally, clause.times);
    }
    case "consent":
      return lasting(consentOf(moment.subject.state, clause.channel, clause.topic).status === clause.is);
    case "segment": {
      const other = moment.definitions.segments.byName.get(clause.name);
      if (other === undefined) throw new Error(`there is no segment ${clause.name}`);
      return answerOfSegment(moment, other);
    }
    case "list":
      return lasting(
        moment.subject.identifiers.some((key) => {
          const { type, value } = identifierOf(key);
          return type === clause.match && clause.list.has(value);
        }),
      );
  }
}

function answerOfTrait(moment: Moment, clause: Extract<Clause, { kind: "trait" }>): Answer {
  const count = windowedCount(moment, clause.path);
  if (count !== null)
    return answerOfCount(moment, count, Infinity, (n) => holdsFor(clause.test, n, moment.tMs).isTrue);
  const { value, untilMs } = valueAtPath(moment, clause.path);
  const answer = holdsFor(clause.test, value, moment.tMs);
  return untilMs < answer.untilMs ? { isTrue: answer.isTrue, untilMs } : answer;
}

/** A computed trait that counts events in a window: all numbers that it comes to by itself are known. */
function windowedCount({ definitions }: Moment, [name = "", ...rest]: readonly string[]): Tallied | null {
  const trait =
    rest.length === 0 && definitions.names.has(name) ? computedNamed(definitions, name) : undefined;
  return trait?.kind === "tally" && trait.aggregate === "count" && trait.windowMs !== null ? trait : null;
}

/** `decides`: the answer of one clause that makes it that of the whole; true for `any`, false for `all`. */
function answerOfMany(moment: Moment, clauses: readonly Clause[], decides: boolean): Answer {
  let isDecided = false;
  let decidedUntilMs = -Infinity;
  let othersUntilMs = Infinity;
  for (const clause of clauses) {
    const { isTrue, untilMs } = answerOf(moment, clause);
    if (isTrue === decides) {
      if (untilMs === Infinity) return lasting(decides);
      isDecided = true;
      decidedUntilMs = Math.max(decidedUntilMs, untilMs);
    } else if (untilMs < othersUntilMs) othersUntilMs = untilMs;
  }
  return isDecided
    ? { isTrue: decides, untilMs: decidedUntilMs }
    : { isTrue: !decides, untilMs: othersUntilMs };
}

function inverse({ isTrue, untilMs }: Answer): Answer {
  return untilMs === Infinity ? lasting(!isTrue) : { isTrue: !isTrue, untilMs };
}
