/**
 * Computed traits: what the fold keeps for them and what they are at an instant. A state holds the evidence only;
 * the value at t is a function of (state, definitions, t).
 */
import { addCartAct, cartActOf, cartValue, readCart, type CartAct } from "./cart.ts";
import type { ComputedTrait, Definitions, EventPlan } from "./definition.ts";
import type { Event, Json } from "./event.ts";
import {
  addItem,
  evidenceOf,
  mergeEvidence,
  placeOf,
  type EventEvidence,
  type EvidenceByEvent,
} from "./evidence.ts";
import { itemOf } from "./item.ts";
import { addOrderEvent, emptyBook, mergeBooks, ordersValue, readOrders, type OrderBook } from "./orders.ts";
import type { ComputedReading } from "./reading.ts";
import { readTally } from "./tally.ts";
import { tallyStep, tallyValue } from "./tallyStep.ts";
import { withChange, type TraitChanges } from "./traitChanges.ts";

/** All evidence of a profile. */
export interface Evidence {
  /** Events folded into this state itself; with `parts` it says whose evidence is in (see `mergeComputed`). */
  folded: number;
  /** Profiles whose evidence was merged in: pid and how many events it had folded. By pid. */
  parts: [pid: number, folded: number][];
  events: EvidenceByEvent;
  cart: CartAct[] | null;
  orders: OrderBook | null;
}

/** The part of a profile's state that computed traits read; absent until the first event that one reads. */
export interface HasEvidence {
  evidence?: Evidence;
}

function emptyEvidence(): Evidence {
  return { folded: 0, parts: [], events: Object.create(null) as EvidenceByEvent, cart: null, orders: null };
}

/**
 * Keeps what some definition reads of a track event. With `tMs` returns the traits whose value at that time is
 * another than before, null when none is; null for `tMs` (a replay) doesn't compare.
 */
export function foldComputed(
  state: HasEvidence,
  event: Event,
  plan: EventPlan,
  tMs: number | null,
): TraitChanges | null {
  const evidence = (state.evidence ??= emptyEvidence());
  evidence.folded += 1;
  let changed = plan.properties === null ? null : foldItem(evidence, event, plan, plan.properties, tMs);
  if (!plan.cart && !plan.orders) return changed;
  const others = tMs === null ? [] : plan.computed.filter((trait) => trait.kind !== "tally");
  const before = others.map((trait) => computedValue(state, trait, tMs ?? 0));
  const act = plan.cart ? cartActOf(event) : null;
  if (act !== null) addCartAct((evidence.cart ??= []), act, plan.limits.cartActs);
  if (plan.orders) addOrderEvent((evidence.orders ??= emptyBook()), event, plan.limits.orders);
  changed = computedChanges(state, others, before, tMs ?? 0, changed);
  return changed;
}

function foldItem(
  evidence: Evidence,
  event: Event,
  plan: EventPlan,
  properties: readonly string[],
  tMs: number | null,
): TraitChanges | null {
  const mine = evidenceOf(evidence.events, plan.event) ?? (evidence.events[plan.event] = [[], null]);
  const item = itemOf(event, properties);
  const at = placeOf(mine[0], item);
  if (at < 0) return null;
  const presses = mine[0].length >= plan.limits.items;
  const before = tMs !== null && presses ? plan.computed.map((trait) => tallyOf(mine, trait, tMs)) : [];
  let changed: TraitChanges | null = null;
  for (const trait of tMs === null || presses ? [] : plan.computed) {
    const step = trait.kind === "tally" ? tallyStep(mine[0], at, item, trait, tMs ?? 0) : null;
    if (step !== null) changed = withChange(changed, trait.name, step.old, step.new);
  }
  addItem(mine, item, at, plan);
  for (const [index, old] of before.entries()) {
    const trait = plan.computed[index];
    if (trait !== undefined) changed = withChange(changed, trait.name, old, tallyOf(mine, trait, tMs ?? 0));
  }
  return changed;
}

/** A tally's value; null for traits that no item changes. */
function tallyOf(evidence: EventEvidence, trait: ComputedTrait, tMs: number): Json {
  return trait.kind === "tally" ? tallyValue(evidence, trait, tMs) : null;
}

