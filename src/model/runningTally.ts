/**
 * A tally as it goes along with the fold: what the kept items of its window come to, moved on by the item that comes
 * and those that leave instead of gathered anew. Nothing here is stored: it is a memory of what the items say, and is
 * made from them wherever it is missing.
 */
import type { Scalar } from "./condition.ts";
import { addWhole, divided, fromScaled, toScaled, type Whole } from "./decimal.ts";
import type { Json } from "./event.ts";
import type { Tallied } from "./evidencePlan.ts";
import { isMarked, listed, valueAtSlot, type Item } from "./item.ts";
import { unitsSince } from "./reading.ts";
import type { Gathered } from "./tally.ts";

/** The kept items of one tally's window. Items that do not count for it are passed over. */
export interface Running {
  /** These items from `from` on are in it, and nothing else. */
  restart(items: readonly Item[], from: number): void;
  /** An item newer than all that are in it comes. */
  take(item: Item): void;
  /** The oldest item that is in it leaves. */
  drop(item: Item): void;
  /** `items` from `from` on are those that are in it. */
  value(items: readonly Item[], from: number, tMs: number): Json;
  /** Adds what the items come to, where pressed ones count too; absent: they don't. */
  gatherInto?(gathered: Gathered, items: readonly Item[], from: number): void;
}

/** The running form of a tally, with nothing in it. */
export function runningOf(trait: Tallied): Running {
  switch (trait.aggregate) {
    case "count":
      return new RunningCount(trait);
    case "sum":
    case "average":
    case "min":
    case "max":
      return new RunningNumbers(trait);
    case "first":
      return new RunningFirst(trait);
    case "last":
    case "lastAt":
    case "timeSince":
      return new RunningLast(trait);
    case "unique":
    case "mostFrequent":
      return new RunningCounts(trait);
    case "list":
      return new RunningList(trait);
  }
}

function takeAll(running: Running, items: readonly Item[], from: number): void {
  for (let at = from; at < items.length; at += 1) {
    const item = items[at];
    if (item !== undefined) running.take(item);
  }
}

class RunningCount implements Running {
  readonly #trait: Tallied;
  #n = 0;

  constructor(trait: Tallied) {
    this.#trait = trait;
  }

  restart(items: readonly Item[], from: number): void {
    this.#n = 0;
    takeAll(this, items, from);
  }

