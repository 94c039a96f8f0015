/** From declarations (definition.ts) to plans (evidencePlan.ts). */
import { localDays, type LocalDays } from "../lib/localDay.ts";
import { canonicalJson } from "./canonicalJson.ts";
import { noConsentRules } from "./consentRule.ts";
import {
  noDefinitions,
  usualLimits,
  type Definition,
  type Definitions,
  type RatioSide,
} from "./definition.ts";
import type { Json } from "./event.ts";
import { bitsASlot } from "./item.ts";
import type {
  ComputedTrait,
  EventPlan,
  ItemLayout,
  Limits,
  Mark,
  Measure,
  RatioTrait,
  SpansMeasure,
  SpansPlan,
  SpansTrait,
  Tallied,
} from "./evidencePlan.ts";
import { refuseMark, selectorKey, type EventSelector } from "./selector.ts";

/** Form of the evidence; another number has profiles folded anew. */
const evidenceForm = 2;

/** Events that a cart is made of. */
const cartEvents = ["Product Added", "Product Removed", "Cart Viewed", "Checkout Started", "Order Completed"];

/** Events that orders are made of. */
const orderEvents = ["Order Completed", "Order Updated", "Order Cancelled", "Order Refunded"];

/**
 * Prepares definitions; evidence is kept for `hidden` ones too, which are counts. Throws on a name that stands twice, on
 * names that no dictionary can hold, and on time zones that are none.
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
  const selectors = new Map(
    kept.flatMap(selectorsOf).map((selector) => [selectorKey(selector), selector] as const),
  );
  if (selectors.has("__proto__") || names.has("__proto__")) throw new Error("__proto__ can't be a name");
  const drafts = new Map([...selectors].map(([key, selector]) => [key, draftOf(key, selector, kept)]));
  const spans = spansOf(sorted);
  const computed = sorted.map((definition) => traitOf(definition, drafts, spans, limits));
  const counts = sortedHidden.flatMap(talliedIn).map((definition) => tallyOf(definition, drafts));
  const plans = [...drafts.values()].map((draft) => planOf(draft, computed, counts, spans, limits));
  return {
    ...noDefinitions,
    limits,
    size: computed.length,
    computed,
    names,
    plans,
    byEvent: new Map(plans.filter(({ calls }) => calls === null).map((plan) => [plan.key, plan])),
    byCall: plans.filter(({ calls }) => calls !== null),
    spans: spans.map(({ plan }) => plan),
    hidden: new Map(counts.map((count) => [count.name, count])),
    fingerprint: canonicalJson([
      evidenceForm,
      { ...limits },
      sorted as unknown as Json,
      ...(hidden.length === 0 ? [] : [sortedHidden as unknown as Json]),
    ]),
  };
}

function byName(left: Definition, right: Definition): number {
  return left.name < right.name ? -1 : 1;
}

function selectorsOf(definition: Definition): readonly EventSelector[] {
  const { aggregate } = definition;
  if (aggregate === "cart") return cartEvents;
  if (aggregate === "orders") return orderEvents;
  if (aggregate === "emailable") return [];
  const mine = aggregate === "ratio" ? [definition.of.event, definition.per.event] : [definition.event];
  for (const selector of mine) if (typeof selector === "string") refuseMark(selector);
  return mine;
}

/** A plan on its way: what an item holds, and the measures, to which traits add. */
interface Draft {
  readonly key: string;
  readonly selector: EventSelector;
  readonly layout: ItemLayout;
  /** By text, in the order of `layout.wheres`. */
  readonly whereTexts: readonly string[];
  readonly hasItems: boolean;
  readonly measures: Measure[];
}

type TalliedDefinition = Exclude<
  Definition,
  { aggregate: "cart" | "orders" | "ratio" | "sessions" | "streak" | "emailable" }
>;

/** What reads items: tallies, and the two sides of a ratio as tallies of their own. */
function talliedIn(definition: Definition): readonly TalliedDefinition[] {
  const { aggregate } = definition;
  if (aggregate === "cart" || aggregate === "orders" || aggregate === "emailable") return [];
  if (definition.aggregate === "ratio")
    return [sideOf(definition, definition.of), sideOf(definition, definition.per)];
  return isOfSpans(definition) ? [] : [definition];
}

function sideOf(
  { name, windowMs }: { readonly name: string; readonly windowMs?: number },
  { event, where, property }: RatioSide,
): TalliedDefinition {
  const common = {
    name,
    event,
    ...(where === undefined ? {} : { where }),
    ...(windowMs === undefined ? {} : { windowMs }),
  };
  return property === undefined
    ? { ...common, aggregate: "count" }
    : { ...common, aggregate: "sum", property };
}

