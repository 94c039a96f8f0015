/** The fold: what one event does to a profile. Pure: time comes in with the event, nothing else is read. */
import type { ValueChange } from "./change.ts";
import { foldConsent, type ConsentChanges } from "./consent.ts";
import { isConsentEvent } from "./consentEvent.ts";
import { computedChanges, computedValue } from "./computed.ts";
import { foldComputed } from "./foldComputed.ts";
import { noDefinitions, plansOf, type Definitions } from "./definition.ts";
import type { Event, Json } from "./event.ts";
import type { ProfileState } from "./profile.ts";
import { writeOf, type Write } from "./stamp.ts";
import { childOf, emptyChildren, holdsAlready, traitBytes, valueOf, writeTrait } from "./trait.ts";
import { jsonEqual, newChanges, type TraitChanges } from "./traitChanges.ts";

/** Most top-level traits a profile takes, cleared ones included. */
export const maxTraits = 500;

/** Most bytes a profile's traits take (`TraitTree.bytes`). */
export const maxTraitsBytes = 64 * 1024;

export interface FoldOptions {
  /**
   * On replay: the trait names that the caps refused when the event was first folded (null: none were). The caps act
   * in journal order, so they are recorded then and never computed anew. Absent: a first fold, the caps act.
   */
  readonly refused?: readonly string[] | null;
}

export interface FoldResult {
  /** The traits whose value is another now; null when none is. A newer write of the same value is no change. */
  readonly changed: TraitChanges | null;
  /** The traits that the caps refused, to be recorded; null when none was. */
  readonly refused: readonly string[] | null;
  /** What it changed about consent; absent: nothing. */
  readonly consent?: ConsentChanges;
}

const nothing: FoldResult = { changed: null, refused: null };

/**
 * Folds one event of this profile into its state, in place. Computed traits are compared at the event's receivedAt;
 * a replay writes no changes, so it doesn't compare them. What a client sets under the name of a computed trait is
 * passed over.
 */
export function fold(
  state: ProfileState,
  event: Event,
  options: FoldOptions,
  definitions: Definitions = noDefinitions,
): FoldResult {
  if (event.timestampMs < state.first) state.first = event.timestampMs;
  if (event.timestampMs > state.last) state.last = event.timestampMs;
  const saysConsent = isConsentEvent(event);
  if (!saysConsent && (event.type !== "identify" || definitions.emailables.length === 0))
    return foldValues(state, event, options, definitions);
  const { emailables } = definitions;
  const tMs = event.receivedAtMs;
  const before = emailables.map((trait) => computedValue(state, trait, tMs));
  const folded = foldValues(state, event, options, definitions);
  const consent = saysConsent ? foldConsent(state, event, definitions.consent) : null;
  const changed = computedChanges(state, emailables, before, tMs, folded.changed);
  const { refused } = folded;
  return consent === null ? { changed, refused } : { changed, refused, consent };
}

/** False for an event that leaves nothing in a profile but when it was seen. */
export function mayChange(event: Event, definitions: Definitions): boolean {
  if (event.type === "identify" || isConsentEvent(event)) return true;
  return definitions.plans.length > 0 && plansOf(definitions, event).length > 0;
}

/** Traits, and evidence of computed ones. */
function foldValues(
  state: ProfileState,
  event: Event,
  options: FoldOptions,
  definitions: Definitions,
): FoldResult {
  const traits =
    event.type === "identify" ? foldTraits(state, event, options.refused, definitions.names) : nothing;
  if (definitions.plans.length === 0) return traits;
  const plans = plansOf(definitions, event);
  if (plans.length === 0) return traits;
  const tMs = options.refused === undefined ? event.receivedAtMs : null;
  const changed = foldComputed(state, event, plans, definitions, tMs, traits.changed);
  return changed === null && traits.refused === null ? nothing : { changed, refused: traits.refused };
}

function foldTraits(
  state: ProfileState,
  event: Event,
  recorded: readonly string[] | null | undefined,
  reserved: ReadonlySet<string>,
): FoldResult {
  const write = writeOf(event);
  let changed: TraitChanges | null = null;
  let refused: string[] | null = null;
  for (const name in event.traits) {
    const value = event.traits[name];
    if (value === undefined || reserved.has(name) || recorded?.includes(name) === true) continue;
    if (recorded === undefined && !fits(state, write, name, value)) {
      (refused ??= []).push(name);
      continue;
    }
    const change = applyTrait(state, write, name, value);
    if (change !== null) (changed ??= newChanges())[name] = change;
  }
  return changed === null && refused === null ? nothing : { changed, refused };
}

/** Writes one trait; null when its value is what it was. */
function applyTrait(state: ProfileState, write: Write, name: string, value: Json): ValueChange | null {
  const node = childOf(state.traits, name);
  if (node !== undefined && holdsAlready(node, value)) {
    writeTrait(state, write, name, value);
    return null;
  }
  const old = (node === undefined ? undefined : valueOf(node)) ?? null;
  writeTrait(state, write, name, value);
  return changeSince(state, name, old);
}

/** The change of a trait against its old value (null: it had none); null when there is no change. */
export function changeSince(state: ProfileState, name: string, old: Json): ValueChange | null {
  const node = childOf(state.traits, name);
  const now = (node === undefined ? undefined : valueOf(node)) ?? null;
  return jsonEqual(old, now) ? null : { old, new: now };
}

/** Whether the caps let the write in: a new name needs room in the count, more bytes need room in the size. */
function fits(state: ProfileState, write: Write, name: string, value: Json): boolean {
  const node = childOf(state.traits, name);
  if (node === undefined && state.names >= maxTraits) return false;
  if (node !== undefined && node.length === 2 && node[1] === value) return true;
  if (state.bytes + traitBytes(name, value) <= maxTraitsBytes) return true;
  return bytesAfter(state, write, name, value) <= Math.max(state.bytes, maxTraitsBytes);
}

/** The size after the write, found by trying it on a copy: only near the cap. */
function bytesAfter(state: ProfileState, write: Write, name: string, value: Json): number {
  const node = childOf(state.traits, name);
  const trial: ProfileState = { ...state, stamps: structuredClone(state.stamps), traits: emptyChildren() };
  if (node !== undefined) trial.traits[name] = structuredClone(node);
  writeTrait(trial, { stamp: write.stamp, slot: write.slot }, name, value);
  return trial.bytes;
}
