/**
 * A computed trait over the items of one selector, at one instant. With a window only events after
 * `t − windowMs` count; there is no upper bound, so that an event of a clock that runs ahead shows at once. Where the
 * window reaches past the kept items, whole minutes count until the last instant of the minute has left the window,
 * but no longer than the oldest kept item: what is pressed is older than that one.
 */
import type { Scalar } from "./condition.ts";
import { addWhole, divided, fromScaled, scale, toScaled, type Whole } from "./decimal.ts";
import { minuteMs, type EventEvidence, type Tail } from "./evidence.ts";
import type { Json } from "./event.ts";
import { isMarked, listed, valueAtSlot, type Item } from "./item.ts";
import type { Tallied } from "./evidencePlan.ts";
import {
  maxMessageIds,
  nextUnitMs,
  readingOf,
  unitsSince,
  type ComputedReading,
  type ReadingFacts,
} from "./reading.ts";
import type { Cell } from "./tail.ts";

/** What went in, gathered newest first. */
export interface Gathered {
  n: number;
  sum: Whole;
  min: number;
  max: number;
  /** Time of the newest item with that value. */
  minMs: number;
  maxMs: number;
  newest: Item | null;
  oldest: Item | null;
  /** Newest first, as many as a reading names. */
  items: Item[];
  values: Json[];
  /** How often each value came; for `mostFrequent`. */
  counts: Map<Scalar, number>;
  /** Time of the item that leaves a `unique` or `list` first. */
  leavesMs: number;
  /** Instant at which the oldest bucket that went in leaves the window; Infinity: none did. */
  bucketLeavesMs: number;
  /** True when pressed events should have gone in and could not, or not exactly. */
  approximate: boolean;
}

/** The trait's value and provenance at `tMs`. */
export function readTally(evidence: EventEvidence | undefined, trait: Tallied, tMs: number): ComputedReading {
  const gathered = gather(evidence, trait, tMs);
  return readingOf(valueFrom(gathered, trait, tMs), gathered.items, factsOf(gathered, trait, tMs));
}

/** A count or a sum as a part of something else. */
export interface Total extends ReadingFacts {
  /** Millionths, of a count too. */
  readonly total: Whole;
  /** Newest first. */
  readonly items: readonly Item[];
}

/** What a tally that counts or sums up comes to at `tMs`. */
export function totalOf(evidence: EventEvidence | undefined, trait: Tallied, tMs: number): Total {
  const gathered = gather(evidence, trait, tMs);
  const total = trait.aggregate === "count" ? gathered.n * scale : gathered.sum;
  return { total, items: gathered.items, ...factsOf(gathered, trait, tMs) };
}

function factsOf(gathered: Gathered, trait: Tallied, tMs: number): ReadingFacts {
  const { n: eventCount, approximate } = gathered;
  return { eventCount, approximate, nextChangeAtMs: nextChange(gathered, trait, tMs) };
}

function nothingGathered(): Gathered {
  return {
    n: 0,
    sum: 0,
    min: Infinity,
    max: -Infinity,
    minMs: 0,
    maxMs: 0,
    newest: null,
    oldest: null,
    items: [],
    values: [],
    counts: new Map(),
    leavesMs: Infinity,
    bucketLeavesMs: Infinity,
    approximate: false,
  };
}

/** The value where pressed items count beside the kept ones, of which all are in the window: what `addKept` gathers. */
export function valueWithTail(
  [items, tail]: EventEvidence,
  trait: Tallied,
  tMs: number,
  addKept: (gathered: Gathered) => void,
): Json {
  const gathered = nothingGathered();
  addKept(gathered);
  const sinceMs = trait.windowMs === null ? -Infinity : tMs - trait.windowMs;
  if (tail !== null) takeTail(gathered, tail, trait, sinceMs, items[0]?.[0] ?? Infinity);
  return valueFrom(gathered, trait, tMs);
}

function gather(evidence: EventEvidence | undefined, trait: Tallied, tMs: number): Gathered {
  const gathered = nothingGathered();
  if (evidence === undefined) return gathered;
  const sinceMs = trait.windowMs === null ? -Infinity : tMs - trait.windowMs;
  if (trait.aggregate === "mostFrequent") gatherCounts(gathered, evidence, trait, sinceMs);
  else if (trait.aggregate === "list" || trait.aggregate === "unique")
    gatherValues(gathered, evidence, trait, sinceMs);
  else gatherItems(gathered, evidence, trait, sinceMs);
  return gathered;
}

