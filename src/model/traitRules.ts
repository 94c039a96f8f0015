/**
 * What of an event's traits is taken: decided once, when the event is accepted, by the declarations of that day, and
 * written beside the event. Whoever makes the event again from the journal applies what was written (`decidedTraits`),
 * so that a rebuild under other declarations gives the same profiles. Pure.
 */
import { eventError, type EventError } from "../errors.ts";
import { brokenRule, coerced, type BrokenRule, type DeclaredTrait, type DeclaredTraits } from "./declared.ts";
import type { Event, Json, JsonObject } from "./event.ts";

/** The part of the definitions that decides what clients may set. */
export interface TraitRules {
  /** Names of computed traits. */
  readonly names: ReadonlySet<string>;
  readonly declared: DeclaredTraits;
}

/** Names under which Freshet itself tells something of a profile: nobody can set a trait that passes for it. */
export const reservedTraits: ReadonlySet<string> = new Set([
  "profileId",
  "identifiers",
  "segments",
  "consent",
  "suppressions",
]);

/** Where `extra`, what is stored beside an event, holds a decision. */
const decisionKey = "traitRules";

/** What is stored of a decision: names that are left out, values that stand for the ones that came. */
export interface StoredDecision {
  readonly out?: readonly string[];
  readonly set?: JsonObject;
}

/** Traits that are kept out for one reason; they go to the quarantine together. */
export interface KeptOut {
  readonly error: EventError;
  readonly traits: Readonly<Record<string, Json>>;
}

export interface Decision {
  /** The event without what is left out. */
  readonly event: Event;
  readonly stored: StoredDecision;
  readonly keptOut: readonly KeptOut[];
}

type Why = { readonly code: "trait_reserved" | "forbidden" } | { readonly broken: BrokenRule };

/** What the rules make of an accepted event's traits; null: they are taken as they came. */
export function decideTraits(event: Event, rules: TraitRules): Decision | null {
  if (event.type !== "identify") return null;
  let refused: Map<string, Why> | null = null;
  let set: Record<string, Json> | null = null;
  for (const name in event.traits) {
    const value = event.traits[name];
    if (value === undefined) continue;
    const verdict = verdictOn(event, name, value, rules);
    if (verdict === null) continue;
    if ("value" in verdict) (set ??= {})[name] = verdict.value;
    else (refused ??= new Map()).set(name, verdict);
  }
  if (refused === null && set === null) return null;
  const out = refused === null ? [] : [...refused.keys()];
  const stored: StoredDecision = { ...(out.length === 0 ? {} : { out }), ...(set === null ? {} : { set }) };
  return {
    event: { ...event, traits: appliedTo(event.traits, stored) },
    stored,
    keptOut: refused === null ? [] : keptOut(event, refused),
  };
}

function verdictOn(
  { source, trusted }: Event,
  name: string,
  value: Json,
  { names, declared }: TraitRules,
): Why | { readonly value: Json } | null {
  if (names.has(name) || reservedTraits.has(name)) return { code: "trait_reserved" };
  const trait = declared.get(name);
  if (trait === undefined) return null;
  if (!maySet(trait, source, trusted)) return { code: "forbidden" };
  const broken = brokenRule(trait, value);
  if (broken === null) return null;
  const other = trait.coerce === true && broken === "type" ? coerced(trait.type, value) : undefined;
  if (other === undefined) return { broken };
  const stillBroken = brokenRule(trait, other);
  return stillBroken === null ? { value: other } : { broken: stillBroken };
}

/** Whether a source may set or clear a declared trait. */
function maySet(trait: DeclaredTrait, source: string, trusted: boolean): boolean {
  return (trait.protected !== true || trusted) && trait.setBy?.includes(source) !== false;
}

function keptOut(event: Event, refused: ReadonlyMap<string, Why>): KeptOut[] {
  const reserved = namesOf(refused, (why) => "code" in why && why.code === "trait_reserved");
  const forbidden = namesOf(refused, (why) => "code" in why && why.code === "forbidden");
  const invalid = namesOf(refused, (why) => "broken" in why);
  const told = invalid.map((name) => {
    const why = refused.get(name);
    return why !== undefined && "broken" in why ? `${name} (${why.broken})` : name;
  });
  return [
    { names: reserved, error: eventError("trait_reserved") },
    {
      names: forbidden,
      error: eventError("forbidden", `This source may not set ${forbidden.join(", ")} (setBy, protected).`),
    },
    {
      names: invalid,
      error: eventError("invalid_trait", `A trait breaks what is declared of it: ${told.join(", ")}.`),
    },
  ].flatMap(({ names, error }) => (names.length === 0 ? [] : [{ error, traits: pick(event.traits, names) }]));
}

function namesOf(refused: ReadonlyMap<string, Why>, test: (why: Why) => boolean): string[] {
  return [...refused].flatMap(([name, why]) => (test(why) ? [name] : []));
}

function pick(traits: JsonObject, names: readonly string[]): Record<string, Json> {
  return Object.fromEntries(names.map((name) => [name, traits[name] ?? null]));
}

/** The traits that an event has by the decision that is stored beside it in `extra`. */
export function decidedTraits(traits: JsonObject, extra: string | null): JsonObject {
  if (extra?.includes(`"${decisionKey}"`) !== true) return traits;
  // Written by `withDecision` alone.
  const found = (JSON.parse(extra) as { readonly [decisionKey]?: StoredDecision })[decisionKey];
  return found === undefined ? traits : appliedTo(traits, found);
}

/** `extra` with the decision in it. */
export function withDecision(extra: string | null, stored: StoredDecision): string {
  const facts = extra === null ? {} : (JSON.parse(extra) as JsonObject);
  return JSON.stringify({ ...facts, [decisionKey]: stored });
}

function appliedTo(traits: JsonObject, { out = [], set = {} }: StoredDecision): JsonObject {
  const applied = Object.create(null) as Record<string, Json>;
  for (const name in traits) {
    const value = Object.hasOwn(set, name) ? set[name] : traits[name];
    if (value !== undefined && !out.includes(name)) applied[name] = value;
  }
  return applied;
}

/** Set apart from the event that it is of, so that it can be sent again after the rules are mended. */
const apartSuffix = "~traits";

/** What is kept of an event in the quarantine for the traits that were left out: an identify call of its own, of the same time. */
export function apart(event: Event, traits: Readonly<Record<string, Json>>): JsonObject {
  const { messageId, userId, anonymousId, timestampMs } = event;
  const ownId = `${messageId}${apartSuffix}`;
  return {
    type: "identify",
    ...(Buffer.byteLength(ownId) <= 512 ? { messageId: ownId } : {}),
    ...(userId === null ? {} : { userId }),
    ...(anonymousId === null ? {} : { anonymousId }),
    timestamp: new Date(timestampMs).toISOString(),
    traits,
  };
}
