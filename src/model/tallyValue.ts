/**
 * The short way to a tally's value, without provenance: what reads and merges need (the fold: tallies.ts).
 * Says the same as tally.ts, from kept items only; where pressed events count, tally.ts is asked.
 */
import type { Scalar } from "./condition.ts";
import { addWhole, divided, fromScaled, scale, toScaled, type Whole } from "./decimal.ts";
import type { EventEvidence } from "./evidence.ts";
import type { Json } from "./event.ts";
import { isMarked, listed, valueAtSlot, type Item } from "./item.ts";
import type { Tallied } from "./evidencePlan.ts";
import { unitsSince } from "./reading.ts";
import { mostFrequent, readTally, totalOf } from "./tally.ts";

/** The value at `tMs`. */
export function tallyValue(evidence: EventEvidence | undefined, trait: Tallied, tMs: number): Json {
  const items = evidence?.[0] ?? [];
  const from = firstAfter(items, sinceOf(trait, tMs));
  const isPressed = evidence !== undefined && evidence[1] !== null && from === 0;
  return isPressed ? readTally(evidence, trait, tMs).value : valueOfKept(items, from, trait, tMs);
}

/** What a tally that counts or sums up comes to at `tMs`, millionths. */
export function tallyTotal(evidence: EventEvidence | undefined, trait: Tallied, tMs: number): Whole {
  const items = evidence?.[0] ?? [];
  const from = firstAfter(items, sinceOf(trait, tMs));
  if (evidence !== undefined && evidence[1] !== null && from === 0)
    return totalOf(evidence, trait, tMs).total;
  return trait.aggregate === "count" ? countOf(items, from, trait) * scale : sumsOf(items, from, trait).sum;
}

/** Start of the window; what lies there or before is not in it. */
export function sinceOf(trait: Tallied, tMs: number): number {
  return trait.windowMs === null ? -Infinity : tMs - trait.windowMs;
}

/** Place of the first item after `sinceMs`. */
export function firstAfter(items: readonly Item[], sinceMs: number): number {
  let low = 0;
  let high = sinceMs === -Infinity ? 0 : items.length;
  while (low < high) {
    const probe = (low + high) >>> 1;
    if ((items[probe]?.[0] ?? 0) > sinceMs) high = probe;
    else low = probe + 1;
  }
  return low;
}

function valueOfKept(items: readonly Item[], from: number, trait: Tallied, tMs: number): Json {
  switch (trait.aggregate) {
    case "count":
      return countOf(items, from, trait);
    case "list":
      return listOf(items, from, trait);
    case "unique":
      return distinctCount(items, from, trait);
    case "lastAt":
      return timeAt(items, endOf(items, from, trait));
    case "timeSince":
      return sinceAt(items, endOf(items, from, trait), trait, tMs);
    case "mostFrequent":
      return mostFrequent(countsOf(items, from, trait));
    case "first":
    case "last": {
      const at = endOf(items, from, trait);
      const item = items[at];
      return item === undefined ? null : valueAtSlot(item, trait.slots[0] ?? -1);
    }
    case "sum":
    case "average":
    case "min":
    case "max":
      return numberOf(sumsOf(items, from, trait), trait);
  }
}

function countOf(items: readonly Item[], from: number, trait: Tallied): number {
  if (trait.mark === null) return items.length - from;
  let n = 0;
  for (let at = from; at < items.length; at += 1) {
    const item = items[at];
    if (item !== undefined && isMarked(item, trait.mark)) n += 1;
  }
  return n;
}

interface Sums {
  n: number;
  sum: Whole;
  min: number;
  max: number;
}

function sumsOf(items: readonly Item[], from: number, trait: Tallied): Sums {
  const sums: Sums = { n: 0, sum: 0, min: Infinity, max: -Infinity };
  const slot = trait.slots[0] ?? -1;
  for (let at = from; at < items.length; at += 1) {
    const item = items[at];
    if (item === undefined || !isMarked(item, trait.mark)) continue;
    const scaled = toScaled(valueAtSlot(item, slot));
    if (scaled !== null) addNumber(sums, scaled);
  }
  return sums;
}

