/**
 * Evidence: what is kept of a profile's events so that computed traits can be told exactly, at any time, and
 * two profiles be joined without reading the journal again. Kept once a profile and selector, whatever the number
 * of traits that read it:
 *
 *   items   the newest 1,000, each with its order key, source and the properties that some trait reads
 *   tail    everything older, pressed: one cell a measure over all of it, and for traits with a window one a minute
 *           of the newest 1,440 minutes in which there was any
 *
 * All of it is a function of the set of events, not of their order: an item is in the tail exactly if 1,000 are newer.
 * A repeat is recognised by its stamp among the items. In the tail there is nothing left to recognise it by, so there
 * the journal's uniqueness (each event is folded once) and `Lineage` (each profile is merged once) must hold.
 */
import type { Item } from "./item.ts";
import type { EventPlan, Measure } from "./evidencePlan.ts";
import { compareStamps } from "./stamp.ts";
import { addToCells, emptyCells, mergeCells, type Cell } from "./tail.ts";

/** Cells of one minute (since the epoch). */
export type Bucket = [minute: number, cells: Cell[]];

export interface Tail {
  /** Number of events in it. */
  n: number;
  /** Over everything in it, by measure. */
  all: Cell[];
  /** Oldest first. */
  minutes: Bucket[];
  /** Newest minute that is not among them any more; null when none was given up. */
  lost: number | null;
}

/** Items oldest first. An array, so that no inherited key can be taken for one. */
export type EventEvidence = [items: Item[], tail: Tail | null];

/** By key of the plan; look up with `evidenceOf`. */
export interface EvidenceByEvent {
  [key: string]: EventEvidence;
}

export const minuteMs = 60_000;

/** The evidence under a key, safe for every key. */
export function evidenceOf(events: EvidenceByEvent, key: string): EventEvidence | undefined {
  const found: unknown = events[key];
  return Array.isArray(found) ? (found as EventEvidence) : undefined;
}

/** Adds an item at its place (see `placeOf`), pressing what is surplus. */
export function addItem(evidence: EventEvidence, item: Item, at: number, plan: EventPlan): void {
  const items = evidence[0];
  if (at === items.length) items.push(item);
  else items.splice(at, 0, item);
  demoteSurplus(evidence, plan);
}

/** Where the item belongs among these, −1 when it is there already. Nearly always the end. */
export function placeOf(items: readonly Item[], item: Item): number {
  let low = 0;
  let high = items.length;
  for (let probe = high - 1; low < high; probe = (low + high) >>> 1) {
    const other = items[probe];
    const order = other === undefined ? 1 : compareStamps(other, item);
    if (order === 0) return -1;
    if (order < 0) low = probe + 1;
    else high = probe;
  }
  return low;
}

function demoteSurplus(evidence: EventEvidence, plan: EventPlan): void {
  const items = evidence[0];
  const surplus = items.length - plan.limits.items;
  if (surplus <= 0) return;
  for (const item of surplus === 1 ? [items.shift()] : items.splice(0, surplus)) {
    if (item !== undefined) demote(evidence, item, plan);
  }
}

function demote(evidence: EventEvidence, item: Item, plan: EventPlan): void {
  const tail = (evidence[1] ??= emptyTail(plan.measures));
  tail.n += 1;
  addToCells(tail.all, item, plan.measures);
  if (!plan.windowed) return;
  const minute = Math.floor(item[0] / minuteMs);
  addToCells(bucketFor(tail, minute, plan.measures)[1], item, plan.measures);
  loseSurplus(tail, plan.limits.minutes);
}

function emptyTail(measures: readonly Measure[]): Tail {
  return { n: 0, all: emptyCells(measures), minutes: [], lost: null };
}

function bucketFor(tail: Tail, minute: number, measures: readonly Measure[]): Bucket {
  const { minutes } = tail;
  let at = minutes.length;
  for (; at > 0; at -= 1) {
    const bucket = minutes[at - 1];
    if (bucket === undefined || bucket[0] < minute) break;
    if (bucket[0] === minute) return bucket;
  }
  const made: Bucket = [minute, emptyCells(measures)];
  minutes.splice(at, 0, made);
  return made;
}

function loseSurplus(tail: Tail, maxMinutes: number): void {
  const surplus = tail.minutes.length - maxMinutes;
  if (surplus <= 0) return;
  const lost = tail.minutes.splice(0, surplus).at(-1);
  if (lost !== undefined) tail.lost = Math.max(tail.lost ?? lost[0], lost[0]);
}

/**
 * Joins the evidence of two profiles for one selector into `into`; `from` is only read. Items that both have count
 * once; tails add up, so the caller makes sure that they are of different profiles.
 */
export function mergeEvidence(into: EventEvidence, from: EventEvidence, plan: EventPlan): void {
  into[0] = union(into[0], from[0]);
  if (from[1] !== null) {
    into[1] ??= emptyTail(plan.measures);
    mergeTail(into[1], from[1], plan);
  }
  demoteSurplus(into, plan);
}

function union(left: readonly Item[], right: readonly Item[]): Item[] {
  const both: Item[] = [];
  let [l, r] = [0, 0];
  for (let a = left[l], b = right[r]; a !== undefined || b !== undefined; a = left[l], b = right[r]) {
    const order = a === undefined ? 1 : b === undefined ? -1 : compareStamps(a, b);
    const next = order <= 0 ? a : b;
    if (next !== undefined) both.push(next);
    if (order <= 0) l += 1;
    if (order >= 0) r += 1;
  }
  return both;
}

function mergeTail(into: Tail, from: Tail, plan: EventPlan): void {
  const { measures, limits } = plan;
  into.n += from.n;
  mergeCells(into.all, from.all, measures);
  if (from.lost !== null) into.lost = Math.max(into.lost ?? from.lost, from.lost);
  for (const [minute, cells] of from.minutes)
    mergeCells(bucketFor(into, minute, measures)[1], cells, measures);
  loseSurplus(into, limits.minutes);
}
