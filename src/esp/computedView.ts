/** Computed traits as they go over the wire, at one instant. Pure. */
import { formatDuration } from "../lib/duration.ts";
import { computedValue, valueAt } from "../model/computed.ts";
import type { Json } from "../model/event.ts";
import type { ComputedTrait } from "../model/evidencePlan.ts";
import type { ComputedReading } from "../model/reading.ts";
import type { StoredProfile } from "../store/profiles.ts";

/** What a computed trait's value is made of. */
export interface ComputedView {
  /** Null: all events, whatever their age. */
  readonly window: string | null;
  /** Newest first, at most 100. */
  readonly eventMessageIds: readonly string[];
  readonly eventCount: number;
  /** When the value changes though nothing happens, at the earliest; null: never. */
  readonly nextChangeAt: string | null;
  /** True when events too old to be kept one by one make the value uncertain. */
  readonly approximate: boolean;
}

/** The computed traits of a profile at an instant. */
export interface ComputedValues {
  /** Those that have a value. */
  readonly values: Readonly<Record<string, Json>>;
  /** The first instant at which one of them changes by itself; null: none does. */
  readonly validUntilMs: number | null;
}

/** The values of the selected computed traits (null: all) at `nowMs`. */
export function computedValues(
  { state, definitions }: StoredProfile,
  selection: readonly string[] | null,
  nowMs: number,
): ComputedValues {
  const values = Object.create(null) as Record<string, Json>;
  let validUntilMs: number | null = null;
  for (const trait of definitions.computed) {
    if (selection !== null && !selection.includes(trait.name)) continue;
    let value: Json;
    if (!trait.moves) value = computedValue(state, trait, nowMs);
    else {
      const reading = valueAt(state, trait, nowMs);
      value = reading.value;
      const dueMs = reading.nextChangeAtMs;
      if (dueMs !== null && (validUntilMs === null || dueMs < validUntilMs)) validUntilMs = dueMs;
    }
    if (value !== null) values[trait.name] = value;
  }
  return { values, validUntilMs };
}

/** The computed trait of that name with what its value is made of; undefined: there is none, or it has no value. */
export function computedReading(
  { state, definitions }: StoredProfile,
  name: string,
  nowMs: number,
): { readonly reading: ComputedReading; readonly computed: ComputedView } | undefined {
  if (!definitions.names.has(name)) return undefined;
  const trait = definitions.computed.find((candidate) => candidate.name === name);
  if (trait === undefined) return undefined;
  const reading = valueAt(state, trait, nowMs);
  return reading.value === null ? undefined : { reading, computed: viewOf(trait, reading) };
}

function viewOf({ windowMs }: ComputedTrait, reading: ComputedReading): ComputedView {
  const { eventMessageIds, eventCount, nextChangeAtMs, approximate } = reading;
  return {
    window: windowMs === null ? null : formatDuration(windowMs),
    eventMessageIds,
    eventCount,
    nextChangeAt: nextChangeAtMs === null ? null : new Date(nextChangeAtMs).toISOString(),
    approximate,
  };
}