function gatherItems(gathered: Gathered, evidence: EventEvidence, trait: Tallied, sinceMs: number): void {
  const items = evidence[0];
  const slot = trait.slots[0] ?? -1;
  const isCount = trait.slots.length === 0;
  const isEnd = trait.aggregate === "first" || trait.aggregate === "last";
  for (let at = items.length - 1; at >= 0; at -= 1) {
    const item = items[at];
    if (item === undefined || item[0] <= sinceMs) return;
    if (!isMarked(item, trait.mark)) continue;
    if (isCount) takeItem(gathered, item);
    else if (!isEnd) takeNumber(gathered, item, toScaled(valueAtSlot(item, slot)));
    else if (valueAtSlot(item, slot) !== null) takeItem(gathered, item);
  }
  if (evidence[1] !== null) takeTail(gathered, evidence[1], trait, sinceMs, items[0]?.[0] ?? Infinity);
}

function takeItem(gathered: Gathered, item: Item): void {
  gathered.n += 1;
  gathered.newest ??= item;
  gathered.oldest = item;
  if (gathered.items.length < maxMessageIds) gathered.items.push(item);
}

function takeNumber(gathered: Gathered, item: Item, scaled: number | null): void {
  if (scaled === null) return;
  takeItem(gathered, item);
  gathered.sum = addWhole(gathered.sum, scaled);
  if (scaled < gathered.min) {
    gathered.min = scaled;
    gathered.minMs = item[0];
  }
  if (scaled > gathered.max) {
    gathered.max = scaled;
    gathered.maxMs = item[0];
  }
}

/** All of the tail without a window; with one the minutes that it still touches. Called while all kept items count. */
function takeTail(
  gathered: Gathered,
  tail: Tail,
  trait: Tallied,
  sinceMs: number,
  oldestKeptMs: number,
): void {
  if (trait.windowMs === null) {
    takeCell(gathered, tail.all[trait.measure]);
    return;
  }
  for (let at = tail.minutes.length - 1; at >= 0; at -= 1) {
    const [minute, cells] = tail.minutes[at] ?? [0, []];
    if (lastMsOf(minute) <= sinceMs) return;
    gathered.approximate = true;
    if (takeCell(gathered, cells[trait.measure]))
      gathered.bucketLeavesMs = Math.min(lastMsOf(minute), oldestKeptMs) + trait.windowMs;
  }
  if (tail.lost !== null && lastMsOf(tail.lost) > sinceMs) gathered.approximate = true;
}

function lastMsOf(minute: number): number {
  return minute * minuteMs + minuteMs - 1;
}

/** Adds a cell to what was gathered; false when it is empty. */
function takeCell(gathered: Gathered, cell: Cell | undefined): boolean {
  if (cell === undefined || cell === 0 || (typeof cell !== "number" && cell[0] === 0)) return false;
  if (typeof cell === "number") {
    gathered.n += cell;
    return true;
  }
  gathered.n += cell[0];
  if (cell.length === 4) {
    gathered.sum = addWhole(gathered.sum, cell[1]);
    gathered.min = Math.min(gathered.min, cell[2]);
    gathered.max = Math.max(gathered.max, cell[3]);
    return true;
  }
  gathered.newest ??= cell[2];
  gathered.oldest = cell[1] ?? gathered.oldest;
  return true;
}

/** Lists and distinct values: kept items only, the newest of each value. */
function gatherValues(gathered: Gathered, evidence: EventEvidence, trait: Tallied, sinceMs: number): void {
  const [items, tail] = evidence;
  const keep = trait.aggregate === "list" ? trait.keep : Infinity;
  const isDistinct = trait.aggregate === "unique" || trait.uniqueSlot >= 0;
  const slot = trait.aggregate === "unique" ? (trait.slots[0] ?? -1) : trait.uniqueSlot;
  const seen = new Set<Scalar>();
  for (let at = items.length - 1; at >= 0 && gathered.values.length < keep; at -= 1) {
    const item = items[at];
    if (item === undefined || item[0] <= sinceMs) return;
    if (!isMarked(item, trait.mark)) continue;
    const value = listed(item, trait.keys, trait.slots);
    const distinct = isDistinct ? valueAtSlot(item, slot) : null;
    if (value === null || (isDistinct && distinct === null)) continue;
    if (trait.aggregate === "unique") takeItem(gathered, item);
    if (distinct !== null && seen.has(distinct)) continue;
    if (distinct !== null) seen.add(distinct);
    if (trait.aggregate === "list") takeItem(gathered, item);
    gathered.values.push(value);
    gathered.leavesMs = item[0];
  }
  gathered.approximate = tail !== null && gathered.values.length < keep && newestPressedMs(tail) > sinceMs;
}