function draftOf(key: string, selector: EventSelector, sorted: readonly Definition[]): Draft {
  const mine = sorted.flatMap(talliedIn).filter((definition) => selectorKey(definition.event) === key);
  const byText = new Map(
    mine.flatMap(({ where }) =>
      where === undefined ? [] : [[canonicalJson(where as Json), where] as const],
    ),
  );
  const whereTexts = [...byText.keys()].sort();
  return {
    key,
    selector,
    layout: {
      wheres: whereTexts.map((text) => byText.get(text) ?? {}),
      properties: [...new Set(mine.flatMap(propertiesOf))].sort(),
    },
    whereTexts,
    hasItems: mine.length > 0,
    measures: [],
  };
}

function readsOf(definition: TalliedDefinition): readonly string[] {
  if (!("property" in definition)) return [];
  return typeof definition.property === "string" ? [definition.property] : definition.property;
}

function propertiesOf(definition: TalliedDefinition): readonly string[] {
  const unique = definition.aggregate === "list" ? definition.uniqueBy : undefined;
  return [...readsOf(definition), ...(unique === undefined ? [] : [unique])];
}

function planOf(
  draft: Draft,
  computed: readonly ComputedTrait[],
  counts: readonly Tallied[],
  spans: readonly SpansDraft[],
  limits: Limits,
): EventPlan {
  const { key, selector, measures } = draft;
  const tallies = computed.filter((trait) => trait.kind === "tally").filter(({ event }) => event === key);
  const ratios = computed
    .filter((trait) => trait.kind === "ratio")
    .filter(({ of, per }) => of.event === key || per.event === key);
  const read = [
    ...tallies,
    ...counts.filter(({ event }) => event === key),
    ...ratios.flatMap(({ of, per }) => [of, per].filter(({ event }) => event === key)),
  ];
  return {
    key,
    calls: typeof selector === "string" ? null : selector,
    limits,
    layout: draft.hasItems ? draft.layout : null,
    measures,
    windowed: read.some((trait) => trait.windowMs !== null),
    spans: spans.filter((list) => list.key === key).map(({ plan }) => plan),
    tallies,
    ratios,
    carts: cartEvents.includes(key) ? computed.filter((trait) => trait.kind === "cart") : [],
    orders: orderEvents.includes(key) ? computed.filter((trait) => trait.kind === "orders") : [],
  };
}

interface SpansDraft {
  /** Of the selector. */
  readonly key: string;
  /** Name of each trait over it. */
  readonly names: readonly string[];
  readonly plan: SpansPlan & { readonly traits: SpansTrait[] };
}

type SpansDefinition = Extract<Definition, { aggregate: "sessions" | "streak" | "lastAt" | "timeSince" }>;

/** Without a window, all that matters of the events is when the newest was. */
function isOfSpans(definition: Definition): definition is SpansDefinition {
  const { aggregate } = definition;
  if (aggregate === "sessions" || aggregate === "streak") return true;
  return (aggregate === "lastAt" || aggregate === "timeSince") && definition.windowMs === undefined;
}

/** The lists of spans, each for all traits that it serves. */
function spansOf(sorted: readonly Definition[]): readonly SpansDraft[] {
  return [...Map.groupBy(sorted.filter(isOfSpans), spansText)].map(([, group], place) =>
    spansDraft(group, place),
  );
}

/** Equal for definitions that the same spans serve. */
function spansText(definition: SpansDefinition): string {
  const { event, where } = definition;
  const unit = definition.aggregate === "streak" ? definition.timeZone : joinsBelow(definition);
  return canonicalJson([unit === Infinity ? null : unit, selectorKey(event), (where ?? null) as Json]);
}

function joinsBelow(definition: SpansDefinition): number {
  if (definition.aggregate === "sessions") return definition.idleMs;
  return definition.aggregate === "streak" ? 2 : Infinity;
}

function spansDraft(group: readonly SpansDefinition[], place: number): SpansDraft {
  const [first] = group;
  if (first === undefined) throw new Error("a group has members");
  return {
    key: selectorKey(first.event),
    names: group.map(({ name }) => name),
    plan: {
      place,
      where: first.where ?? null,
      joinsBelow: joinsBelow(first),
      days: first.aggregate === "streak" ? localDays(first.timeZone) : null,
      traits: [],
    },
  };
}

