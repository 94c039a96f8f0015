import { IdColumns } from "./idColumns.ts";

/** Says whether the journal row `seq` has this source and messageId. */
export type Matches = (seq: number, source: number, messageId: string) => boolean;

/**
 * The ids that no part holds yet: columns of keys in order of arrival, and an open-addressed table of entry numbers
 * over them (linear probing). Entries added since the last commit are compared by their text, kept here, because
 * their rows may not be written yet. Taking them back in reverse order leaves the table as it was before.
 */
export class RecentIds {
  readonly columns: IdColumns;
  /** Entry number + 1; 0 is empty. */
  #slots: Int32Array;
  /** Entries before this one are committed. */
  #firm = 0;
  readonly #pendingSources: number[] = [];
  readonly #pendingIds: string[] = [];

  /** Room for `capacity` entries and a little more before anything has to grow; `columns` are entries that are committed already. */
  constructor(capacity: number, columns: IdColumns = new IdColumns(capacity + (capacity >>> 4))) {
    this.columns = columns;
    this.#slots = new Int32Array(slotCount(Math.max(capacity, columns.count)));
    this.#firm = columns.count;
    for (let entry = 0; entry < columns.count; entry += 1) this.#fillSlot(columns.lo[entry] ?? 0, entry);
  }

  /** Entries, committed or not. */
  get count(): number {
    return this.columns.count;
  }

  /** The seq of the entry with this key that is truly this source and messageId, or null. */
  find(hi: number, lo: number, source: number, messageId: string, matches: Matches): number | null {
    const { columns } = this;
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = lo & mask; ; slot = (slot + 1) & mask) {
      const entry = (slots[slot] ?? 0) - 1;
      if (entry < 0) return null;
      if (columns.hi[entry] !== hi || columns.lo[entry] !== lo) continue;
      const seq = columns.seq[entry] ?? 0;
      const same =
        entry < this.#firm
          ? matches(seq, source, messageId)
          : this.#isPending(entry - this.#firm, source, messageId);
      if (same) return seq;
    }
  }

  add(hi: number, lo: number, seq: number, source: number, messageId: string): void {
    this.#place(hi, lo, seq);
    this.#pendingSources.push(source);
    this.#pendingIds.push(messageId);
  }

  commit(): void {
    this.#firm = this.columns.count;
    this.#pendingSources.length = 0;
    this.#pendingIds.length = 0;
  }

  rollback(): void {
    const { columns } = this;
    while (columns.count > this.#firm) {
      columns.count -= 1;
      this.#clearSlot(columns.lo[columns.count] ?? 0, columns.count);
    }
    this.commit();
  }

  #isPending(index: number, source: number, messageId: string): boolean {
    return this.#pendingSources[index] === source && this.#pendingIds[index] === messageId;
  }

  #place(hi: number, lo: number, seq: number): void {
    this.columns.push(hi, lo, seq);
    if (3 * this.columns.count > 2 * this.#slots.length) this.#regrow();
    else this.#fillSlot(lo, this.columns.count - 1);
  }

  #fillSlot(lo: number, entry: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = lo & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = entry + 1;
  }

  #clearSlot(lo: number, entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = lo & mask;
    while (this.#slots[slot] !== entry + 1) slot = (slot + 1) & mask;
    this.#slots[slot] = 0;
  }

  #regrow(): void {
    const { columns } = this;
    this.#slots = new Int32Array(2 * this.#slots.length);
    for (let entry = 0; entry < columns.count; entry += 1) this.#fillSlot(columns.lo[entry] ?? 0, entry);
  }
}

/** A power of two that leaves at least half of the slots empty. */
function slotCount(capacity: number): number {
  let slots = 16;
  while (slots < 2 * capacity) slots *= 2;
  return slots;
}
