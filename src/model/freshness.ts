/**
 * Freshness: how old a value is against how old it may be, and what stands in for one that is missing or too old.
 * `live` up to the max age; `lastKnown` for as long beyond it as the trait may be stale; then the default of the first
 * segment that the profile is in, then the trait's own default, then nothing. Pure.
 */
import type { DeclaredTrait } from "./declared.ts";
import type { Json } from "./event.ts";

/** Where a value comes from, the best first; null: there is none to give. */
export const servedFromLevels = ["live", "lastKnown", "segmentDefault", "default"] as const;
export type ServedFrom = (typeof servedFromLevels)[number] | null;

export interface Served {
  /** null where there is none. */
  readonly value: Json;
  readonly servedFrom: ServedFrom;
  /** First instant at which another value may stand in by age alone; null: there is none. */
  readonly untilMs: number | null;
}

/** What is read of a trait. */
export interface AgedValue {
  /** null: there is none, or it was cleared. */
  readonly value: Json;
  /** Null for a value that no event is in, such as a count of 0; it has no age. */
  readonly updatedAtMs: number | null;
}

/** What a reader brings along. */
export interface ServeOptions {
  readonly nowMs: number;
  /** What the reader asked for; null: what the trait declares. */
  readonly maxAgeMs: number | null;
  readonly isIn: (segment: string) => boolean;
}

/** What is declared of a trait's freshness. */
export type Freshness = Pick<DeclaredTrait, "maxAgeMs" | "maxStaleMs" | "default" | "defaultBySegment">;

/** What to give for a trait; `declared` is undefined for one that nothing is declared of. */
export function served(found: AgedValue, declared: Freshness | undefined, options: ServeOptions): Served {
  const { value, updatedAtMs } = found;
  if (value === null) return fallback(declared, options);
  const maxAgeMs = options.maxAgeMs ?? declared?.maxAgeMs ?? null;
  if (maxAgeMs === null || updatedAtMs === null) return { value, servedFrom: "live", untilMs: null };
  const ageMs = options.nowMs - updatedAtMs;
  const maxStaleMs = declared?.maxStaleMs ?? null;
  // A value is too old in the millisecond after its last one.
  const untilMs = maxStaleMs === null ? null : updatedAtMs + maxAgeMs + maxStaleMs + 1;
  if (ageMs <= maxAgeMs) return { value, servedFrom: "live", untilMs };
  if (maxStaleMs === null || ageMs <= maxAgeMs + maxStaleMs)
    return { value, servedFrom: "lastKnown", untilMs };
  return fallback(declared, options);
}

function fallback(declared: Freshness | undefined, { isIn }: ServeOptions): Served {
  const ofSegment = declared?.defaultBySegment?.find(([segment]) => isIn(segment));
  if (ofSegment !== undefined) return { value: ofSegment[1], servedFrom: "segmentDefault", untilMs: null };
  const value = declared?.default ?? null;
  return { value, servedFrom: value === null ? null : "default", untilMs: null };
}
