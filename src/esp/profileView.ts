/** A profile as it goes over the wire (docs/protocol.md, "Profiles"). Pure. */
import { earlier } from "../lib/earlier.ts";
import type { Json } from "../model/event.ts";
import type { Identifier } from "../model/identifier.ts";
import { isClaimed } from "../model/identity.ts";
import type { ServedFrom } from "../model/freshness.ts";
import type { Stamp } from "../model/stamp.ts";
import { readLeaves, readTrait, readTraits } from "../model/trait.ts";
import type { StoredProfile } from "../store/profiles.ts";
import { consentView, type ConsentView, type SuppressionView } from "./consentView.ts";
import { computedReading, computedValues, type ComputedView } from "./computedView.ts";
import { segmentsNow } from "./segmentView.ts";

/** Which top-level traits are shown; null: all. */
export type TraitSelection = readonly string[] | null;

/** The plain form. Times are ISO 8601 UTC. */
export interface ProfileView {
  readonly profileId: string;
  readonly version: number;
  /** Null while no event of the profile is known. */
  readonly firstSeenAt: string | null;
  readonly lastSeenAt: string | null;
  readonly identifiers: readonly Identifier[];
  readonly traits: Readonly<Record<string, Json>>;
  readonly segments: readonly string[];
}

/** Where a trait's value comes from, how old it is. */
export interface TraitView {
  readonly value: Json;
  /** Of the event that set it; of a computed trait the newest one in it. Null, as what follows: no event is in it. */
  readonly updatedAt: string | null;
  readonly receivedAt: string | null;
  readonly ageMs: number | null;
  readonly source: string | null;
  readonly eventMessageId: string | null;
  /** What is given is the value itself, or what stands in for it; null: nothing does, and the value is null. */
  readonly servedFrom: ServedFrom;
  /** Of an object whose parts were written by several events: each leaf's own provenance, by JSON Pointer. */
  readonly parts?: Readonly<Record<string, PartView>>;
  /** Of computed traits. */
  readonly computed?: ComputedView;
}

/** Where one leaf of a trait comes from. */
export interface PartView {
  readonly updatedAt: string;
  readonly receivedAt: string;
  readonly source: string;
  readonly eventMessageId: string;
}

/** The verbose form: every trait with its provenance. */
export interface VerboseProfileView extends Omit<ProfileView, "traits" | "segments"> {
  readonly asOf: string;
  readonly traits: Readonly<Record<string, TraitView>>;
  readonly segments: readonly { readonly name: string; readonly since: string }[];
  /** Absent for keys that may not read it. */
  readonly consent?: ConsentView;
  readonly suppressions?: readonly SuppressionView[];
}

/** What a reader asked for and what its key allows. */
export interface Visibility {
  /** The traits that are shown. */
  readonly traits: TraitSelection;
  /** The traits that the reader's key may see. */
  readonly readable: TraitSelection;
  /** The types of identifiers that it may see; absent or null: all. */
  readonly idTypes?: readonly string[] | null;
}

/** What someone sees who may see everything and asked for everything. */
export const everything: Visibility = { traits: null, readable: null };

/** What a client asked for, as far as its key allows. */
export function visibilityOf(asked: TraitSelection, readable: TraitSelection): Visibility {
  if (asked === null || readable === null) return { traits: asked ?? readable, readable };
  return { traits: asked.filter((name) => readable.includes(name)), readable };
}

/** The plain form of a profile, its computed traits at `nowMs`. */
export function renderProfile(profile: StoredProfile, visible: Visibility, nowMs: number): ProfileView {
  return renderProfileUntil(profile, visible, nowMs).view;
}

/** The plain form, and the first instant at which it is another though nothing happens; null: there is none. */
export function renderProfileUntil(
  profile: StoredProfile,
  visible: Visibility,
  nowMs: number,
): { readonly view: ProfileView; readonly validUntilMs: number | null } {
  const segments = segmentsNow(profile, nowMs);
  const names = [...segments.since.keys()];
  if (profile.definitions.size === 0)
    return { view: plainView(profile, visible, none, names), validUntilMs: segments.validUntilMs };
  const { values, validUntilMs } = computedValues(profile, visible.traits, nowMs);
  return {
    view: plainView(profile, visible, values, names),
    validUntilMs: earlier(validUntilMs, segments.validUntilMs),
  };
}

