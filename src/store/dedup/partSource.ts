/** Where the records of a new part come from, in ascending order of hi: entries in memory, or parts to be merged. */
import { IdColumns, sortedOrder } from "./idColumns.ts";
import type { Part } from "./part.ts";
import {
  pageBytes,
  pageWords,
  recordsPerBlock,
  recordWords,
  type Anchor,
  type PartHeader,
} from "./partFormat.ts";
import type { PartWriter } from "./partWriter.ts";

export interface PartSource {
  readonly header: PartHeader;
  /** Appends up to `budget` records to the writer; true once there are no more. */
  fill(writer: PartWriter, budget: number): boolean;
}

const noAnchor: Anchor = { seq: 0, hi: 0, lo: 0 };

/** Entries in memory, whose seqs lie in (afterSeq, throughSeq]. */
export class MemorySource implements PartSource {
  readonly header: PartHeader;
  readonly #columns: IdColumns;
  #order: Uint32Array | null = null;
  #next = 0;

  constructor(columns: IdColumns, seedTag: number, afterSeq: number, throughSeq: number) {
    const { oldest, newest } = anchorsOf(columns);
    this.header = { seedTag, afterSeq, throughSeq, count: columns.count, oldest, newest };
    this.#columns = columns;
  }

  fill(writer: PartWriter, budget: number): boolean {
    // Sorting is a step of its own, so that it doesn't add to the time of another.
    if (this.#order === null) {
      this.#order = sortedOrder(this.#columns);
      return this.#order.length === 0;
    }
    const { hi, lo, seq } = this.#columns;
    const end = Math.min(this.#order.length, this.#next + budget);
    for (let index = this.#next; index < end; index += 1) {
      const entry = this.#order[index] ?? 0;
      writer.append(hi[entry] ?? 0, lo[entry] ?? 0, (seq[entry] ?? 0) - this.header.afterSeq);
    }
    this.#next = end;
    return end === this.#order.length;
  }
}

function anchorsOf(columns: IdColumns): { oldest: Anchor; newest: Anchor } {
  if (columns.count === 0) return { oldest: noAnchor, newest: noAnchor };
  let oldest = 0;
  let newest = 0;
  for (let entry = 1; entry < columns.count; entry += 1) {
    const seq = columns.seq[entry] ?? 0;
    if (seq < (columns.seq[oldest] ?? 0)) oldest = entry;
    if (seq > (columns.seq[newest] ?? 0)) newest = entry;
  }
  const anchor = (entry: number): Anchor => ({
    seq: columns.seq[entry] ?? 0,
    hi: columns.hi[entry] ?? 0,
    lo: columns.lo[entry] ?? 0,
  });
  return { oldest: anchor(oldest), newest: anchor(newest) };
}

/** Neighbouring parts, oldest first, merged into one. Throws DamagedPartError while filling. */
export class MergeSource implements PartSource {
  readonly header: PartHeader;
  readonly #cursors: PartCursor[];

  constructor(parts: readonly Part[]) {
    this.header = mergedHeader(parts.map((part) => part.header));
    this.#cursors = parts
      .filter((part) => part.header.count > 0)
      .map((part) => new PartCursor(part, this.header.afterSeq));
  }

  fill(writer: PartWriter, budget: number): boolean {
    const cursors = this.#cursors;
    for (let left = budget; left > 0; left -= 1) {
      const first = lowest(cursors);
      if (first === null) return true;
      writer.append(first.hi, first.lo, first.offset);
      if (!first.advance()) cursors.splice(cursors.indexOf(first), 1);
    }
    return cursors.length === 0;
  }
}

/** The cursor with the lowest hi; the oldest one of several. */
function lowest(cursors: readonly PartCursor[]): PartCursor | null {
  let best: PartCursor | null = null;
  for (const cursor of cursors) if (best === null || cursor.hi < best.hi) best = cursor;
  return best;
}

/** The header of the part that joins these neighbours, oldest first. */
function mergedHeader(headers: readonly PartHeader[]): PartHeader {
  const first = headers[0];
  const last = headers.at(-1);
  if (first === undefined || last === undefined) throw new Error("there is nothing to merge");
  const filled = headers.filter((header) => header.count > 0);
  return {
    seedTag: first.seedTag,
    afterSeq: first.afterSeq,
    throughSeq: last.throughSeq,
    count: headers.reduce((sum, header) => sum + header.count, 0),
    oldest: filled[0]?.oldest ?? noAnchor,
    newest: filled.at(-1)?.newest ?? noAnchor,
  };
}

/** All entries of a part, in memory. Throws DamagedPartError. */
export function loadPart(part: Part): IdColumns {
  const { afterSeq, count } = part.header;
  const columns = new IdColumns(count);
  if (count === 0) return columns;
  const cursor = new PartCursor(part, afterSeq);
  do columns.push(cursor.hi, cursor.lo, afterSeq + cursor.offset);
  while (cursor.advance());
  return columns;
}

/** Blocks read ahead per merged part. */
const blocksPerRead = 16;

/** Walks through a part's records in order. The current one stands in hi, lo and offset. */
class PartCursor {
  hi = 0;
  lo = 0;
  offset = 0;
  readonly #part: Part;
  /** What turns an offset of this part into one of the merged part. */
  readonly #shift: number;
  readonly #bytes = new Uint8Array(blocksPerRead * pageBytes);
  readonly #words = new Uint32Array(this.#bytes.buffer);
  /** Number of the current record, and its first word in the buffer. */
  #record = -1;
  #word = 0;

  constructor(part: Part, mergedAfterSeq: number) {
    this.#part = part;
    this.#shift = part.header.afterSeq - mergedAfterSeq;
    this.advance();
  }

  /** On to the next record; false at the end. */
  advance(): boolean {
    this.#record += 1;
    if (this.#record >= this.#part.header.count) return false;
    if (this.#record % recordsPerBlock === 0) this.#enterBlock(this.#record / recordsPerBlock);
    else this.#word += recordWords;
    this.hi = this.#words[this.#word] ?? 0;
    this.lo = this.#words[this.#word + 1] ?? 0;
    this.offset = (this.#words[this.#word + 2] ?? 0) + this.#shift;
    return true;
  }

  #enterBlock(block: number): void {
    const place = block % blocksPerRead;
    const blocks = Math.ceil(this.#part.header.count / recordsPerBlock);
    if (place === 0) this.#part.readBlocks(block, Math.min(blocksPerRead, blocks - block), this.#bytes);
    this.#word = place * pageWords + 1;
  }
}
