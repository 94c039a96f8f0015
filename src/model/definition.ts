/** What an operator declares about computed traits, as plain data, and what `compile` (compile.ts) makes of it. */
import { noConsentRules, type ConsentRules } from "./consentRule.ts";
import { noDeclared, type DeclaredTraits } from "./declared.ts";
import type { Event } from "./event.ts";
import type {
  ComputedTrait,
  EmailableTrait,
  EventPlan,
  Limits,
  OrderMeasure,
  SpansPlan,
  Tallied,
  ValueAggregate,
} from "./evidencePlan.ts";
import { builtInIdentity, type Identity } from "./identity.ts";
import { noSegments, type Segments } from "./segmentPlan.ts";
import { isCall, type EventSelector, type Where } from "./selector.ts";

interface OfEvents {
  readonly name: string;
  readonly event: EventSelector;
  readonly where?: Where;
}

interface OfWindow extends OfEvents {
  /** Only events of the last so many milliseconds count; absent: all. */
  readonly windowMs?: number;
}

/** One side of a ratio: the sum of a property, without one the number of events. */
export interface RatioSide {
  readonly event: EventSelector;
  readonly where?: Where;
  readonly property?: string;
}

/** One computed trait. */
export type Definition =
  | (OfWindow & { readonly aggregate: "count" })
  /** When the newest event happened. */
  | (OfWindow & { readonly aggregate: "lastAt" })
  /** How many whole units of time have passed since then. */
  | (OfWindow & { readonly aggregate: "timeSince"; readonly unitMs: number })
  | (OfWindow & { readonly aggregate: ValueAggregate; readonly property: string })
  /** The newest values first; several properties give an object each. `uniqueBy`: the newest of each value. */
  | (OfWindow & {
      readonly aggregate: "list";
      readonly property: string | readonly string[];
      readonly keep: number;
      readonly uniqueBy?: string;
    })
  /** `of` divided by `per`. */
  | {
      readonly name: string;
      readonly aggregate: "ratio";
      readonly of: RatioSide;
      readonly per: RatioSide;
      readonly windowMs?: number;
    }
  /** How many stretches of events with less than `idleMs` between two. See spans.ts. */
  | (OfWindow & { readonly aggregate: "sessions"; readonly idleMs: number })
  /** How many days running had an event, in this time zone. See spans.ts. */
  | (OfEvents & { readonly aggregate: "streak"; readonly timeZone: string })
  /** See cart.ts; only prices in this currency, or in none, count towards its value. */
  | { readonly name: string; readonly aggregate: "cart"; readonly currency: string }
  /** See mayReach.ts, for the channel email. */
  | { readonly name: string; readonly aggregate: "emailable"; readonly topic: string | null }
  /** See orders.ts. */
  | {
      readonly name: string;
      readonly aggregate: "orders";
      readonly measure: OrderMeasure;
      readonly currency: string;
      readonly windowMs?: number;
    };

export const usualLimits: Limits = {
  items: 1_000,
  minutes: 1_440,
  cartActs: 250,
  orders: 1_000,
  spans: 1_000,
};

/** Computed traits, ready for use. Made once at start. */
export interface Definitions {
  readonly limits: Limits;
  /** Number of computed traits. */
  readonly size: number;
  readonly computed: readonly ComputedTrait[];
  /** Those that consent and address make. */
  readonly emailables: readonly EmailableTrait[];
  /** Their names, which no client may set. */
  readonly names: ReadonlySet<string>;
  /** What is declared of the traits that clients set, and of what is given where one is missing. */
  readonly declared: DeclaredTraits;
  /** What is kept of which events; of none, the fold does nothing for them. */
  readonly plans: readonly EventPlan[];
  /** Plans of track events, by name. */
  readonly byEvent: ReadonlyMap<string, EventPlan>;
  /** Plans of calls. */
  readonly byCall: readonly EventPlan[];
  /** Every list of spans, by place. */
  readonly spans: readonly SpansPlan[];
  /** Counts that segments ask for, by name: evidence is kept for them, but they are nobody's traits. */
  readonly hidden: ReadonlyMap<string, Tallied>;
  readonly segments: Segments;
  /** What banners' categories stand for, and what holds where nothing is known. */
  readonly consent: ConsentRules;
  /** Traits that ways out pass on (rules.ts). */
  readonly watched: ReadonlySet<string>;
  /** What profiles are called. */
  readonly identity: Identity;
  /** Equal text, equal evidence: a state folded with definitions of another fingerprint must be folded anew. */
  readonly fingerprint: string;
}

/** No computed trait at all. */
export const noDefinitions: Definitions = {
  limits: usualLimits,
  size: 0,
  computed: [],
  emailables: [],
  names: new Set(),
  declared: noDeclared,
  plans: [],
  byEvent: new Map(),
  byCall: [],
  spans: [],
  hidden: new Map(),
  segments: noSegments,
  consent: noConsentRules,
  watched: new Set(),
  identity: builtInIdentity,
  fingerprint: "",
};

/** The plans that an event falls under, most of the time one or none. */
export function plansOf(definitions: Definitions, event: Event): readonly EventPlan[] {
  const named =
    event.type === "track" && event.name !== null ? definitions.byEvent.get(event.name) : undefined;
  if (definitions.byCall.length === 0) return named === undefined ? noPlans : [named];
  const calls = definitions.byCall.filter(({ calls: meant }) => meant !== null && isCall(meant, event));
  return named === undefined ? calls : [named, ...calls];
}

const noPlans: readonly EventPlan[] = [];
