/** What an operator declares about computed traits, as plain data, and the form in which fold and reads want it. */
import { canonicalJson } from "./canonicalJson.ts";
import { noDeclared, type DeclaredTraits } from "./declared.ts";
import type { Json } from "./event.ts";
import { builtInIdentity, type Identity } from "./identity.ts";
import { noSegments, type Segments } from "./segmentPlan.ts";

export type Scalar = string | number | boolean;

/** Properties that an event must have, all of them, to count. */
export type Where = Readonly<Record<string, { readonly is: Scalar }>>;

interface OfEvents {
  readonly name: string;
  /** The track event's name. */
  readonly event: string;
  readonly where?: Where;
  /** Only events of the last so many milliseconds count; absent: all. */
  readonly windowMs?: number;
}

/** One computed trait. */
export type Definition =
  | (OfEvents & { readonly aggregate: "count" })
  /** When the newest event happened. */
  | (OfEvents & { readonly aggregate: "lastAt" })
  | (OfEvents & { readonly aggregate: ValueAggregate; readonly property: string })
  /** The newest values first; several properties give an object each. `uniqueBy`: the newest of each value. */
  | (OfEvents & {
      readonly aggregate: "list";
      readonly property: string | readonly string[];
      readonly keep: number;
      readonly uniqueBy?: string;
    })
  /** See cart.ts; only prices in this currency, or in none, count towards its value. */
  | { readonly name: string; readonly aggregate: "cart"; readonly currency: string }
  /** See orders.ts. */
  | {
      readonly name: string;
      readonly aggregate: "orders";
      readonly measure: OrderMeasure;
      readonly currency: string;
      readonly windowMs?: number;
    };

/** `unique` counts distinct values; `mostFrequent` is the one that came most often, of several the one that came last. */
export type ValueAggregate = "sum" | "average" | "min" | "max" | "first" | "last" | "unique" | "mostFrequent";

export type OrderMeasure = "count" | "revenue" | "average" | "lastAt" | "revenueByCurrency";

/** A property's place in an item of evidence, and the value it must have. */
export interface Condition {
  readonly slot: number;
  readonly is: Scalar;
}

/** What is summed up of the items that are too old to be kept one by one. */
export interface Measure {
  readonly kind: "count" | "numbers" | "ends";
  readonly conditions: readonly Condition[];
  /** −1: none is read, every event counts. */
  readonly slot: number;
}

/** A computed trait over the evidence of one event name. */
export interface Tallied {
  readonly kind: "tally";
  readonly name: string;
  readonly event: string;
  readonly aggregate: "count" | "lastAt" | ValueAggregate | "list";
  readonly conditions: readonly Condition[];
  /** Slots of the properties read; empty for `count` and `lastAt`. */
  readonly slots: readonly number[];
  /** Names under which a list gives several properties; null where it gives bare values. */
  readonly keys: readonly string[] | null;
  readonly keep: number;
  /** −1: none. */
  readonly uniqueSlot: number;
  /** Place of its measure in the plan; −1: it reads kept items only. */
  readonly measure: number;
  readonly windowMs: number | null;
}

export interface CartTrait {
  readonly kind: "cart";
  /** Acts kept; see `Limits`. */
  readonly maxActs: number;
  readonly name: string;
  readonly currency: string;
  readonly windowMs: null;
}

export interface OrdersTrait {
  readonly kind: "orders";
  readonly name: string;
  readonly measure: OrderMeasure;
  readonly currency: string;
  readonly windowMs: number | null;
}

export type ComputedTrait = Tallied | CartTrait | OrdersTrait;

/** How much evidence is kept one by one. Tests lower them to reach what lies beyond. */
export interface Limits {
  /** Items an event name; what is older is pressed. */
  readonly items: number;
  /** Minutes that pressed items are told apart by, the newest in which there was any. */
  readonly minutes: number;
  /** Acts of a cart since it was last told in full. */
  readonly cartActs: number;
  readonly orders: number;
}

