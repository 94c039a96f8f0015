/** What an event leaves for computed traits, and which of them it changes. */
import { addCartAct, addCartStep, cartActOf } from "./cart.ts";
import {
  computedChanges,
  computedValue,
  emptyEvidence,
  spansAt,
  type ComputedState,
  type Evidence,
} from "./computed.ts";
import type { Definitions } from "./definition.ts";
import type { Event } from "./event.ts";
import { addItem, evidenceOf, placeOf } from "./evidence.ts";
import { itemOf } from "./item.ts";
import { addOrderEvent, emptyBook, ordersValues } from "./orders.ts";
import type { EventPlan, ItemLayout, SpansPlan } from "./evidencePlan.ts";
import { addSpan, spanOf } from "./spans.ts";
import { addTallied } from "./tallies.ts";
import { withChange, type TraitChanges } from "./traitChanges.ts";

/**
 * Keeps what some definition reads of an event that falls under these plans. With `tMs` returns `changed` and the
 * traits whose value at that time is another than before; null for `tMs` (a replay) doesn't compare.
 */
export function foldComputed(
  state: ComputedState,
  event: Event,
  plans: readonly EventPlan[],
  definitions: Definitions,
  tMs: number | null,
  changed: TraitChanges | null,
): TraitChanges | null {
  const evidence = (state.evidence ??= emptyEvidence());
  evidence.folded += 1;
  // One event may be of both sides of a ratio, by two plans.
  const ratios =
    tMs === null || plans.every((plan) => plan.ratios.length === 0)
      ? []
      : [...new Set(plans.flatMap((plan) => plan.ratios))];
  const before = tMs === null ? [] : ratios.map((trait) => computedValue(state, trait, tMs));
  let all = changed;
  for (const plan of plans) {
    if (plan.layout !== null) all = foldItem(evidence, event, plan, plan.layout, tMs, all);
    for (const spans of plan.spans) all = foldSpan(state, evidence, event, spans, definitions, tMs, all);
    if (plan.carts.length > 0) all = foldCart(evidence, event, plan, tMs !== null, all);
    if (plan.orders.length > 0) all = foldOrders(evidence, event, plan, tMs, all);
  }
  return tMs === null || ratios.length === 0 ? all : computedChanges(state, ratios, before, tMs, all);
}

function foldItem(
  evidence: Evidence,
  event: Event,
  plan: EventPlan,
  layout: ItemLayout,
  tMs: number | null,
  others: TraitChanges | null,
): TraitChanges | null {
  const mine = evidenceOf(evidence.events, plan.key) ?? (evidence.events[plan.key] = [[], null]);
  const item = itemOf(event, layout);
  const at = placeOf(mine[0], item);
  if (at < 0) return others;
  if (tMs !== null && plan.tallies.length > 0) return addTallied(mine, item, at, plan, tMs, others);
  addItem(mine, item, at, plan);
  return others;
}

function foldSpan(
  state: ComputedState,
  evidence: Evidence,
  event: Event,
  plan: SpansPlan,
  definitions: Definitions,
  tMs: number | null,
  others: TraitChanges | null,
): TraitChanges | null {
  const span = spanOf(event, plan);
  if (span === null) return others;
  const before = tMs === null ? [] : plan.traits.map((trait) => computedValue(state, trait, tMs));
  const spans = spansAt(evidence, definitions.spans.length, plan.place);
  addSpan(spans, span, plan, definitions.limits.spans);
  return tMs === null ? others : computedChanges(state, plan.traits, before, tMs, others);
}

function foldCart(
  evidence: Evidence,
  event: Event,
  plan: EventPlan,
  compares: boolean,
  others: TraitChanges | null,
): TraitChanges | null {
  const act = cartActOf(event);
  if (act === null) return others;
  const acts = (evidence.cart ??= []);
  if (!compares) {
    addCartAct(acts, act, plan.limits.cartActs);
    return others;
  }
  let changed = others;
  const steps = addCartStep(acts, act, plan.carts);
  for (let at = 0; at < steps.length; at += 1) {
    const [trait, step] = [plan.carts[at], steps[at]];
    if (trait !== undefined && step !== undefined)
      changed = withChange(changed, trait.name, step.old, step.new);
  }
  return changed;
}

function foldOrders(
  evidence: Evidence,
  event: Event,
  plan: EventPlan,
  tMs: number | null,
  others: TraitChanges | null,
): TraitChanges | null {
  const before = tMs === null ? [] : ordersValues(evidence.orders, plan.orders, tMs);
  const book = (evidence.orders ??= emptyBook());
  addOrderEvent(book, event, plan.limits.orders);
  if (tMs === null) return others;
  const after = ordersValues(book, plan.orders, tMs);
  let changed = others;
  for (let at = 0; at < plan.orders.length; at += 1)
    changed = withChange(changed, plan.orders[at]?.name ?? "", before[at] ?? null, after[at] ?? null);
  return changed;
}
