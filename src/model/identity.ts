/**
 * The identifiers that profiles have: which there are, in which order they are listed, how many of each a profile
 * takes, and which values name nobody.
 */
import { foldCase, isBlockedValue } from "./blocked.ts";
import { canonicalJson } from "./canonicalJson.ts";
import type { Event, Json } from "./event.ts";
import {
  identifierOf,
  maxIdentifierBytes,
  normaliseEmail,
  type Identifier,
  type IdentifierKey,
} from "./identifier.ts";

/** How a value is written before it is compared. */
export type Normaliser = "email" | "phone" | "lower" | "none";

/** One type of identifier as configured; what is absent has its default. */
export interface IdentifierRule {
  readonly type: string;
  /** Values that a profile takes. */
  readonly limit?: number;
  /** The least is listed first. */
  readonly priority?: number;
  readonly normalise?: Normaliser;
  /** Values that name nobody, beside the usual ones. */
  readonly block?: readonly string[];
  /** Of the usual ones, those that do name somebody here. */
  readonly allow?: readonly string[];
}

/** A type of identifier, ready for use. */
export interface IdentifierType {
  readonly type: string;
  readonly limit: number;
  readonly priority: number;
  readonly normalise: Normaliser;
  readonly block: ReadonlySet<string>;
  readonly allow: ReadonlySet<string>;
}

/** All types of identifiers, ready for use. Made once at start. */
export interface Identity {
  readonly types: ReadonlyMap<string, IdentifierType>;
  /** Those that traits claim: the newest claim has the value. */
  readonly claimed: readonly IdentifierType[];
  /** Types that a profile can be looked up by. */
  readonly idTypes: ReadonlySet<string>;
  /** Order in which a profile lists its identifiers. */
  readonly compare: (left: IdentifierKey, right: IdentifierKey) => number;
  /** Empty when nothing is configured; equal text, equal identifiers. */
  readonly fingerprint: string;
}

/** The types that are always there. `priority` and `limit` may be set. */
export const builtInTypes: readonly (Required<Pick<IdentifierRule, "type" | "limit" | "priority">> & {
  readonly normalise: Normaliser;
})[] = [
  { type: "user_id", limit: 20, priority: 1, normalise: "none" },
  { type: "email", limit: 20, priority: 2, normalise: "email" },
  { type: "anonymous_id", limit: 1_000, priority: 3, normalise: "none" },
];

/** Limit and priority of a configured type that sets none. */
export const configuredDefaults = { limit: 5, priority: 4, normalise: "none" } as const;

/** Prepares the identifiers. Throws on a type that stands twice. */
export function compileIdentity(rules: readonly IdentifierRule[]): Identity {
  const types = new Map(builtInTypes.map((built) => [built.type, typeOf({ type: built.type }, built)]));
  for (const rule of rules) {
    const builtIn = builtInTypes.find(({ type }) => type === rule.type);
    if (rules.filter(({ type }) => type === rule.type).length > 1)
      throw new Error("an identifier is configured twice");
    types.set(rule.type, typeOf(rule, builtIn ?? { type: rule.type, ...configuredDefaults }));
  }
  const claimed = [...types.values()].filter(({ type }) => isClaimed(type));
  const sorted = rules.toSorted((left, right) => (left.type < right.type ? -1 : 1));
  return {
    types,
    claimed,
    idTypes: new Set([...types.keys(), "email_sha256", "profile_id"]),
    compare: (left, right) => compareKeys(types, left, right),
    fingerprint: sorted.length === 0 ? "" : canonicalJson(sorted as unknown as Json),
  };
}

/** Whether identifiers of the type are claimed by traits, unlike user_id and anonymous_id, which events carry. */
export function isClaimed(type: string): boolean {
  return type !== "user_id" && type !== "anonymous_id";
}

function typeOf(rule: IdentifierRule, defaults: (typeof builtInTypes)[number]): IdentifierType {
  const { type, limit = defaults.limit, priority = defaults.priority, block = [], allow = [] } = rule;
  return {
    type,
    limit,
    priority,
    normalise: rule.normalise ?? defaults.normalise,
    block: new Set(block.map(foldCase)),
    allow: new Set(allow.map(foldCase)),
  };
}

function compareKeys(
  types: ReadonlyMap<string, IdentifierType>,
  left: IdentifierKey,
  right: IdentifierKey,
): number {
  const a = identifierOf(left);
  const b = identifierOf(right);
  if (a.type !== b.type) {
    const byPriority = (types.get(a.type)?.priority ?? 0) - (types.get(b.type)?.priority ?? 0);
    return byPriority === 0 ? (a.type < b.type ? -1 : 1) : byPriority;
  }
  if (a.value === b.value) return 0;
  return a.value < b.value ? -1 : 1;
}

/** True for a value of that type which names nobody. */
export function isBlocked({ block, allow }: IdentifierType, value: string): boolean {
  const plain = foldCase(value);
  return block.has(plain) || (isBlockedValue(plain) && !allow.has(plain));
}

/** A value as it is compared and stored; null if it can't be an identifier of that type. */
export function normaliseValue({ normalise }: IdentifierType, value: unknown): string | null {
  if (normalise === "email") return normaliseEmail(value);
  const text = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text !== "string") return null;
  if (normalise === "phone") return normalisePhone(text);
  const plain = normalise === "lower" ? foldCase(text) : text.trim();
  const fits = plain !== "" && plain.isWellFormed() && !plain.includes("\0");
  return fits && Buffer.byteLength(plain) <= maxIdentifierBytes ? plain : null;
}

/** Digits with a leading + where there is one (or 00): what people put between them is left out. */
function normalisePhone(text: string): string | null {
  const plain = text.replace(/[\s().\-/]/g, "").replace(/^00/, "+");
  return /^\+?\d{5,15}$/.test(plain) ? plain : null;
}

/** What an event says its profile is called, beside userId and anonymousId; blocked values are left out. */
export function claimsOf(event: Event, { claimed }: Identity): readonly Identifier[] {
  if (event.type !== "identify" && event.externalIds === undefined) return noClaims;
  const found: Identifier[] = [];
  for (const type of claimed)
    for (const given of valuesOf(event, type.type)) {
      const value = normaliseValue(type, given);
      if (value === null || isBlocked(type, value) || holds(found, type.type, value)) continue;
      if (event.ignored?.[`${type.type}:${value}`] === undefined) found.push({ type: type.type, value });
    }
  return found;
}

/** Claims of an event that don't count since their value names nobody. */
export function blockedClaims(event: Event, { claimed }: Identity): readonly Identifier[] {
  if (event.type !== "identify" && event.externalIds === undefined) return noClaims;
  return claimed.flatMap((type) =>
    valuesOf(event, type.type)
      .map((given) => normaliseValue(type, given))
      .filter((value) => value !== null && isBlocked(type, value))
      .map((value) => ({ type: type.type, value: value ?? "" })),
  );
}

const noClaims: readonly Identifier[] = [];

function valuesOf({ traits, externalIds = [] }: Event, type: string): readonly unknown[] {
  const trait = Object.hasOwn(traits, type) ? traits[type] : undefined;
  // A mail tool's own id for a person may be an address too, so e-mail is taken from the trait alone.
  const outside = type === "email" ? [] : externalIds.filter(([name]) => name === type);
  return [...(trait === undefined ? [] : [trait]), ...outside.map(([, value]) => value)];
}

function holds(list: readonly Identifier[], type: string, value: string): boolean {
  return list.some((other) => other.type === type && other.value === value);
}

/** Nothing configured. */
export const builtInIdentity: Identity = compileIdentity([]);