/** How often each value came: kept items only. */
function gatherCounts(
  gathered: Gathered,
  [items, tail]: EventEvidence,
  trait: Tallied,
  sinceMs: number,
): void {
  const slot = trait.slots[0] ?? -1;
  for (let at = items.length - 1; at >= 0; at -= 1) {
    const item = items[at];
    if (item === undefined || item[0] <= sinceMs) return;
    const value = isMarked(item, trait.mark) ? valueAtSlot(item, slot) : null;
    if (value === null) continue;
    takeItem(gathered, item);
    gathered.counts.set(value, (gathered.counts.get(value) ?? 0) + 1);
  }
  gathered.approximate = tail !== null && newestPressedMs(tail) > sinceMs;
}

/** The value that came most often, of several the one that stands first; null: there is none. */
export function mostFrequent(counts: ReadonlyMap<Scalar, number>): Scalar | null {
  let most: Scalar | null = null;
  let times = 0;
  for (const [value, count] of counts) if (count > times) [most, times] = [value, count];
  return most;
}

/** Upper bound of the times in a tail that has no minutes: unknown. */
function newestPressedMs(tail: Tail): number {
  const minute = tail.minutes.at(-1)?.[0] ?? tail.lost;
  return minute === null ? Infinity : lastMsOf(minute);
}

function valueFrom(gathered: Gathered, trait: Tallied, tMs: number): Json {
  const { n } = gathered;
  const slot = trait.slots[0] ?? -1;
  switch (trait.aggregate) {
    case "count":
      return n;
    case "sum":
      return fromScaled(gathered.sum);
    case "average":
      return n === 0 ? null : divided(gathered.sum, n);
    case "min":
      return n === 0 ? null : fromScaled(gathered.min);
    case "max":
      return n === 0 ? null : fromScaled(gathered.max);
    case "first":
      return gathered.oldest === null ? null : valueAtSlot(gathered.oldest, slot);
    case "last":
      return gathered.newest === null ? null : valueAtSlot(gathered.newest, slot);
    case "lastAt":
      return gathered.newest === null ? null : new Date(gathered.newest[0]).toISOString();
    case "timeSince":
      return gathered.newest === null ? null : unitsSince(gathered.newest[0], trait.unitMs, tMs);
    case "unique":
      return gathered.values.length;
    case "mostFrequent":
      return mostFrequent(gathered.counts);
    case "list":
      return gathered.values;
  }
}

/** When the value may change by itself: the next unit is full, or the first of what it hangs on leaves the window. */
function nextChange(gathered: Gathered, trait: Tallied, tMs: number): number | null {
  if (trait.aggregate !== "timeSince" || gathered.newest === null) return leavesAt(gathered, trait);
  return Math.min(nextUnitMs(gathered.newest[0], trait.unitMs, tMs), leavesAt(gathered, trait) ?? Infinity);
}

function leavesAt(gathered: Gathered, trait: Tallied): number | null {
  if (trait.windowMs === null || gathered.n === 0) return null;
  if (gathered.bucketLeavesMs !== Infinity) return gathered.bucketLeavesMs;
  return holdsUntil(gathered, trait) + trait.windowMs;
}

function holdsUntil(gathered: Gathered, trait: Tallied): number {
  switch (trait.aggregate) {
    case "min":
      return gathered.minMs;
    case "max":
      return gathered.maxMs;
    case "last":
    case "lastAt":
    case "timeSince":
      return gathered.newest?.[0] ?? Infinity;
    case "unique":
    case "list":
      return gathered.leavesMs;
    case "count":
    case "sum":
    case "average":
    case "first":
    case "mostFrequent":
      return gathered.oldest?.[0] ?? Infinity;
  }
}
