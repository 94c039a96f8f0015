/**
 * Which segments a profile is in and since when, and when time alone may change that. Pure: `segmentsAt` decides for
 * an instant; what stands here is what is remembered between two instants.
 *
 * Two things may fall due though nothing happens. A turn: a segment begins or ceases to hold. A decay: an event leaves
 * the window of a computed trait that some segment reads. A turn is told at its instant; decays alone are told once a
 * minute at most.
 */
import { computedValue, valueAt } from "./computed.ts";
import type { Definitions } from "./definition.ts";
import type { ComputedTrait } from "./evidencePlan.ts";
import type { Json } from "./event.ts";
import { segmentsAt } from "./segment.ts";
import type { SegmentSubject } from "./segmentMoment.ts";
import type { Clause } from "./segmentPlan.ts";
import { withChange, type TraitChanges } from "./traitChanges.ts";

/** What is remembered of a profile. Never changed in place. */
export interface Membership {
  /** The instant that all this is as of, milliseconds. It never goes back, whatever the clock does. */
  readonly atMs: number;
  /** The segments it is in, each with the instant at which it came in. */
  readonly since: ReadonlyMap<string, number>;
  /** The next instant at which a segment turns by itself; null: never. */
  readonly turnsAtMs: number | null;
  /** The next instant at which one of the traits of `windowsInUse` changes by itself; null: never. */
  readonly decaysAtMs: number | null;
  /** The due time at which decays were last told; 0: never. */
  readonly toldAtMs: number;
}

/** A profile that nothing has happened to. */
export const noMembership: Membership = {
  atMs: 0,
  since: new Map(),
  turnsAtMs: null,
  decaysAtMs: null,
  toldAtMs: 0,
};

/** Shortest time between two tellings of decays alone. */
const decayPauseMs = 60_000;

/** What changed about a membership, as a row of the journal records it. */
export interface Turn {
  readonly entered: readonly string[];
  readonly exited: readonly string[];
  /** Instants of entering that are not the row's own: a profile that merged in was in the segment before. */
  readonly since?: Readonly<Record<string, number>>;
}

/** When the profile falls due; null: never. */
export function dueAtMs({ turnsAtMs, decaysAtMs, toldAtMs }: Membership): number | null {
  if (decaysAtMs === null) return turnsAtMs;
  const tellsAtMs = Math.max(decaysAtMs, toldAtMs + decayPauseMs);
  return turnsAtMs === null ? tellsAtMs : Math.min(turnsAtMs, tellsAtMs);
}

/** What it takes from one set of segments to another; null: nothing. `former`: what merged profiles were in. */
export function turnBetween(
  since: ReadonlyMap<string, number>,
  members: readonly string[],
  former: ReadonlyMap<string, number> | null,
): Turn | null {
  let isSame = since.size === members.length;
  for (const name of members) isSame &&= since.has(name);
  if (isSame) return null;
  const entered = members.filter((name) => !since.has(name));
  const exited = [...since.keys()].filter((name) => !members.includes(name)).sort();
  const earlier = former === null ? [] : entered.filter((name) => former.has(name));
  if (earlier.length === 0) return { entered, exited };
  return {
    entered,
    exited,
    since: Object.fromEntries(earlier.map((name) => [name, former?.get(name) ?? 0])),
  };
}

/** The segments after a turn at `atMs`. */
export function turned(
  since: ReadonlyMap<string, number>,
  turn: Turn | null,
  atMs: number,
): ReadonlyMap<string, number> {
  if (turn === null) return since;
  const next = new Map(since);
  for (const name of turn.exited) next.delete(name);
  for (const name of turn.entered)
    next.set(
      name,
      turn.since !== undefined && Object.hasOwn(turn.since, name) ? (turn.since[name] ?? atMs) : atMs,
    );
  return new Map([...next].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Most turns that a read follows one by one; one that is so far behind is decided for its instant at once. */
const maxTurnsRead = 100;

/**
 * The membership at an instant up to which nothing but time has passed. What fell due and was not folded yet counts as
 * of its own due time.
 */
export function membershipAt(
  membership: Membership,
  subject: SegmentSubject,
  definitions: Definitions,
  tMs: number,
): Pick<Membership, "since" | "turnsAtMs"> {
  let { since, turnsAtMs } = membership;
  for (let turns = 0; turnsAtMs !== null && turnsAtMs <= tMs; turns += 1) {
    const atMs: number = turns < maxTurnsRead ? turnsAtMs : tMs;
    const { members, nextAtMs } = segmentsAt(subject, definitions, atMs);
    since = turned(since, turnBetween(since, members, null), atMs);
    turnsAtMs = nextAtMs;
  }
  return { since, turnsAtMs };
}

/**
 * The computed traits that change by themselves and that some segment reads or some way out passes on; but for ages,
 * which would be told for ever though nothing happens any more.
 */
export function windowsInUse({ segments, computed, watched }: Definitions): readonly ComputedTrait[] {
  const read = new Set([...segments.order.flatMap(({ clause }) => traitsIn(clause)), ...watched]);
  return computed.filter((trait) => trait.moves && read.has(trait.name) && !isAge(trait));
}

function isAge(trait: ComputedTrait): boolean {
  if (trait.kind === "tally") return trait.aggregate === "timeSince";
  return trait.kind === "spans" && trait.measure.of === "timeSince";
}

function traitsIn(clause: Clause): readonly string[] {
  switch (clause.kind) {
    case "trait":
      return clause.path.slice(0, 1);
    case "all":
    case "any":
      return clause.of.flatMap(traitsIn);
    case "not":
      return traitsIn(clause.of);
    case "event":
    case "consent":
    case "list":
    case "segment":
      return [];
  }
}

/** The next instant after `tMs` at which one of these traits may change by itself; null: never. */
export function nextDecayMs(
  { state }: Pick<SegmentSubject, "state">,
  traits: readonly ComputedTrait[],
  tMs: number,
): number | null {
  let next: number | null = null;
  if (state.evidence === undefined) return next;
  for (const trait of traits) {
    const dueMs = valueAt(state, trait, tMs).nextChangeAtMs;
    if (dueMs !== null && (next === null || dueMs < next)) next = dueMs;
  }
  return next;
}

/** What passing from one instant to a later one does to these traits; null: nothing. */
export function decaysBetween(
  { state }: Pick<SegmentSubject, "state">,
  traits: readonly ComputedTrait[],
  fromMs: number,
  toMs: number,
): TraitChanges | null {
  let changes: TraitChanges | null = null;
  for (const trait of traits) {
    const old: Json = computedValue(state, trait, fromMs);
    changes = withChange(changes, trait.name, old, computedValue(state, trait, toMs));
  }
  return changes;
}