function plainView(
  profile: StoredProfile,
  visible: Visibility,
  computed: Readonly<Record<string, Json>>,
  segments: readonly string[],
): ProfileView {
  const { profileId, version, state, identifiers } = profile;
  return {
    profileId,
    version,
    firstSeenAt: seenAt(state.first),
    lastSeenAt: seenAt(state.last),
    identifiers: visibleIdentifiers(identifiers, visible.readable, visible.idTypes),
    traits: select(withComputed(readTraits(state), computed), visible.traits),
    segments,
  };
}

/** The verbose form of a profile, its ages at `nowMs`. Cleared traits are left out. */
export function renderVerboseProfile(
  profile: StoredProfile,
  visible: Visibility,
  nowMs: number,
): VerboseProfileView {
  const traits: Record<string, TraitView> = {};
  for (const name of visible.traits ?? [...Object.keys(profile.state.traits), ...profile.definitions.names]) {
    const found = computedReading(profile, name, nowMs);
    const reading = found?.reading ?? readTrait(profile.state, name);
    if (reading === undefined || reading.value === null) continue;
    const view = traitView(reading, nowMs);
    if (found !== undefined) traits[name] = { ...view, computed: found.computed };
    else traits[name] = withParts(view, profile.state, name);
  }
  const { profileId, version, ...rest } = plainView(profile, { ...visible, traits: [] }, none, []);
  const segments = [...segmentsNow(profile, nowMs).since].map(([name, sinceMs]) => ({
    name,
    since: iso(sinceMs),
  }));
  const consent =
    visible.readable === null || visible.readable.includes("consent") ? consentView(profile.state) : {};
  return { profileId, version, asOf: iso(nowMs), ...rest, traits, segments, ...consent };
}

const none: Readonly<Record<string, Json>> = {};

function withComputed(
  traits: Readonly<Record<string, Json>>,
  computed: Readonly<Record<string, Json>>,
): Readonly<Record<string, Json>> {
  return computed === none ? traits : Object.assign(traits, computed);
}

/** An object that one event wrote needs no word about its parts. */
function withParts(view: TraitView, state: StoredProfile["state"], name: string): TraitView {
  const leaves = readLeaves(state, name);
  if (new Set(leaves.map(({ stamp }) => stamp)).size < 2) return view;
  const parts = leaves.map(({ pointer, stamp }) => [pointer, partView(stamp)] as const);
  return { ...view, parts: Object.fromEntries(parts) };
}

function partView([timestampMs, delayMs, , messageId, source]: Stamp): PartView {
  return {
    updatedAt: iso(timestampMs),
    receivedAt: iso(timestampMs + delayMs),
    source,
    eventMessageId: messageId,
  };
}

/** What traits and computed ones tell of themselves. */
interface Reading {
  readonly value: Json;
  readonly updatedAtMs: number | null;
  readonly receivedAtMs: number | null;
  readonly source: string | null;
  readonly eventMessageId: string | null;
}

function traitView(reading: Reading, nowMs: number): TraitView {
  const { value, updatedAtMs, receivedAtMs, source, eventMessageId } = reading;
  return {
    value,
    updatedAt: updatedAtMs === null ? null : iso(updatedAtMs),
    receivedAt: receivedAtMs === null ? null : iso(receivedAtMs),
    ageMs: updatedAtMs === null ? null : Math.max(0, nowMs - updatedAtMs),
    source,
    eventMessageId,
    servedFrom: "live",
  };
}

/**
 * The identifiers that a reader sees. An e-mail address, or another claimed identifier, stands in a trait and among the
 * identifiers; whoever may not read the one would read it in the other.
 */
export function visibleIdentifiers(
  identifiers: readonly Identifier[],
  readable: TraitSelection,
  idTypes: readonly string[] | null = null,
): readonly Identifier[] {
  if (idTypes !== null)
    return visibleIdentifiers(
      identifiers.filter(({ type }) => idTypes.includes(type)),
      readable,
    );
  if (readable === null) return identifiers;
  return identifiers.filter(
    ({ type }) => !isClaimed(type) || readable.includes(type === "email_sha256" ? "email" : type),
  );
}

/** The entries of a dictionary that are selected. */
export function select<Value>(
  entries: Readonly<Record<string, Value>>,
  selection: TraitSelection,
): Readonly<Record<string, Value>> {
  if (selection === null) return entries;
  const chosen: Record<string, Value> = {};
  for (const name of selection) {
    const value = Object.hasOwn(entries, name) ? entries[name] : undefined;
    if (value !== undefined) chosen[name] = value;
  }
  return chosen;
}

/** ISO 8601 UTC with milliseconds. */
export function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

/** State without events holds bounds that no date can have. */
function seenAt(timeMs: number): string | null {
  return Math.abs(timeMs) === Number.MAX_SAFE_INTEGER ? null : iso(timeMs);
}
