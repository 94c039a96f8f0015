/**
 * Stamps: who wrote a trait, and when. One event often writes many traits, so a profile keeps each stamp once, in a
 * table, and its trait nodes point into it by slot; a slot is free again when no node points to it.
 */
import type { Event } from "./event.ts";

/**
 * Order key and source of one write. `delayMs` is receivedAt − timestamp: shorter to store, and equal timestamps
 * compare by it just as they do by receivedAt. `refs` counts the nodes that point here.
 */
export type Stamp = [
  timestampMs: number,
  delayMs: number,
  index: number,
  messageId: string,
  source: string,
  refs: number,
];

/** Anything that begins like a stamp. */
export type Stamped = readonly [
  timestampMs: number,
  delayMs: number,
  index: number,
  messageId: string,
  source: string,
  ...rest: unknown[],
];

/** A slot holds a stamp, or the number of the next free slot (−1 ends the chain). */
export interface StampTable {
  stamps: (Stamp | number)[];
  /** First free slot, −1 when none is. */
  free: number;
}

/** A stamp on its way in: it takes a slot only when something is written with it. */
export interface Write {
  readonly stamp: Stamp;
  slot: number;
}

/** The write that an event makes. */
export function writeOf(event: Event): Write {
  return {
    stamp: [
      event.timestampMs,
      event.receivedAtMs - event.timestampMs,
      event.index,
      event.messageId,
      event.source,
      0,
    ],
    slot: -1,
  };
}

/**
 * Negative, zero or positive: which of two stamps comes first. By order key; the source decides between two sources
 * that use one messageId, so that only the very same write compares equal.
 */
export function compareStamps(left: Stamped, right: Stamped): number {
  if (left[0] !== right[0]) return left[0] - right[0];
  if (left[1] !== right[1]) return left[1] - right[1];
  if (left[2] !== right[2]) return left[2] - right[2];
  if (left[3] !== right[3]) return left[3] < right[3] ? -1 : 1;
  if (left[4] === right[4]) return 0;
  return left[4] < right[4] ? -1 : 1;
}

/** The stamp in a slot that a node points to. Throws on a free slot: the state would be damaged. */
export function stampAt(table: StampTable, slot: number): Stamp {
  const stamp = table.stamps[slot];
  if (typeof stamp !== "object") throw new Error("a trait points to a stamp that is not there");
  return stamp;
}

/** The write's slot with one more node pointing to it. */
export function retain(table: StampTable, write: Write): number {
  if (write.slot < 0) write.slot = occupy(table, write.stamp);
  stampAt(table, write.slot)[5] += 1;
  return write.slot;
}

function occupy(table: StampTable, stamp: Stamp): number {
  const fresh: Stamp = [stamp[0], stamp[1], stamp[2], stamp[3], stamp[4], 0];
  const slot = table.free;
  if (slot < 0) return table.stamps.push(fresh) - 1;
  const next = table.stamps[slot];
  table.free = typeof next === "number" ? next : -1;
  table.stamps[slot] = fresh;
  return slot;
}

/** One node fewer points to the slot; the last one frees it. */
export function release(table: StampTable, slot: number): void {
  const stamp = stampAt(table, slot);
  stamp[5] -= 1;
  if (stamp[5] > 0) return;
  table.stamps[slot] = table.free;
  table.free = slot;
}