const usualLimits: Limits = { items: 1_000, minutes: 1_440, cartActs: 250, orders: 1_000 };

/** What the fold does with events of one name. */
export interface EventPlan {
  readonly event: string;
  readonly limits: Limits;
  /** Properties that some definition reads, by slot; null when no item is kept. */
  readonly properties: readonly string[] | null;
  readonly measures: readonly Measure[];
  /** Some definition has a window: minute buckets are kept. */
  readonly windowed: boolean;
  /** The traits that such an event may change, by kind. */
  readonly tallies: readonly Tallied[];
  readonly carts: readonly CartTrait[];
  readonly orders: readonly OrdersTrait[];
  /** Counts that are nobody's traits. */
  readonly hidden: readonly Tallied[];
}

/** Computed traits, ready for use. Made once at start. */
export interface Definitions {
  readonly limits: Limits;
  /** Number of computed traits. */
  readonly size: number;
  readonly computed: readonly ComputedTrait[];
  /** Their names, which no client may set. */
  readonly names: ReadonlySet<string>;
  /** What is declared of the traits that clients set, and of what is given where one is missing. */
  readonly declared: DeclaredTraits;
  /** What is kept of which events; of none, the fold does nothing for them. */
  readonly byEvent: ReadonlyMap<string, EventPlan>;
  /** Counts that segments ask for, by name: evidence is kept for them, but they are nobody's traits. */
  readonly hidden: ReadonlyMap<string, Tallied>;
  readonly segments: Segments;
  /** What profiles are called. */
  readonly identity: Identity;
  /** Equal text, equal evidence: a state folded with definitions of another fingerprint must be folded anew. */
  readonly fingerprint: string;
}

/** Events that a cart is made of. */
const cartEvents = ["Product Added", "Product Removed", "Cart Viewed", "Checkout Started", "Order Completed"];

/** Events that orders are made of. */
const orderEvents = ["Order Completed", "Order Updated", "Order Cancelled", "Order Refunded"];

/** No computed trait at all. */
export const noDefinitions: Definitions = compile([]);

/**
 * Prepares definitions; evidence is kept for `hidden` ones too. Throws on a name that stands twice and on names that no
 * dictionary can hold.
 */
export function compile(
  list: readonly Definition[],
  limits: Limits = usualLimits,
  hidden: readonly Definition[] = [],
): Definitions {
  const names = new Set(list.map((definition) => definition.name));
  if (names.size !== list.length) throw new Error("a computed trait is defined twice");
  const sorted = list.toSorted(byName);
  const sortedHidden = hidden.toSorted(byName);
  const kept = [...sorted, ...sortedHidden];
  const events = new Set(kept.flatMap(eventsOf));
  if (events.has("__proto__") || names.has("__proto__")) throw new Error("__proto__ can't be a name");
  const plans = [...events].map((event) => planOf(event, kept, names, limits));
  const traits = new Map(plans.flatMap(traitsOf).map((trait) => [trait.name, trait] as const));
  const computed = sorted
    .map((definition) => traits.get(definition.name))
    .filter((trait) => trait !== undefined);
  return {
    limits,
    size: computed.length,
    computed,
    names,
    declared: noDeclared,
    byEvent: new Map(plans.map((plan) => [plan.event, plan])),
    hidden: new Map(plans.flatMap((plan) => plan.hidden.map((trait) => [trait.name, trait] as const))),
    segments: noSegments,
    identity: builtInIdentity,
    fingerprint: canonicalJson([
      { ...limits },
      sorted as unknown as Json,
      ...(hidden.length === 0 ? [] : [sortedHidden as unknown as Json]),
    ]),
  };
}

function byName(left: Definition, right: Definition): number {
  return left.name < right.name ? -1 : 1;
}

function traitsOf(plan: EventPlan): readonly ComputedTrait[] {
  return [...plan.tallies, ...plan.carts, ...plan.orders];
}