  take(item: Item): void {
    if (isMarked(item, this.#trait.mark)) this.#n += 1;
  }

  drop(item: Item): void {
    if (isMarked(item, this.#trait.mark)) this.#n -= 1;
  }

  value(): Json {
    return this.#n;
  }

  gatherInto(gathered: Gathered): void {
    gathered.n += this.#n;
  }
}

/** Sums go both ways exactly; an extreme is looked for anew when the last item that held it has left. */
class RunningNumbers implements Running {
  readonly #trait: Tallied;
  readonly #slot: number;
  #n = 0;
  #sum: Whole = 0;
  #extreme = 0;
  /** Items that hold the extreme; 0: it has to be looked for. */
  #holders = 0;

  constructor(trait: Tallied) {
    this.#trait = trait;
    this.#slot = trait.slots[0] ?? -1;
  }

  restart(items: readonly Item[], from: number): void {
    this.#n = 0;
    this.#sum = 0;
    this.#holders = 0;
    takeAll(this, items, from);
  }

  take(item: Item): void {
    const scaled = this.#scaledOf(item);
    if (scaled === null) return;
    this.#sum = addWhole(this.#sum, scaled);
    if (this.#n === 0 || (this.#holders > 0 && this.#isBeyond(scaled))) {
      this.#extreme = scaled;
      this.#holders = 1;
    } else if (this.#holders > 0 && scaled === this.#extreme) this.#holders += 1;
    this.#n += 1;
  }

  drop(item: Item): void {
    const scaled = this.#scaledOf(item);
    if (scaled === null) return;
    this.#n -= 1;
    this.#sum = addWhole(this.#sum, -scaled);
    if (this.#holders > 0 && scaled === this.#extreme) this.#holders -= 1;
  }

  value(items: readonly Item[], from: number): Json {
    if (this.#trait.aggregate === "sum") return fromScaled(this.#sum);
    if (this.#n === 0) return null;
    if (this.#trait.aggregate === "average") return divided(this.#sum, this.#n);
    return fromScaled(this.#extremeOf(items, from));
  }

  gatherInto(gathered: Gathered, items: readonly Item[], from: number): void {
    gathered.n += this.#n;
    gathered.sum = addWhole(gathered.sum, this.#sum);
    if (this.#n === 0) return;
    if (this.#trait.aggregate === "min") gathered.min = this.#extremeOf(items, from);
    if (this.#trait.aggregate === "max") gathered.max = this.#extremeOf(items, from);
  }

  #isBeyond(scaled: number): boolean {
    return this.#trait.aggregate === "min" ? scaled < this.#extreme : scaled > this.#extreme;
  }

  #scaledOf(item: Item): number | null {
    return isMarked(item, this.#trait.mark) ? toScaled(valueAtSlot(item, this.#slot)) : null;
  }

  #extremeOf(items: readonly Item[], from: number): number {
    if (this.#holders > 0) return this.#extreme;
    for (let at = from; at < items.length; at += 1) {
      const item = items[at];
      const scaled = item === undefined ? null : this.#scaledOf(item);
      if (scaled === null) continue;
      if (this.#holders > 0 && scaled === this.#extreme) this.#holders += 1;
      else if (this.#holders === 0 || this.#isBeyond(scaled)) [this.#extreme, this.#holders] = [scaled, 1];
    }
    return this.#extreme;
  }
}

/** Whether the item counts for a first or last value, or for a time. */
function holds(item: Item, { mark, slots }: Tallied): boolean {
  return isMarked(item, mark) && (slots[0] === undefined || valueAtSlot(item, slots[0]) !== null);
}

class RunningLast implements Running {
  readonly #trait: Tallied;
  #newest: Item | null = null;

  constructor(trait: Tallied) {
    this.#trait = trait;
  }

  restart(items: readonly Item[], from: number): void {
    this.#newest = null;
    takeAll(this, items, from);
  }

  take(item: Item): void {
    if (holds(item, this.#trait)) this.#newest = item;
  }

  drop(item: Item): void {
    if (item === this.#newest) this.#newest = null;
  }

  value(_items: readonly Item[], _from: number, tMs: number): Json {
    const { aggregate, slots, unitMs } = this.#trait;
    if (this.#newest === null) return null;
    if (aggregate === "lastAt") return new Date(this.#newest[0]).toISOString();
    if (aggregate === "timeSince") return unitsSince(this.#newest[0], unitMs, tMs);
    return valueAtSlot(this.#newest, slots[0] ?? -1);
  }

  gatherInto(gathered: Gathered): void {
    gathered.newest = this.#newest;
  }
}

class RunningFirst implements Running {
  readonly #trait: Tallied;
  #oldest: Item | null = null;
  /** The oldest has left: the next one has to be looked for. */
  #isStale = false;

  constructor(trait: Tallied) {
    this.#trait = trait;
  }

  restart(items: readonly Item[], from: number): void {
    this.#oldest = null;
    this.#isStale = false;
    takeAll(this, items, from);
  }

  take(item: Item): void {
    if (this.#oldest === null && !this.#isStale && holds(item, this.#trait)) this.#oldest = item;
  }

  drop(item: Item): void {
    if (item !== this.#oldest) return;
    this.#oldest = null;
    this.#isStale = true;
  }

  value(items: readonly Item[], from: number): Json {
    const oldest = this.#look(items, from);
    return oldest === null ? null : valueAtSlot(oldest, this.#trait.slots[0] ?? -1);
  }

  gatherInto(gathered: Gathered, items: readonly Item[], from: number): void {
    gathered.oldest = this.#look(items, from);
  }

  #look(items: readonly Item[], from: number): Item | null {
    for (let at = from; this.#isStale && at < items.length; at += 1) {
      const item = items[at];
      if (item === undefined || !holds(item, this.#trait)) continue;
      this.#oldest = item;
      break;
    }
    this.#isStale = false;
    return this.#oldest;
  }
}

/** How often each value is there. */
class RunningCounts implements Running {
  readonly #trait: Tallied;
  readonly #slot: number;
  readonly #counts = new Map<Scalar, number>();
  /** Of the most frequent values the one that came last. */
  #most: Scalar | null = null;
  /** The most frequent value has become less so: another may be it. */
  #isStale = false;

  constructor(trait: Tallied) {
    this.#trait = trait;
    this.#slot = trait.slots[0] ?? -1;
  }

  restart(items: readonly Item[], from: number): void {
    this.#counts.clear();
    this.#most = null;
    this.#isStale = false;
    takeAll(this, items, from);
  }

  take(item: Item): void {
    const value = this.#valueOf(item);
    if (value === null) return;
    const n = (this.#counts.get(value) ?? 0) + 1;
    this.#counts.set(value, n);
    if (this.#most === null || n >= (this.#counts.get(this.#most) ?? 0)) this.#most = value;
  }

  drop(item: Item): void {
    const value = this.#valueOf(item);
    if (value === null) return;
    const n = (this.#counts.get(value) ?? 0) - 1;
    if (n <= 0) this.#counts.delete(value);
    else this.#counts.set(value, n);
    if (value === this.#most) this.#isStale = true;
  }

  value(items: readonly Item[], from: number): Json {
    if (this.#trait.aggregate === "unique") return this.#counts.size;
    if (this.#isStale) this.#most = this.#mostFrequent(items, from);
    this.#isStale = false;
    return this.#most;
  }

  #valueOf(item: Item): Scalar | null {
    return isMarked(item, this.#trait.mark) ? valueAtSlot(item, this.#slot) : null;
  }

  #mostFrequent(items: readonly Item[], from: number): Scalar | null {
    let times = 0;
    for (const n of this.#counts.values()) times = Math.max(times, n);
    for (let at = items.length - 1; at >= from; at -= 1) {
      const item = items[at];
      const value = item === undefined ? null : this.#valueOf(item);
      if (value !== null && this.#counts.get(value) === times) return value;
    }
    return null;
  }
}

/** The newest items that a list shows, newest first; in a list of distinct values each value's newest. */
class RunningList implements Running {
  readonly #trait: Tallied;
  #items: Item[] = [];
  /** What they are distinct by; in other lists null. */
  #keys: (Scalar | null)[] = [];
  /** What they give. Never changed once told. */
  #values: readonly Json[] = [];

  constructor(trait: Tallied) {
    this.#trait = trait;
  }

  restart(items: readonly Item[], from: number): void {
    const { mark, keys, slots, uniqueSlot, keep } = this.#trait;
    const values: Json[] = [];
    [this.#items, this.#keys, this.#values] = [[], [], values];
    for (let at = items.length - 1; at >= from && values.length < keep; at -= 1) {
      const item = items[at];
      if (item === undefined || !isMarked(item, mark)) continue;
      const key = this.#keyOf(item);
      if (uniqueSlot >= 0 && (key === null || this.#keys.includes(key))) continue;
      const value = listed(item, keys, slots);
      if (value === null) continue;
      this.#items.push(item);
      this.#keys.push(key);
      values.push(value);
    }
  }

  take(item: Item): void {
    const { mark, keys, slots, uniqueSlot, keep } = this.#trait;
    const key = this.#keyOf(item);
    if (!isMarked(item, mark) || (uniqueSlot >= 0 && key === null)) return;
    const like = uniqueSlot < 0 ? -1 : this.#keys.indexOf(key);
    if (like === 0 && this.#isSameAsFirst(item)) {
      this.#items[0] = item;
      return;
    }
    const value = listed(item, keys, slots);
    if (value === null) return;
    const out = like < 0 ? keep - 1 : like;
    this.#items.splice(out, 1);
    this.#items.unshift(item);
    this.#keys.splice(out, 1);
    this.#keys.unshift(key);
    const values: Json[] = [value];
    for (let at = 0; at < this.#values.length; at += 1) if (at !== out) values.push(this.#values[at] ?? null);
    this.#values = values;
  }

  drop(item: Item): void {
    if (this.#items.at(-1) !== item) return;
    this.#items.pop();
    this.#keys.pop();
    this.#values = this.#values.slice(0, -1);
  }

  value(): Json {
    return this.#values;
  }

  /** An item that names nothing can't be told from others. */
  #keyOf(item: Item): Scalar | null {
    const { uniqueSlot } = this.#trait;
    return uniqueSlot < 0 ? null : valueAtSlot(item, uniqueSlot);
  }

  #isSameAsFirst(item: Item): boolean {
    const first = this.#items[0];
    if (first === undefined) return false;
    for (const slot of this.#trait.slots)
      if (valueAtSlot(first, slot) !== valueAtSlot(item, slot)) return false;
    return true;
  }
}
