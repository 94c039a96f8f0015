/** A computed trait as it is at one instant, and where it is from. */
import type { Json } from "./event.ts";
import type { Stamped } from "./stamp.ts";

export interface ComputedReading {
  readonly value: Json;
  /** Of the newest event that went in; all null when none did. */
  readonly updatedAtMs: number | null;
  readonly receivedAtMs: number | null;
  readonly source: string | null;
  readonly eventMessageId: string | null;
  /** The events that went in, newest first, at most 100. */
  readonly eventMessageIds: readonly string[];
  /** How many went in, those that are no longer kept one by one too. */
  readonly eventCount: number;
  /** True when events that are no longer kept one by one make the value uncertain. */
  readonly approximate: boolean;
  /** The next instant at which the value may change by itself, as time passes; null: never. */
  readonly nextChangeAtMs: number | null;
}

/** What a reading says beside value and events. */
export interface ReadingFacts {
  readonly eventCount: number;
  readonly approximate: boolean;
  readonly nextChangeAtMs: number | null;
}

/** Most messageIds that a reading names. */
export const maxMessageIds = 100;

/** The reading of a value that these events made; `stamps` newest first. */
export function readingOf(
  value: Json,
  stamps: readonly Stamped[],
  facts: Partial<ReadingFacts> = {},
): ComputedReading {
  const newest = stamps[0];
  return {
    value,
    updatedAtMs: newest === undefined ? null : newest[0],
    receivedAtMs: newest === undefined ? null : newest[0] + newest[1],
    source: newest?.[4] ?? null,
    eventMessageId: newest?.[3] ?? null,
    eventMessageIds: stamps.slice(0, maxMessageIds).map((stamp) => stamp[3]),
    eventCount: facts.eventCount ?? stamps.length,
    approximate: facts.approximate ?? false,
    nextChangeAtMs: facts.nextChangeAtMs ?? null,
  };
}

/** Whole units of time from an event to `tMs`; 0 for one that is said to happen yet. */
export function unitsSince(atMs: number, unitMs: number, tMs: number): number {
  return Math.max(0, Math.floor((tMs - atMs) / unitMs));
}

/** When the next unit since the event is full. */
export function nextUnitMs(atMs: number, unitMs: number, tMs: number): number {
  return atMs + (unitsSince(atMs, unitMs, tMs) + 1) * unitMs;
}
