/**
 * A profile as it is served to whoever fills in a template: with what freshet.yaml gives for traits that are missing
 * or too old (model/freshness.ts). Feeds and exports tell what is known and nothing else. Pure.
 */
import { earlier } from "../lib/earlier.ts";
import { valueAt } from "../model/computed.ts";
import type { Json } from "../model/event.ts";
import { served, type AgedValue, type ServeOptions } from "../model/freshness.ts";
import { readTrait } from "../model/trait.ts";
import type { StoredProfile } from "../store/profiles.ts";
import { segmentsOfProfile } from "../store/segmentSubject.ts";
import {
  renderProfileUntil,
  renderVerboseProfile,
  type ProfileView,
  type TraitSelection,
  type TraitView,
  type VerboseProfileView,
  type Visibility,
} from "./profileView.ts";

/** When a read happens, and how old it lets values be (null: as old as is declared). */
export interface ReadAsked {
  readonly nowMs: number;
  readonly maxAgeMs: number | null;
}

/** The plain form, and the first instant at which it is another though nothing happens; null: there is none. */
export function serveProfile(
  profile: StoredProfile,
  visible: Visibility,
  asked: ReadAsked,
): { readonly view: ProfileView; readonly validUntilMs: number | null } {
  const plain = renderProfileUntil(profile, visible, asked.nowMs);
  const names = namesToServe(profile, visible.traits, asked, Object.keys(plain.view.traits));
  if (names.length === 0) return plain;
  const segments = membersOf(profile, asked.nowMs);
  const options = optionsOf(asked, segments.members);
  const traits: Record<string, Json> = Object.assign(Object.create(null), plain.view.traits);
  let validUntilMs = earlier(plain.validUntilMs, segments.untilMs);
  for (const name of names) {
    const value = traits[name] ?? null;
    const found = value === null ? missing : { value, updatedAtMs: updatedAt(profile, name, asked.nowMs) };
    const given = served(found, profile.definitions.declared.get(name), options);
    validUntilMs = earlier(validUntilMs, given.untilMs);
    if (given.value === null) delete traits[name];
    else traits[name] = given.value;
  }
  return { view: { ...plain.view, traits }, validUntilMs };
}

/** The verbose form: also what stands in, and for what. */
export function serveVerboseProfile(
  profile: StoredProfile,
  visible: Visibility,
  asked: ReadAsked,
): VerboseProfileView {
  const verbose = renderVerboseProfile(profile, visible, asked.nowMs);
  const names = namesToServe(profile, visible.traits, asked, Object.keys(verbose.traits));
  if (names.length === 0) return verbose;
  const options = optionsOf(asked, membersOf(profile, asked.nowMs).members);
  const traits: Record<string, TraitView> = Object.assign(Object.create(null), verbose.traits);
  for (const name of names) {
    const view = traits[name];
    const found =
      view === undefined
        ? missing
        : { value: view.value, updatedAtMs: updatedAt(profile, name, asked.nowMs) };
    const given = served(found, profile.definitions.declared.get(name), options);
    if (view === undefined && given.value === null) continue;
    traits[name] = { ...(view ?? nothingKnown), value: given.value, servedFrom: given.servedFrom };
  }
  return { ...verbose, traits };
}

const missing: AgedValue = { value: null, updatedAtMs: null };

const nothingKnown: Omit<TraitView, "value" | "servedFrom"> = {
  updatedAt: null,
  receivedAt: null,
  ageMs: null,
  source: null,
  eventMessageId: null,
};

/** Traits whose value may have to be another than what is known: those that are declared and, with a max age, all. */
function namesToServe(
  { definitions }: StoredProfile,
  selection: TraitSelection,
  { maxAgeMs }: ReadAsked,
  shown: readonly string[],
): readonly string[] {
  const names = new Set(maxAgeMs === null ? [] : shown);
  for (const [name, trait] of definitions.declared) {
    const isServed =
      trait.default !== undefined || trait.defaultBySegment !== undefined || trait.maxAgeMs !== undefined;
    if (isServed && (selection === null || selection.includes(name))) names.add(name);
  }
  return [...names];
}

/** The segments it is in; none are looked at where no default asks for one. */
function membersOf(
  profile: StoredProfile,
  nowMs: number,
): { readonly members: readonly string[]; readonly untilMs: number | null } {
  const asks = [...profile.definitions.declared.values()].some(
    (trait) => trait.defaultBySegment !== undefined,
  );
  if (!asks) return { members: [], untilMs: null };
  const { members, nextAtMs } = segmentsOfProfile(profile, nowMs);
  return { members, untilMs: nextAtMs };
}

function optionsOf({ nowMs, maxAgeMs }: ReadAsked, members: readonly string[]): ServeOptions {
  return { nowMs, maxAgeMs, isIn: (segment) => members.includes(segment) };
}

function updatedAt({ state, definitions }: StoredProfile, name: string, nowMs: number): number | null {
  const trait = definitions.names.has(name)
    ? definitions.computed.find((candidate) => candidate.name === name)
    : undefined;
  if (trait !== undefined) return valueAt(state, trait, nowMs).updatedAtMs;
  return readTrait(state, name)?.updatedAtMs ?? null;
}