function eventsOf(definition: Definition): readonly string[] {
  if (definition.aggregate === "cart") return cartEvents;
  return definition.aggregate === "orders" ? orderEvents : [definition.event];
}

function planOf(
  event: string,
  kept: readonly Definition[],
  names: ReadonlySet<string>,
  limits: Limits,
): EventPlan {
  const mine = kept.filter((definition) => eventsOf(definition).includes(event));
  const tallied = mine.filter(
    (definition) => definition.aggregate !== "cart" && definition.aggregate !== "orders",
  );
  const properties = [...new Set(tallied.flatMap(propertiesOf))].sort();
  const measures: Measure[] = [];
  const computed = mine.map((definition) => traitOf(definition, properties, measures, limits));
  const tallies = computed.filter((trait) => trait.kind === "tally");
  return {
    event,
    limits,
    properties: tallied.length > 0 ? properties : null,
    measures,
    windowed: tallies.some((trait) => trait.windowMs !== null),
    tallies: tallies.filter(({ name }) => names.has(name)),
    hidden: tallies.filter(({ name }) => !names.has(name)),
    carts: computed.filter((trait) => trait.kind === "cart"),
    orders: computed.filter((trait) => trait.kind === "orders"),
  };
}

type TalliedDefinition = Exclude<Definition, { aggregate: "cart" | "orders" }>;

function readsOf(definition: TalliedDefinition): readonly string[] {
  if (definition.aggregate === "count" || definition.aggregate === "lastAt") return [];
  return typeof definition.property === "string" ? [definition.property] : definition.property;
}

function propertiesOf(definition: TalliedDefinition): readonly string[] {
  const unique = definition.aggregate === "list" ? definition.uniqueBy : undefined;
  return [
    ...readsOf(definition),
    ...Object.keys(definition.where ?? {}),
    ...(unique === undefined ? [] : [unique]),
  ];
}

function traitOf(
  definition: Definition,
  properties: readonly string[],
  measures: Measure[],
  limits: Limits,
): ComputedTrait {
  const { name } = definition;
  if (definition.aggregate === "cart")
    return { kind: "cart", name, currency: definition.currency, maxActs: limits.cartActs, windowMs: null };
  const windowMs = definition.windowMs ?? null;
  if (definition.aggregate === "orders") {
    return { kind: "orders", name, measure: definition.measure, currency: definition.currency, windowMs };
  }
  const isList = definition.aggregate === "list";
  const reads = readsOf(definition);
  const conditions = Object.entries(definition.where ?? {})
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([property, { is }]): Condition => ({ slot: properties.indexOf(property), is }));
  const slots = reads.map((property) => properties.indexOf(property));
  return {
    kind: "tally",
    name,
    event: definition.event,
    aggregate: definition.aggregate,
    conditions,
    slots,
    keys: isList && typeof definition.property !== "string" ? reads : null,
    keep: isList ? definition.keep : 0,
    uniqueSlot: isList && definition.uniqueBy !== undefined ? properties.indexOf(definition.uniqueBy) : -1,
    measure: measureFor(definition.aggregate, conditions, slots[0] ?? -1, measures),
    windowMs,
  };
}

const measureKinds: Readonly<Record<Tallied["aggregate"], Measure["kind"] | null>> = {
  count: "count",
  sum: "numbers",
  average: "numbers",
  min: "numbers",
  max: "numbers",
  first: "ends",
  last: "ends",
  lastAt: "ends",
  unique: null,
  mostFrequent: null,
  list: null,
};

/** Place of the measure, which definitions that need the same one share. */
function measureFor(
  aggregate: Tallied["aggregate"],
  conditions: readonly Condition[],
  slot: number,
  measures: Measure[],
): number {
  const kind = measureKinds[aggregate];
  if (kind === null) return -1;
  const wanted: Measure = { kind, conditions, slot };
  const text = JSON.stringify(wanted);
  const found = measures.findIndex((measure) => JSON.stringify(measure) === text);
  return found >= 0 ? found : measures.push(wanted) - 1;
}
