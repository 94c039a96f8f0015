/** Joining two profiles. Works on their states alone; the journal is never read again for it. */
import { changeSince } from "./fold.ts";
import { computedChanges, computedValue } from "./computed.ts";
import { mergeConsent } from "./consent.ts";
import { noDefinitions } from "./definition.ts";
import type { Json } from "./event.ts";
import { mergeComputed, type Joining } from "./joinEvidence.ts";
import type { ProfileState } from "./profile.ts";
import { stampAt, type Write } from "./stamp.ts";
import { childOf, valueOf, writeTrait, type TraitNode } from "./trait.ts";
import { newChanges, type TraitChanges } from "./traitChanges.ts";

/**
 * Merges `from` into `into`, in place; `from` is only read. Commutative, associative, idempotent. The caps on traits
 * do not act here: what two profiles hold, the joined one holds. Returns the traits whose value is another than
 * `into` had, null when none is; computed ones at the time of the latest event of either. `joining` is needed as soon
 * as there are computed traits.
 */
export function merge(
  into: ProfileState,
  from: ProfileState,
  joining: Joining = { definitions: noDefinitions, into: 0, from: 0 },
): TraitChanges | null {
  into.first = Math.min(into.first, from.first);
  into.last = Math.max(into.last, from.last);
  const { emailables } = joining.definitions;
  const before = emailables.map((trait) => computedValue(into, trait, into.last));
  const traits = mergeTraits(into, from);
  mergeConsent(into, from);
  const changed = computedChanges(into, emailables, before, into.last, traits);
  if (from.evidence === undefined) return changed;
  return mergeEvidenceOf(into, from, joining, changed);
}

function mergeEvidenceOf(
  into: ProfileState,
  from: ProfileState,
  joining: Joining,
  traits: TraitChanges | null,
): TraitChanges | null {
  const { computed, plans } = joining.definitions;
  if (plans.length === 0) throw new Error("evidence can't be merged without its definitions");
  const before = computed.map((trait) => computedValue(into, trait, into.last));
  mergeComputed(into, from, joining);
  return computedChanges(into, computed, before, into.last, traits);
}

function mergeTraits(into: ProfileState, from: ProfileState): TraitChanges | null {
  const writes: Write[] = [];
  let changed: TraitChanges | null = null;
  for (const name in from.traits) {
    const node = childOf(from.traits, name);
    if (node === undefined) continue;
    const before = childOf(into.traits, name);
    const old = (before === undefined ? undefined : valueOf(before)) ?? null;
    replay(into, from, writes, [name], node);
    const change = changeSince(into, name, old);
    if (change !== null) (changed ??= newChanges())[name] = change;
  }
  return changed;
}

/** Repeats the writes that a node stands for. A branch's cut goes first: its own children, all newer, replace it. */
function replay(
  into: ProfileState,
  from: ProfileState,
  writes: Write[],
  path: string[],
  node: TraitNode,
): void {
  if (node.length === 2) {
    writePath(into, writeFor(from, writes, node[0]), path, node[1]);
    return;
  }
  if (node[0] >= 0) writePath(into, writeFor(from, writes, node[0]), path, null);
  for (const key in node[1]) {
    const child = childOf(node[1], key);
    if (child !== undefined) replay(into, from, writes, [...path, key], child);
  }
}

/** One Write for each stamp of `from`, so that it takes one slot in `into`. */
function writeFor(from: ProfileState, writes: Write[], slot: number): Write {
  return (writes[slot] ??= { stamp: stampAt(from, slot), slot: -1 });
}

function writePath(into: ProfileState, write: Write, path: readonly string[], leaf: Json): void {
  const [name = "", ...below] = path;
  let value = leaf;
  for (const key of below.toReversed()) {
    const around = Object.create(null) as Record<string, Json>;
    around[key] = value;
    value = around;
  }
  writeTrait(into, write, name, value);
}