function traitOf(
  definition: Definition,
  drafts: ReadonlyMap<string, Draft>,
  spans: readonly SpansDraft[],
  limits: Limits,
): ComputedTrait {
  const { name } = definition;
  const windowMs = "windowMs" in definition ? (definition.windowMs ?? null) : null;
  const moves = windowMs !== null;
  if (definition.aggregate === "cart")
    return { kind: "cart", name, currency: definition.currency, maxActs: limits.cartActs, windowMs, moves };
  if (definition.aggregate === "orders") {
    const { measure, currency } = definition;
    return { kind: "orders", name, measure, currency, windowMs, moves };
  }
  if (definition.aggregate === "emailable")
    return { kind: "emailable", name, topic: definition.topic, rules: noConsentRules, windowMs, moves };
  if (definition.aggregate === "ratio") return ratioOf(definition, drafts);
  return isOfSpans(definition) ? spansTraitOf(definition, spans, windowMs) : tallyOf(definition, drafts);
}

function ratioOf(
  definition: Extract<Definition, { aggregate: "ratio" }>,
  drafts: ReadonlyMap<string, Draft>,
): RatioTrait {
  const of = tallyOf(sideOf(definition, definition.of), drafts);
  const per = tallyOf(sideOf(definition, definition.per), drafts);
  const { name, windowMs, moves } = of;
  return { kind: "ratio", name, of, per, windowMs, moves };
}

function spansTraitOf(
  definition: SpansDefinition,
  spans: readonly SpansDraft[],
  windowMs: number | null,
): SpansTrait {
  const { name, aggregate } = definition;
  const draft = spans.find(({ names }) => names.includes(name));
  if (draft === undefined) throw new Error("spans without a plan");
  const { place, days } = draft.plan;
  const moves = windowMs !== null || aggregate === "streak" || aggregate === "timeSince";
  const measure = measureOf(definition, days);
  const trait: SpansTrait = { kind: "spans", name, measure, place, windowMs, moves };
  draft.plan.traits.push(trait);
  return trait;
}

function measureOf(definition: SpansDefinition, days: LocalDays | null): SpansMeasure {
  if (definition.aggregate === "timeSince") return { of: "timeSince", unitMs: definition.unitMs };
  if (definition.aggregate !== "streak") return { of: definition.aggregate };
  if (days === null) throw new Error("a streak without a calendar");
  return { of: "streak", days };
}

function tallyOf(definition: TalliedDefinition, drafts: ReadonlyMap<string, Draft>): Tallied {
  const draft = drafts.get(selectorKey(definition.event));
  if (draft === undefined) throw new Error("a trait without a plan");
  const { name, aggregate, where } = definition;
  const marks = Math.ceil(draft.whereTexts.length / bitsASlot);
  const slotOf = (property: string) => marks + draft.layout.properties.indexOf(property);
  const isList = aggregate === "list";
  const reads = readsOf(definition);
  const mark = where === undefined ? null : markAt(draft.whereTexts.indexOf(canonicalJson(where as Json)));
  const slots = reads.map(slotOf);
  const windowMs = definition.windowMs ?? null;
  return {
    kind: "tally",
    name,
    event: draft.key,
    aggregate,
    mark,
    slots,
    keys: isList && typeof definition.property !== "string" ? reads : null,
    keep: isList ? definition.keep : 0,
    uniqueSlot: isList && definition.uniqueBy !== undefined ? slotOf(definition.uniqueBy) : -1,
    measure: measureFor(aggregate, mark, slots[0] ?? -1, draft.measures),
    unitMs: aggregate === "timeSince" ? definition.unitMs : 1,
    windowMs,
    moves: windowMs !== null || aggregate === "timeSince",
  };
}

/** The mark of the where at this place of the layout. */
function markAt(place: number): Mark {
  return { slot: Math.floor(place / bitsASlot), bit: 1 << (place % bitsASlot) };
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
  timeSince: "ends",
  unique: null,
  mostFrequent: null,
  list: null,
};

/** Place of the measure, which definitions that need the same one share. */
function measureFor(
  aggregate: Tallied["aggregate"],
  mark: Mark | null,
  slot: number,
  measures: Measure[],
): number {
  const kind = measureKinds[aggregate];
  if (kind === null) return -1;
  const wanted: Measure = { kind, mark, slot };
  const text = JSON.stringify(wanted);
  const found = measures.findIndex((measure) => JSON.stringify(measure) === text);
  return found >= 0 ? found : measures.push(wanted) - 1;
}