function addNumber(sums: Sums, scaled: number): void {
  sums.n += 1;
  sums.sum = addWhole(sums.sum, scaled);
  if (scaled < sums.min) sums.min = scaled;
  if (scaled > sums.max) sums.max = scaled;
}

function numberOf(sums: Sums, trait: Tallied): Json {
  if (trait.aggregate === "sum") return fromScaled(sums.sum);
  if (sums.n === 0) return null;
  if (trait.aggregate === "average") return divided(sums.sum, sums.n);
  return fromScaled(trait.aggregate === "min" ? sums.min : sums.max);
}

/** Place of the item that holds a first or last value, −1: none. */
function endOf(items: readonly Item[], from: number, trait: Tallied): number {
  const slot = trait.slots[0];
  const step = trait.aggregate === "first" ? 1 : -1;
  for (let at = step > 0 ? from : items.length - 1; at >= from && at < items.length; at += step) {
    const item = items[at];
    if (item === undefined || !isMarked(item, trait.mark)) continue;
    if (slot === undefined || valueAtSlot(item, slot) !== null) return at;
  }
  return -1;
}

function timeAt(items: readonly Item[], at: number): Json {
  const item = items[at];
  return item === undefined ? null : new Date(item[0]).toISOString();
}

function sinceAt(items: readonly Item[], at: number, trait: Tallied, tMs: number): Json {
  const item = items[at];
  return item === undefined ? null : unitsSince(item[0], trait.unitMs, tMs);
}

/** How often each value came, the one that came last first. Runs of one value are counted without the Map. */
function countsOf(items: readonly Item[], from: number, trait: Tallied): Map<Scalar, number> {
  const counts = new Map<Scalar, number>();
  const slot = trait.slots[0] ?? -1;
  let current: Scalar | null = null;
  let run = 0;
  for (let at = items.length - 1; at >= from; at -= 1) {
    const item = items[at];
    if (item === undefined || !isMarked(item, trait.mark)) continue;
    const value = valueAtSlot(item, slot);
    if (value === null) continue;
    if (value === current) {
      run += 1;
      continue;
    }
    if (current !== null) counts.set(current, (counts.get(current) ?? 0) + run);
    current = value;
    run = 1;
  }
  if (current !== null) counts.set(current, (counts.get(current) ?? 0) + run);
  return counts;
}

/** Up to so many items, looking through a list costs less than making a Set. */
const fewItems = 64;

function distinctCount(items: readonly Item[], from: number, trait: Tallied): number {
  const slot = trait.slots[0] ?? -1;
  const few: Scalar[] = [];
  const many = items.length - from > fewItems ? new Set<Scalar>() : null;
  for (let at = from; at < items.length; at += 1) {
    const item = items[at];
    const value = item !== undefined && isMarked(item, trait.mark) ? valueAtSlot(item, slot) : null;
    if (value === null) continue;
    if (many !== null) many.add(value);
    else if (!few.includes(value)) few.push(value);
  }
  return many?.size ?? few.length;
}

/** The list, newest first. */
function listOf(items: readonly Item[], from: number, trait: Tallied): Json[] {
  const values: Json[] = [];
  const seen: Scalar[] = [];
  for (let at = items.length - 1; at >= from && values.length < trait.keep; at -= 1) {
    const item = items[at];
    if (item === undefined || !isMarked(item, trait.mark)) continue;
    const distinct = trait.uniqueSlot < 0 ? null : valueAtSlot(item, trait.uniqueSlot);
    if (trait.uniqueSlot >= 0 && (distinct === null || seen.includes(distinct))) continue;
    const value = listed(item, trait.keys, trait.slots);
    if (value === null) continue;
    if (distinct !== null) seen.push(distinct);
    values.push(value);
  }
  return values;
}
