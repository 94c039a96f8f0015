/** A profile as it goes over the wire (docs/protocol.md, "Profiles"). Pure. */
import type { Json } from "../model/event.ts";
import type { Identifier } from "../model/identifier.ts";
import { readTrait, readTraits } from "../model/trait.ts";
import type { StoredProfile } from "../store/profiles.ts";

/** Which top-level traits are shown; null: all. */
export type TraitSelection = readonly string[] | null;

/** The plain form. Times are ISO 8601 UTC. */
export interface ProfileView {
  readonly profileId: string;
  readonly version: number;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly identifiers: readonly Identifier[];
  readonly traits: Readonly<Record<string, Json>>;
  readonly segments: readonly string[];
}

/** Where a trait's value comes from, how old it is. */
export interface TraitView {
  readonly value: Json;
  readonly updatedAt: string;
  readonly receivedAt: string;
  readonly ageMs: number;
  readonly source: string;
  readonly eventMessageId: string;
  readonly servedFrom: "live";
}

/** The verbose form: every trait with its provenance. */
export interface VerboseProfileView {
  readonly profileId: string;
  readonly version: number;
  readonly asOf: string;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly identifiers: readonly Identifier[];
  readonly traits: Readonly<Record<string, TraitView>>;
  readonly segments: readonly { readonly name: string; readonly since: string }[];
}

/** The plain form of a profile. */
export function renderProfile(profile: StoredProfile, selection: TraitSelection = null): ProfileView {
  return {
    profileId: profile.profileId,
    version: profile.version,
    firstSeenAt: iso(profile.state.first),
    lastSeenAt: iso(profile.state.last),
    identifiers: profile.identifiers,
    traits: select(readTraits(profile.state), selection),
    segments: [],
  };
}

/** The verbose form of a profile, its ages at `nowMs`. Cleared traits are left out. */
export function renderVerboseProfile(
  profile: StoredProfile,
  selection: TraitSelection,
  nowMs: number,
): VerboseProfileView {
  const traits: Record<string, TraitView> = {};
  for (const name of Object.keys(profile.state.traits)) {
    if (selection !== null && !selection.includes(name)) continue;
    const reading = readTrait(profile.state, name);
    if (reading === undefined || reading.value === null) continue;
    traits[name] = {
      value: reading.value,
      updatedAt: iso(reading.updatedAtMs),
      receivedAt: iso(reading.receivedAtMs),
      ageMs: Math.max(0, nowMs - reading.updatedAtMs),
      source: reading.source,
      eventMessageId: reading.eventMessageId,
      servedFrom: "live",
    };
  }
  const { traits: _plain, ...head } = renderProfile(profile);
  return { ...head, asOf: iso(nowMs), traits, segments: [] };
}

/** What a client asked for and its key allows, as one selection. */
export function selectionOf(asked: TraitSelection, readable: TraitSelection): TraitSelection {
  if (asked === null) return readable;
  return readable === null ? asked : asked.filter((name) => readable.includes(name));
}

function select(
  traits: Readonly<Record<string, Json>>,
  selection: TraitSelection,
): Readonly<Record<string, Json>> {
  if (selection === null) return traits;
  const chosen: Record<string, Json> = {};
  for (const name of selection) {
    const value = Object.hasOwn(traits, name) ? traits[name] : undefined;
    if (value !== undefined) chosen[name] = value;
  }
  return chosen;
}

/** ISO 8601 UTC with milliseconds. */
export function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
