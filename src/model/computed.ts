/**
 * Computed traits at an instant. A state holds their evidence only (foldComputed.ts, joinEvidence.ts); the value at t
 * is a function of (state, definitions, t).
 */
import { cartValue, readCart, type CartAct } from "./cart.ts";
import { consentMarks } from "./consent.ts";
import type { Definitions } from "./definition.ts";
import type { Json } from "./event.ts";
import { evidenceOf, type EvidenceByEvent } from "./evidence.ts";
import { ordersValue, readOrders, type OrderBook } from "./orders.ts";
import type { ComputedTrait, EmailableTrait } from "./evidencePlan.ts";
import { ratioValue, readRatio } from "./ratio.ts";
import { mayReach, type Reachable } from "./mayReach.ts";
import { readingOf, type ComputedReading } from "./reading.ts";
import { readSpans, spansValue, type Spans } from "./spans.ts";
import { readTally } from "./tally.ts";
import { tallyValue } from "./tallyValue.ts";
import { withChange, type TraitChanges } from "./traitChanges.ts";

/** All evidence of a profile. */
export interface Evidence {
  /** Events folded into this state itself; with `parts` it says whose evidence is in (see `mergeComputed`). */
  folded: number;
  /** Profiles whose evidence was merged in: pid and how many events it had folded. By pid. */
  parts: [pid: number, folded: number][];
  events: EvidenceByEvent;
  /** By place (`SpansPlan`); absent where there are none. */
  spans?: Spans[];
  cart: CartAct[] | null;
  orders: OrderBook | null;
}

/** The part of a profile's state that computed traits read; absent until the first event that one reads. */
export interface HasEvidence {
  evidence?: Evidence;
}

/** What a computed trait is read from. */
export type ComputedState = HasEvidence & Reachable;

export function emptyEvidence(): Evidence {
  return { folded: 0, parts: [], events: Object.create(null) as EvidenceByEvent, cart: null, orders: null };
}

/** The spans at that place, for changing; all `places` lists are made together, so that none is missing between two. */
export function spansAt(evidence: Evidence, places: number, place: number): Spans {
  const all = (evidence.spans ??= Array.from({ length: places }, (): Spans => [[], 0]));
  const spans = all[place];
  if (spans === undefined) throw new Error("spans without a place");
  return spans;
}

/** Adds the traits whose values at `tMs` are not those of `before` to `changed`. */
export function computedChanges(
  state: ComputedState,
  traits: readonly ComputedTrait[],
  before: readonly Json[],
  tMs: number,
  changed: TraitChanges | null,
): TraitChanges | null {
  let all = changed;
  for (const [at, trait] of traits.entries()) {
    all = withChange(all, trait.name, before[at] ?? null, computedValue(state, trait, tMs));
  }
  return all;
}

/** The trait's value at `tMs` and where it is from. */
export function valueAt(state: ComputedState, trait: ComputedTrait, tMs: number): ComputedReading {
  const evidence = state.evidence;
  switch (trait.kind) {
    case "tally":
      return readTally(evidence && evidenceOf(evidence.events, trait.event), trait, tMs);
    case "ratio":
      return readRatio(evidence?.events, trait, tMs);
    case "spans":
      return readSpans(evidence?.spans?.[trait.place], trait, tMs);
    case "cart":
      return readCart(evidence?.cart ?? [], trait);
    case "orders":
      return readOrders(evidence?.orders ?? null, trait, tMs);
    case "emailable":
      return readingOf(isEmailable(state, trait, tMs), consentMarks(state, "email"));
  }
}

/** The trait's value alone. */
export function computedValue(state: ComputedState, trait: ComputedTrait, tMs: number): Json {
  const evidence = state.evidence;
  switch (trait.kind) {
    case "tally":
      return tallyValue(evidence && evidenceOf(evidence.events, trait.event), trait, tMs);
    case "ratio":
      return ratioValue(evidence?.events, trait, tMs);
    case "spans":
      return spansValue(evidence?.spans?.[trait.place], trait, tMs);
    case "cart":
      return cartValue(evidence?.cart ?? [], trait.currency);
    case "orders":
      return ordersValue(evidence?.orders ?? null, trait, tMs);
    case "emailable":
      return isEmailable(state, trait, tMs);
  }
}

function isEmailable(state: Reachable, { topic, rules }: EmailableTrait, tMs: number): boolean {
  return mayReach(state, { channel: "email", topic, now: tMs }, rules).kind === "allow";
}

/** Every computed trait at `tMs`, in a dictionary without inherited keys. */
export function readComputed(
  state: ComputedState,
  definitions: Definitions,
  tMs: number,
): Record<string, Json> {
  const values = Object.create(null) as Record<string, Json>;
  for (const trait of definitions.computed) values[trait.name] = computedValue(state, trait, tMs);
  return values;
}

/** The next instant after `tMs` at which some computed trait may change by itself; null: none will. */
export function nextDeadline(state: ComputedState, definitions: Definitions, tMs: number): number | null {
  let next: number | null = null;
  for (const trait of definitions.computed) {
    if (!trait.moves || state.evidence === undefined) continue;
    const due = valueAt(state, trait, tMs).nextChangeAtMs;
    if (due !== null && (next === null || due < next)) next = due;
  }
  return next;
}
