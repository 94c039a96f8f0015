/** What a change of the rules changed: profiles as they were against profiles as they are, a page at a time. */
import { computedValue } from "../model/computed.ts";
import type { Definitions } from "../model/definition.ts";
import type { Json } from "../model/event.ts";
import { childOf, valueOf } from "../model/trait.ts";
import { withChange, type TraitChanges } from "../model/traitChanges.ts";
import type { HotProfile } from "./hotProfile.ts";
import { parseProfile } from "./profileText.ts";
import type { Touched } from "../model/rulesDiff.ts";
import type { Comparable } from "./compareProfiles.ts";

export interface Side {
  /** Null: nothing is known of how it was. */
  readonly store: Comparable | null;
  readonly definitions: Definitions;
}

/** What is another about one profile. */
export interface RuleDiff {
  readonly traits?: TraitChanges;
  readonly segments?: { readonly entered: readonly string[]; readonly exited: readonly string[] };
}

/** One page of differences. */
export interface RuleChanges {
  /** Profiles with other values or in other segments. */
  readonly changes: readonly (readonly [pid: number, diff: RuleDiff])[];
  /** Where the next page begins; null: that was the last. */
  readonly nextPid: number | null;
  /** Profiles looked at. */
  readonly profiles: number;
}

export interface Comparison {
  readonly before: Side;
  readonly after: Side & { readonly store: Comparable };
  /** Names whose meaning differs. All others are told by what happens, as ever. */
  readonly touched: Touched;
  /** Windows are compared as they stand at this instant. */
  readonly tMs: number;
}

/** Compares the profiles after `afterPid`, at most `limit`. */
export function compareRules(comparison: Comparison, afterPid: number, limit: number): RuleChanges {
  const { before, after } = comparison;
  const page = after.store.scan(afterPid, limit);
  const changes: [number, RuleDiff][] = [];
  let profiles = 0;
  for (const { pid, text } of page) {
    const is = parseProfile(pid, text, after.store);
    if (typeof is === "number") continue;
    profiles += 1;
    const was = before.store === null ? undefined : profileIn(before.store, pid);
    const diff = diffOf(was === undefined || typeof was === "number" ? null : was, is, comparison);
    if (diff !== null) changes.push([pid, diff]);
  }
  return { changes, nextPid: page.length < limit ? null : (page.at(-1)?.pid ?? null), profiles };
}

function profileIn(store: Comparable, pid: number): HotProfile | number | undefined {
  const text = store.readProfile(pid);
  return text === undefined ? undefined : parseProfile(pid, text, store);
}

function diffOf(
  was: HotProfile | null,
  is: HotProfile,
  { before, after, touched, tMs }: Comparison,
): RuleDiff | null {
  let traits: TraitChanges | null = null;
  for (const name of touched.traits) {
    const old = was === null ? null : shown(was, name, before.definitions, tMs);
    traits = withChange(traits, name, old, shown(is, name, after.definitions, tMs));
  }
  const former = segmentsOf(was, touched);
  const now = segmentsOf(is, touched);
  const entered = now.filter((name) => !former.includes(name));
  const exited = former.filter((name) => !now.includes(name));
  return diffIn(traits, entered, exited);
}

/**
 * What of a difference is left to tell when it is told: rows of the meantime told what they changed, and a value of
 * before them would be heard after theirs. Null: nothing.
 */
export function leftToTell(
  { traits = {}, segments = { entered: [], exited: [] } }: RuleDiff,
  is: HotProfile,
  definitions: Definitions,
  tMs: number,
): RuleDiff | null {
  let left: TraitChanges | null = null;
  for (const [name, { old }] of Object.entries(traits))
    left = withChange(left, name, old, shown(is, name, definitions, tMs));
  const isIn = (name: string) => is.membership?.since.has(name) === true;
  const entered = segments.entered.filter(isIn);
  const exited = segments.exited.filter((name) => !isIn(name));
  return diffIn(left, entered, exited);
}

function diffIn(
  traits: TraitChanges | null,
  entered: readonly string[],
  exited: readonly string[],
): RuleDiff | null {
  const isSame = entered.length === 0 && exited.length === 0;
  if (traits === null && isSame) return null;
  return { ...(traits === null ? {} : { traits }), ...(isSame ? {} : { segments: { entered, exited } }) };
}

function segmentsOf(profile: HotProfile | null, { segments }: Touched): readonly string[] {
  return [...(profile?.membership?.since.keys() ?? [])].filter((name) => segments.has(name));
}

/** What a reader sees under that name. */
function shown({ state }: HotProfile, name: string, definitions: Definitions, tMs: number): Json {
  const trait = definitions.names.has(name)
    ? definitions.computed.find((candidate) => candidate.name === name)
    : undefined;
  if (trait !== undefined) return computedValue(state, trait, tMs);
  const node = childOf(state.traits, name);
  return (node === undefined ? undefined : valueOf(node)) ?? null;
}
