import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";
import { Bloom } from "./bloom.ts";
import {
  blockSalt,
  blockSum,
  decodeHeader,
  layoutOf,
  maxSpan,
  pageBytes,
  pageWords,
  recordsPerBlock,
  recordWords,
  type PartHeader,
  type ReadHeader,
} from "./partFormat.ts";
import type { PartWriter } from "./partWriter.ts";
import type { Matches } from "./recentIds.ts";

/** A block of a part that can't be read, or whose checksum is wrong. The part must be rebuilt from the journal. */
export class DamagedPartError extends Error {
  readonly part: Part;

  constructor(part: Part, block: number) {
    super(`block ${block} of ${part.path} is damaged`);
    this.part = part;
  }
}

/**
 * An open part. The Bloom filter (1.5 bytes an id) and the fences (0.012 bytes an id) are in memory; a lookup that
 * passes the filter reads one block, rarely two, and checks its sum before it believes it.
 */
export class Part implements Disposable {
  readonly path: string;
  readonly header: PartHeader;
  readonly bloom: Bloom;
  /** Blocks that lookups have read. */
  blockReads = 0;
  readonly #fd: number;
  readonly #fences: Uint32Array;
  readonly #salt: number;
  readonly #page = new Uint8Array(pageBytes);
  readonly #records = this.#page.subarray(4);
  readonly #words = new Uint32Array(this.#page.buffer);

  private constructor(path: string, fd: number, header: PartHeader, bloom: Bloom, fences: Uint32Array) {
    this.path = path;
    this.header = header;
    this.bloom = bloom;
    this.#fd = fd;
    this.#fences = fences;
    this.#salt = blockSalt(header.seedTag, header.afterSeq, header.throughSeq);
  }

  /** The part that a writer has finished, under its final name. Takes over the writer's open file. */
  static written(writer: PartWriter, path: string): Part {
    return new Part(path, writer.fd, writer.header, writer.bloom, writer.fences);
  }

  /** Opens a part file; null if it is not a whole part of this journal. Record blocks are checked when they are read. */
  static open(path: string, seedTag: number): Part | null {
    let fd: number | null = null;
    try {
      fd = openSync(path, "r");
      const part = Part.#load(path, fd, seedTag);
      if (part !== null) fd = null;
      return part;
    } catch {
      return null;
    } finally {
      if (fd !== null) closeSync(fd);
    }
  }

  static #load(path: string, fd: number, seedTag: number): Part | null {
    const header = decodeHeader(readAll(fd, 0, pageBytes));
    if (header === null || header.seedTag !== seedTag || !isSound(header)) return null;
    const layout = layoutOf(header.count);
    if (fstatSync(fd).size !== layout.fileBytes) return null;
    const bloom = readAll(fd, layout.bloomOffset, layout.bloomBytes);
    const fences = readAll(fd, layout.fenceOffset, 4 * layout.blocks);
    if (crc32(bloom) !== header.bloomSum || crc32(fences) !== header.fenceSum) return null;
    return new Part(
      path,
      fd,
      header,
      new Bloom(new Int32Array(bloom.buffer)),
      new Uint32Array(fences.buffer),
    );
  }

  /** Size of the file. */
  get fileBytes(): number {
    return layoutOf(this.header.count).fileBytes;
  }

  /** The seq of the entry with this key that is truly this source and messageId, or null. Throws DamagedPartError. */
  find(hi: number, lo: number, source: number, messageId: string, matches: Matches): number | null {
    const fences = this.#fences;
    for (let block = this.#firstBlock(hi); block < fences.length && (fences[block] ?? 0) <= hi; block += 1) {
      const records = this.#readBlock(block);
      for (
        let at = this.#lowerBound(hi, records);
        at < records && this.#words[1 + recordWords * at] === hi;
        at += 1
      ) {
        if (this.#words[2 + recordWords * at] !== lo) continue;
        const seq = this.header.afterSeq + (this.#words[3 + recordWords * at] ?? 0);
        if (matches(seq, source, messageId)) return seq;
      }
    }
    return null;
  }

  /** Reads `blocks` blocks from `first` on into `into`, each with its sum checked. Throws DamagedPartError. */
  readBlocks(first: number, blocks: number, into: Uint8Array): void {
    const bytes = pageBytes * blocks;
    if (!readFully(this.#fd, into, bytes, pageBytes * (1 + first))) throw new DamagedPartError(this, first);
    const words = new Uint32Array(into.buffer, into.byteOffset, bytes / 4);
    for (let block = 0; block < blocks; block += 1) {
      const sum = blockSum(
        into.subarray(pageBytes * block + 4, pageBytes * (block + 1)),
        this.#salt,
        first + block,
      );
      if (words[pageWords * block] !== sum) throw new DamagedPartError(this, first + block);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** The first block that may hold `hi`: the last one whose fence is below it (a run of equal ones may begin there). */
  #firstBlock(hi: number): number {
    const fences = this.#fences;
    let low = 0;
    let high = fences.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((fences[middle] ?? 0) < hi) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** Brings one block into the page; returns how many records it holds. */
  #readBlock(block: number): number {
    this.blockReads += 1;
    if (!readFully(this.#fd, this.#page, pageBytes, pageBytes * (1 + block)))
      throw new DamagedPartError(this, block);
    if (this.#words[0] !== blockSum(this.#records, this.#salt, block))
      throw new DamagedPartError(this, block);
    return Math.min(recordsPerBlock, this.header.count - block * recordsPerBlock);
  }

  #lowerBound(hi: number, records: number): number {
    let low = 0;
    let high = records;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#words[1 + recordWords * middle] ?? 0) < hi) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** True if the header's own figures can be true. */
function isSound(header: ReadHeader): boolean {
  const span = header.throughSeq - header.afterSeq;
  const whole = [header.afterSeq, header.throughSeq, header.count].every(
    (value) => Number.isSafeInteger(value) && value >= 0,
  );
  return whole && span > 0 && span <= maxSpan && header.count <= span;
}

/** False if the file ends early or can't be read. */
function readFully(fd: number, into: Uint8Array, bytes: number, position: number): boolean {
  try {
    for (let done = 0; done < bytes;) {
      const read = readSync(fd, into, done, bytes - done, position + done);
      if (read === 0) return false;
      done += read;
    }
    return true;
  } catch {
    return false;
  }
}

function readAll(fd: number, position: number, bytes: number): Uint8Array<ArrayBuffer> {
  const into = new Uint8Array(bytes);
  if (!readFully(fd, into, bytes, position)) throw new Error("the file ends early");
  return into;
}
