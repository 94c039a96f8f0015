/** Computed traits in the form in which fold and reads want them; made by `compile` (definition.ts). */
import type { LocalDays } from "../lib/localDay.ts";
import type { ConsentRules } from "./consentRule.ts";
import type { CallSelector, Where } from "./selector.ts";

/** `unique` counts distinct values; `mostFrequent` is the one that came most often, of several the one that came last. */
export type ValueAggregate = "sum" | "average" | "min" | "max" | "first" | "last" | "unique" | "mostFrequent";

export type OrderMeasure = "count" | "revenue" | "average" | "lastAt" | "revenueByCurrency";

/** Where an item says that it met a `where`: one bit of one of its values. */
export interface Mark {
  readonly slot: number;
  readonly bit: number;
}

/** What is summed up of the items that are too old to be kept one by one. */
export interface Measure {
  readonly kind: "count" | "numbers" | "ends";
  /** Null: every event of the plan counts. */
  readonly mark: Mark | null;
  /** −1: none is read, every event counts. */
  readonly slot: number;
}

interface Named {
  readonly name: string;
  /** Null: no window. */
  readonly windowMs: number | null;
  /** The value may change though nothing happens: `nextChangeAtMs` of a reading says when. */
  readonly moves: boolean;
}

/** A computed trait over the items of one selector. */
export interface Tallied extends Named {
  readonly kind: "tally";
  /** Key of the plan whose evidence it reads. */
  readonly event: string;
  readonly aggregate: "count" | "lastAt" | "timeSince" | ValueAggregate | "list";
  readonly mark: Mark | null;
  /** Slots of the properties read; empty for `count`, `lastAt` and `timeSince`. */
  readonly slots: readonly number[];
  /** Names under which a list gives several properties; null where it gives bare values. */
  readonly keys: readonly string[] | null;
  readonly keep: number;
  /** −1: none. */
  readonly uniqueSlot: number;
  /** Place of its measure in the plan; −1: it reads kept items only. */
  readonly measure: number;
  /** Of `timeSince`: what it counts in. */
  readonly unitMs: number;
}

/** One total divided by another; each is a count or a sum. */
export interface RatioTrait extends Named {
  readonly kind: "ratio";
  readonly of: Tallied;
  readonly per: Tallied;
}

/** See spans.ts. */
export interface SpansTrait extends Named {
  readonly kind: "spans";
  readonly measure: SpansMeasure;
  /** Place of its spans in the evidence. */
  readonly place: number;
}

export type SpansMeasure =
  | { readonly of: "sessions" | "lastAt" }
  | { readonly of: "streak"; readonly days: LocalDays }
  | { readonly of: "timeSince"; readonly unitMs: number };

export interface CartTrait extends Named {
  readonly kind: "cart";
  /** Acts kept; see `Limits`. */
  readonly maxActs: number;
  readonly currency: string;
}

export interface OrdersTrait extends Named {
  readonly kind: "orders";
  readonly measure: OrderMeasure;
  readonly currency: string;
}

/** Whether the person may be written to by e-mail; made of consent and address, not of evidence. */
export interface EmailableTrait extends Named {
  readonly kind: "emailable";
  /** Null: about nothing in particular. */
  readonly topic: string | null;
  readonly rules: ConsentRules;
}

export type ComputedTrait = Tallied | RatioTrait | SpansTrait | CartTrait | OrdersTrait | EmailableTrait;

/** How much evidence is kept one by one. Tests lower them to reach what lies beyond. */
export interface Limits {
  /** Items a selector; what is older is pressed. */
  readonly items: number;
  /** Minutes that pressed items are told apart by, the newest in which there was any. */
  readonly minutes: number;
  /** Acts of a cart since it was last told in full. */
  readonly cartActs: number;
  readonly orders: number;
  /** Sessions, or runs of days. */
  readonly spans: number;
}

/** One list of spans, which traits that differ only in name and window share. */
export interface SpansPlan {
  readonly place: number;
  readonly where: Where | null;
  /** Two moments that are less than this apart, in the spans' unit, are of one span; Infinity: all are. */
  readonly joinsBelow: number;
  /** Null: the unit is the millisecond. */
  readonly days: LocalDays | null;
  readonly traits: readonly SpansTrait[];
}

/** What an item holds beside its stamp. */
export interface ItemLayout {
  /** What an item is marked with, 30 bits a value; these values come first. */
  readonly wheres: readonly Where[];
  /** Properties that some definition reads, by slot, after the marks. */
  readonly properties: readonly string[];
}

/** What the fold does with the events of one selector. */
export interface EventPlan {
  /** What the evidence is kept under. */
  readonly key: string;
  /** Null: a track event, whose name is the key. */
  readonly calls: CallSelector | null;
  readonly limits: Limits;
  /** Null when no item is kept. */
  readonly layout: ItemLayout | null;
  readonly measures: readonly Measure[];
  /** Some definition has a window: minute buckets are kept. */
  readonly windowed: boolean;
  readonly spans: readonly SpansPlan[];
  /** The traits that such an event may change, by kind. */
  readonly tallies: readonly Tallied[];
  readonly ratios: readonly RatioTrait[];
  readonly carts: readonly CartTrait[];
  readonly orders: readonly OrdersTrait[];
}
