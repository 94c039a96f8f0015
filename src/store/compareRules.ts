/** What a change of the rules changed: profiles as they were against profiles as they are, a page at a time. */
import { computedValue } from "../model/computed.ts";
import type { Definitions } from "../model/definition.ts";
import type { Json } from "../model/event.ts";
import { childOf, valueOf } from "../model/trait.ts";
import { withChange, type TraitChanges } from "../model/traitChanges.ts";
import { parseProfile, type HotProfile } from "./hot.ts";
import type { Comparable } from "./compareProfiles.ts";

export interface Side {
  /** Null: nothing is known of how it was. */
  readonly store: Comparable | null;
  readonly definitions: Definitions;
}

/** One page of differences. */
export interface RuleChanges {
  /** Profiles whose traits are others now, with the changes. */
  readonly changes: readonly (readonly [pid: number, traits: TraitChanges])[];
  /** Where the next page begins; null: that was the last. */
  readonly nextPid: number | null;
  /** Profiles looked at. */
  readonly profiles: number;
}

/** Compares the profiles after `afterPid`, at most `limit`, with windows as they stand at `tMs`. */
export function compareRules(
  before: Side,
  after: Side & { readonly store: Comparable },
  afterPid: number,
  limit: number,
  tMs: number,
): RuleChanges {
  const page = after.store.scan(afterPid, limit);
  const names = new Set([...before.definitions.names, ...after.definitions.names]);
  const changes: [number, TraitChanges][] = [];
  let profiles = 0;
  for (const { pid, text } of page) {
    const is = parseProfile(pid, text);
    if (typeof is === "number") continue;
    profiles += 1;
    const wasText = before.store?.readProfile(pid);
    const was = wasText === undefined ? undefined : parseProfile(pid, wasText);
    const former = was === undefined || typeof was === "number" ? undefined : was;
    let changed: TraitChanges | null = null;
    for (const name of names) {
      const old = former === undefined ? null : shown(former, name, before.definitions, tMs);
      changed = withChange(changed, name, old, shown(is, name, after.definitions, tMs));
    }
    if (changed !== null) changes.push([pid, changed]);
  }
  return { changes, nextPid: page.length < limit ? null : (page.at(-1)?.pid ?? null), profiles };
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