/** Adds the traits whose values at `tMs` are not those of `before` to `changed`. */
export function computedChanges(
  state: HasEvidence,
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
export function valueAt(state: HasEvidence, trait: ComputedTrait, tMs: number): ComputedReading {
  const evidence = state.evidence;
  switch (trait.kind) {
    case "tally":
      return readTally(evidence && evidenceOf(evidence.events, trait.event), trait, tMs);
    case "cart":
      return readCart(evidence?.cart ?? [], trait);
    case "orders":
      return readOrders(evidence?.orders ?? null, trait, tMs);
  }
}

/** The trait's value alone. */
export function computedValue(state: HasEvidence, trait: ComputedTrait, tMs: number): Json {
  const evidence = state.evidence;
  switch (trait.kind) {
    case "tally":
      return tallyValue(evidence && evidenceOf(evidence.events, trait.event), trait, tMs);
    case "cart":
      return cartValue(evidence?.cart ?? [], trait.currency);
    case "orders":
      return ordersValue(evidence?.orders ?? null, trait, tMs);
  }
}

/** Every computed trait at `tMs`, in a dictionary without inherited keys. */
export function readComputed(
  state: HasEvidence,
  definitions: Definitions,
  tMs: number,
): Record<string, Json> {
  const values = Object.create(null) as Record<string, Json>;
  for (const trait of definitions.computed) values[trait.name] = computedValue(state, trait, tMs);
  return values;
}

/** The next instant after `tMs` at which some computed trait may change by itself; null: none will. */
export function nextDeadline(state: HasEvidence, definitions: Definitions, tMs: number): number | null {
  let next: number | null = null;
  for (const trait of definitions.computed) {
    if (trait.windowMs === null || state.evidence === undefined) continue;
    const due = valueAt(state, trait, tMs).nextChangeAtMs;
    if (due !== null && (next === null || due < next)) next = due;
  }
  return next;
}

/** Two profiles that are joined; the pids name whose evidence is in. */
export interface Joining {
  readonly definitions: Definitions;
  readonly into: number;
  readonly from: number;
}

/**
 * Joins the evidence of two profiles, in place; `from` is only read.
 *
 * What is kept one by one is a set, and a set joined twice is the same set. What is pressed (evidence.ts, orders.ts)
 * adds up, so a profile must not go in twice: `parts` says which profiles are in, and how far they had got. If all of
 * one side is known to the other, the other is the union. Sides that share a part and each have others besides can't
 * be told apart where they are pressed; a profile is merged into one survivor only, so that never comes up.
 */
export function mergeComputed(into: HasEvidence, from: HasEvidence, joining: Joining): void {
  if (from.evidence === undefined) return;
  const mine = (into.evidence ??= emptyEvidence());
  const theirs = from.evidence;
  const known = partsOf(mine, joining.into);
  const added = partsOf(theirs, joining.from);
  if (covers(known, added)) return;
  if (covers(added, known)) Object.assign(mine, structuredClone(theirs));
  else unite(mine, theirs, joining.definitions);
  for (const [pid, folded] of added) known.set(pid, Math.max(known.get(pid) ?? 0, folded));
  mine.folded = known.get(joining.into) ?? 0;
  known.delete(joining.into);
  mine.parts = [...known].sort(([left], [right]) => left - right);
}

function partsOf(evidence: Evidence, pid: number): Map<number, number> {
  const parts = new Map(evidence.parts);
  return evidence.folded === 0 ? parts : parts.set(pid, evidence.folded);
}

function covers(known: ReadonlyMap<number, number>, added: ReadonlyMap<number, number>): boolean {
  for (const [pid, folded] of added) if ((known.get(pid) ?? 0) < folded) return false;
  return true;
}

function unite(into: Evidence, from: Evidence, definitions: Definitions): void {
  for (const [name, plan] of definitions.byEvent) {
    const theirs = evidenceOf(from.events, name);
    if (theirs === undefined) continue;
    const mine = evidenceOf(into.events, name) ?? (into.events[name] = [[], null]);
    mergeEvidence(mine, theirs, plan);
  }
  for (const act of from.cart ?? []) addCartAct((into.cart ??= []), act, definitions.limits.cartActs);
  if (from.orders !== null) mergeBooks((into.orders ??= emptyBook()), from.orders, definitions.limits.orders);
}
