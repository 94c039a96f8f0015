/** Why a profile is in a segment or is not: every clause with its answer, what it was decided on, since and until when. */
import { valueAt, type HasEvidence } from "./computed.ts";
import { consentOf } from "./consent.ts";
import type { Definitions } from "./definition.ts";
import type { Json } from "./event.ts";
import { identifierOf } from "./identifier.ts";
import { answerOf, turnOf } from "./segment.ts";
import { countNow, eventTurnedAt } from "./segmentEvent.ts";
import {
  computedNamed,
  momentOf,
  nodeAt,
  valueAtPath,
  type Moment,
  type SegmentSubject,
} from "./segmentMoment.ts";
import type { Clause } from "./segmentPlan.ts";
import { newestStamp } from "./trait.ts";
import { turnedAt } from "./valueTest.ts";

/** A clause and its answer at one instant. */
export interface Explained {
  readonly kind: Clause["kind"];
  /** The clause in words (segmentWords.ts). */
  readonly words: string;
  readonly isTrue: boolean;
  /** A trait's value, the number of events, the word of consent, the listed identifier; null: none, or the clause is made of others. */
  readonly seen: Json;
  /** It has answered so at least since then, as far as can be known from what is kept; null: it can't. */
  readonly sinceMs: number | null;
  /** When it turns though nothing happens; null: never. */
  readonly turnsAtMs: number | null;
  /** True when events that are no longer kept one by one make the answer uncertain. */
  readonly approximate: boolean;
  /** The clauses it is made of; of a clause about another segment, that one's. */
  readonly of: readonly Explained[];
}

/** Why the profile is in the segment of that name at `tMs` or is not; null: there is no such segment. Pure. */
export function explainSegment(
  subject: SegmentSubject,
  definitions: Definitions,
  name: string,
  tMs: number,
): Explained | null {
  const plan = definitions.segments.byName.get(name);
  if (plan === undefined) return null;
  const moments = new Map<number, Moment>();
  const at = (instantMs: number): Moment => {
    let moment = moments.get(instantMs);
    if (moment === undefined) moments.set(instantMs, (moment = momentOf(subject, definitions, instantMs)));
    return moment;
  };
  return explain(plan.clause, at(tMs), at);
}

/** For people, and now and then: an explanation may look further than a decision. */
const maxLooks = 1_000;

type MomentAt = (instantMs: number) => Moment;

function explain(clause: Clause, moment: Moment, at: MomentAt): Explained {
  const answer = answerOf(moment, clause);
  const turnsMs = turnOf((then) => answerOf(then, clause), answer, at, maxLooks);
  const of = partsOf(clause, moment).map((part) => explain(part, moment, at));
  const facts = factsOf(clause, moment, of);
  return {
    kind: clause.kind,
    words: clause.words,
    isTrue: answer.isTrue,
    turnsAtMs: turnsMs === Infinity ? null : turnsMs,
    ...facts,
    of,
  };
}

function partsOf(clause: Clause, moment: Moment): readonly Clause[] {
  if (clause.kind === "all" || clause.kind === "any") return clause.of;
  if (clause.kind === "not") return [clause.of];
  if (clause.kind !== "segment") return [];
  const other = moment.definitions.segments.byName.get(clause.name);
  return other === undefined ? [] : [other.clause];
}

type Facts = Pick<Explained, "seen" | "sinceMs" | "approximate">;

function factsOf(clause: Clause, moment: Moment, of: readonly Explained[]): Facts {
  switch (clause.kind) {
    case "trait":
      return traitFacts(clause, moment);
    case "event": {
      const tally = moment.definitions.hidden.get(clause.tally);
      if (tally === undefined) throw new Error("a clause about events has no count");
      const { n, approximate } = countNow(moment, tally);
      return { seen: n, approximate, sinceMs: eventTurnedAt(moment, tally, clause.times) };
    }
    case "consent": {
      const { status, atMs } = consentOf(moment.subject.state, clause.channel, clause.topic);
      return { seen: status, sinceMs: atMs, approximate: false };
    }
    case "list":
      return { seen: listedOf(clause, moment), sinceMs: null, approximate: false };
    case "all":
    case "any":
      return { ...noFacts(of), sinceMs: sinceOfMany(of, clause.kind === "any") };
    case "not":
    case "segment":
      return { ...noFacts(of), sinceMs: of[0]?.sinceMs ?? null };
  }
}

function noFacts(of: readonly Explained[]): Facts {
  return { seen: null, sinceMs: null, approximate: of.some(({ approximate }) => approximate) };
}

/** One clause that decides is enough, and the oldest of them is known longest; otherwise all have to agree. */
function sinceOfMany(of: readonly Explained[], decides: boolean): number | null {
  const deciding = of.filter(({ isTrue }) => isTrue === decides).map(({ sinceMs }) => sinceMs);
  const known = deciding.filter((sinceMs) => sinceMs !== null);
  if (deciding.length > 0) return known.length === 0 ? null : Math.min(...known);
  const all = of.map(({ sinceMs }) => sinceMs).filter((sinceMs) => sinceMs !== null);
  return all.length < of.length ? null : Math.max(...all);
}

function traitFacts({ path, test }: Extract<Clause, { kind: "trait" }>, moment: Moment): Facts {
  const { value } = valueAtPath(moment, path);
  const { writtenMs, approximate } = writtenAt(moment, path);
  const turnedMs = turnedAt(test, value, moment.tMs);
  const sinceMs = writtenMs === null || turnedMs === null ? writtenMs : Math.max(writtenMs, turnedMs);
  return { seen: value, sinceMs, approximate };
}

/** When the value at a path came to be what it is; null: it has none, or the passing of time made it so. */
function writtenAt(
  { definitions, subject: { state }, tMs }: Moment,
  path: readonly string[],
): { readonly writtenMs: number | null; readonly approximate: boolean } {
  const [name = ""] = path;
  const trait = definitions.names.has(name) ? computedNamed(definitions, name) : undefined;
  if (trait !== undefined) {
    const { updatedAtMs, approximate } = valueAt(state, trait, tMs);
    if (trait.windowMs !== null || updatedAtMs === null) return { writtenMs: null, approximate };
    const cancelledMs = trait.kind === "orders" ? newestCancellation(state) : -Infinity;
    return { writtenMs: Math.max(updatedAtMs, cancelledMs), approximate };
  }
  const { node } = nodeAt(state.traits, path);
  const stamp = node === undefined ? undefined : newestStamp(state, node);
  return { writtenMs: stamp?.[0] ?? null, approximate: false };
}

/** A cancelled order is none, so no reading names it; yet it took something away. */
function newestCancellation({ evidence }: HasEvidence): number {
  const records = Object.values(evidence?.orders?.orders ?? {});
  return Math.max(-Infinity, ...records.map(([, , cancelled]) => cancelled?.[0] ?? -Infinity));
}

function listedOf({ list, match }: Extract<Clause, { kind: "list" }>, { subject }: Moment): string | null {
  const found = subject.identifiers
    .map(identifierOf)
    .find(({ type, value }) => type === match && list.has(value));
  return found?.value ?? null;
}
