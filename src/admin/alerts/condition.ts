/** What is looked at to tell whether ingest is well, and what is wrong with it. Pure: from readings and thresholds. */
import { countsBetween, quantileOf } from "../api/quantiles.ts";

/** When something counts as wrong. */
export interface AlertThresholds {
  /** A source that sent before and then nothing for so long; 0: never. */
  readonly quietAfterMs: number;
  /** The same for some sources; these are expected to send from the start on. */
  readonly quietAfterMsBySource: Readonly<Record<string, number>>;
  /** Refused events of a minute, percent. */
  readonly quarantinePercent: number;
  /** From receipt to readable, 99th percentile of a minute. */
  readonly latencyMs: number;
  readonly diskFreeBytes: number;
}

/** A source as it is now. */
export interface SourceHealth {
  readonly source: string;
  /** Null if nothing came from it. */
  readonly lastSeenMs: number | null;
  /** Null unless it is followed; why there is no connection, or null while there is one. */
  readonly follow: { readonly failing: string | null } | null;
}

/** One reading; totals count from the start. */
export interface Reading {
  readonly atMs: number;
  readonly sources: readonly SourceHealth[];
  readonly taken: number;
  readonly quarantined: number;
  /** Links, aliases and claims that were not made since the profile has too many identifiers. */
  readonly overLimit: number;
  readonly groups: number;
  /** From receipt to readable, counts by bucket. */
  readonly visible: readonly number[];
  readonly waitingRequests: number;
  /** Null if it can't be told. */
  readonly diskFreeBytes: number | null;
  /** What others found out: audits, and the freshness target. */
  readonly found: readonly Condition[];
}

export type AlertKind =
  "quiet" | "quarantine" | "latency" | "disk" | "follow" | "identity" | "audit" | "freshness" | "destination";

/** One thing that is wrong at this moment. */
export interface Condition {
  /** Stays the same for as long as the same thing is wrong: `quiet:web`. */
  readonly id: string;
  readonly kind: AlertKind;
  /** The source that it is about; null for the whole. */
  readonly source: string | null;
  readonly sentence: string;
  /** In the unit of the kind: milliseconds, percent, bytes. */
  readonly value: number;
  readonly threshold: number;
}

/** Fewer events than this in a minute say nothing about a share. */
const fewestEvents = 10;

/** Everything that is wrong, by readings of about the last minute, oldest first. */
export function conditionsOf(
  readings: readonly Reading[],
  startedAtMs: number,
  thresholds: AlertThresholds,
): readonly Condition[] {
  const [first] = readings;
  const now = readings.at(-1);
  if (first === undefined || now === undefined) return [];
  return [
    ...now.sources.flatMap((source) => [
      ...quiet(source, now.atMs, startedAtMs, thresholds),
      ...unfollowed(source),
    ]),
    ...quarantine(first, now, thresholds),
    ...latency(first, readings.at(-2) ?? first, now, thresholds),
    ...disk(now, thresholds),
    ...identity(first, now),
    ...now.found,
  ];
}

function* quiet(
  { source, lastSeenMs }: SourceHealth,
  nowMs: number,
  startedAtMs: number,
  { quietAfterMs, quietAfterMsBySource }: AlertThresholds,
): Generator<Condition> {
  const own = Object.hasOwn(quietAfterMsBySource, source) ? quietAfterMsBySource[source] : undefined;
  const threshold = own ?? quietAfterMs;
  // Nobody expects anything of a source that never sent, unless it is named.
  const sinceMs = lastSeenMs ?? (own === undefined ? null : startedAtMs);
  if (sinceMs === null || threshold === 0 || nowMs - sinceMs < threshold) return;
  const value = nowMs - sinceMs;
  const sentence = `Nothing came from ${source} for ${inWords(value)}.`;
  yield { id: `quiet:${source}`, kind: "quiet", source, sentence, value, threshold };
}

function* unfollowed({ source, follow }: SourceHealth): Generator<Condition> {
  if (follow?.failing === null || follow === null) return;
  const sentence = `The stream of ${source} can't be followed: ${follow.failing}.`;
  yield { id: `follow:${source}`, kind: "follow", source, sentence, value: 1, threshold: 1 };
}

function* quarantine(first: Reading, now: Reading, thresholds: AlertThresholds): Generator<Condition> {
  const threshold = thresholds.quarantinePercent;
  const refused = now.quarantined - first.quarantined;
  const all = refused + now.taken - first.taken;
  const value = Math.round((refused / Math.max(1, all)) * 1_000) / 10;
  if (refused === 0 || all < fewestEvents || value < threshold) return;
  const sentence = `${value} % of the last minute's events went to the quarantine.`;
  yield { id: "quarantine", kind: "quarantine", source: null, sentence, value, threshold };
}

function* latency(
  first: Reading,
  before: Reading,
  now: Reading,
  thresholds: AlertThresholds,
): Generator<Condition> {
  const threshold = thresholds.latencyMs;
  const about = { id: "latency", kind: "latency", source: null, threshold } as const;
  const stalledMs = now.atMs - before.atMs;
  // What is never answered has no latency that could be measured.
  if (before.waitingRequests > 0 && now.waitingRequests > 0 && now.groups === before.groups) {
    yield { ...about, sentence: `Nothing was written for ${inWords(stalledMs)}.`, value: stalledMs };
    return;
  }
  const value = quantileOf(countsBetween(first.visible, now.visible), 0.99);
  if (value === null || value < threshold) return;
  const sentence = `In the last minute it took up to ${inWords(value)} until an event could be read.`;
  yield { ...about, sentence, value };
}

function* disk({ diskFreeBytes }: Reading, thresholds: AlertThresholds): Generator<Condition> {
  const threshold = thresholds.diskFreeBytes;
  if (diskFreeBytes === null || diskFreeBytes >= threshold) return;
  const sentence = `The data folder's disk has ${Math.floor(diskFreeBytes / 1024 ** 2)} MB left.`;
  yield { id: "disk", kind: "disk", source: null, sentence, value: diskFreeBytes, threshold };
}

function* identity(first: Reading, now: Reading): Generator<Condition> {
  const value = now.overLimit - first.overLimit;
  if (value <= 0) return;
  const sentence = `In the last minute ${value} identifiers were not added to profiles that have too many of them.`;
  yield { id: "identity", kind: "identity", source: null, sentence, value, threshold: 1 };
}

function inWords(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 120_000) return `${Math.round(durationMs / 1_000)} s`;
  if (durationMs < 7_200_000) return `${Math.round(durationMs / 60_000)} min`;
  return `${Math.round(durationMs / 3_600_000)} h`;
}
