import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { Bloom, bloomWords } from "./bloom.ts";
import {
  blockSalt,
  blockSum,
  encodeHeader,
  layoutOf,
  pageBytes,
  pageWords,
  recordsPerBlock,
  recordWords,
  type Layout,
  type PartHeader,
} from "./partFormat.ts";

/** Blocks gathered before one write. */
const blocksPerWrite = 64;
/** The Bloom filter and fences go out in slices of this many bytes, so that no step takes long. */
const sliceBytes = 1024 * 1024;

/**
 * Writes one part to a temporary file from records that come in ascending order of hi. Nothing is durable and
 * nothing has its final name until the caller flushes `fd` and renames the file.
 */
export class PartWriter {
  readonly header: PartHeader;
  readonly bloom: Bloom;
  readonly fences: Uint32Array;
  readonly fd: number;
  readonly temporaryPath: string;
  /** Bytes written so far. */
  writtenBytes = pageBytes;
  readonly #layout: Layout;
  readonly #salt: number;
  readonly #words = new Uint32Array(blocksPerWrite * pageWords);
  readonly #bytes = new Uint8Array(this.#words.buffer);
  /** Number of the block being filled, and records in it. */
  #block = 0;
  #records = 0;
  #word = 1;
  /** What follows the records, with its checksums so far; and how much of which is written. */
  readonly #sections: readonly { readonly bytes: Uint8Array; sum: number }[];
  #section = 0;
  #sectionBytes = 0;
  #ended = false;

  /** Throws what the file system throws. */
  constructor(temporaryPath: string, header: PartHeader) {
    this.header = header;
    this.temporaryPath = temporaryPath;
    this.bloom = new Bloom(new Int32Array(bloomWords(header.count)));
    this.#layout = layoutOf(header.count);
    this.fences = new Uint32Array(this.#layout.blocks);
    const inMemory = [this.bloom.words, this.fences];
    this.#sections = inMemory.map(({ buffer }) => ({ bytes: new Uint8Array(buffer), sum: 0 }));
    this.#salt = blockSalt(header.seedTag, header.afterSeq, header.throughSeq);
    this.fd = openSync(temporaryPath, "w+", 0o600);
  }

  append(hi: number, lo: number, offset: number): void {
    if (this.#records === recordsPerBlock) this.#endBlock();
    if (this.#records === 0) this.fences[this.#block] = hi;
    const words = this.#words;
    const at = this.#word;
    words[at] = hi;
    words[at + 1] = lo;
    words[at + 2] = offset;
    this.#word = at + recordWords;
    this.#records += 1;
    this.bloom.add(hi, lo);
  }

  /** After the last record: writes a slice of what follows the records; true once all of the file is written. */
  finishSlice(): boolean {
    if (!this.#ended) this.#endRecords();
    const section = this.#sections[this.#section];
    if (section === undefined) {
      const [bloomSum = 0, fenceSum = 0] = this.#sections.map(({ sum }) => sum);
      this.#write(encodeHeader(this.header, bloomSum, fenceSum), 0);
      return true;
    }
    const slice = section.bytes.subarray(this.#sectionBytes, this.#sectionBytes + sliceBytes);
    this.#write(slice, this.writtenBytes);
    section.sum = crc32(slice, section.sum);
    this.writtenBytes += slice.length;
    this.#sectionBytes += slice.length;
    if (this.#sectionBytes < section.bytes.length) return false;
    this.#section += 1;
    this.#sectionBytes = 0;
    return false;
  }

  /** Removes the temporary file; the next open does it if it can't be done now. */
  removeFile(): void {
    try {
      rmSync(this.temporaryPath, { force: true });
    } catch {
      return;
    }
  }

  close(): void {
    closeSync(this.fd);
  }

  #endRecords(): void {
    if (this.#records > 0) this.#endBlock();
    this.#flushBlocks();
    this.#ended = true;
    if (this.#block === this.#layout.blocks) return;
    throw new Error(`a part of ${this.header.count} ids came to ${this.#block} blocks`);
  }

  #endBlock(): void {
    const start = pageBytes * (this.#block % blocksPerWrite);
    const used = start / 4 + 1 + recordWords * this.#records;
    this.#words.fill(0, used, start / 4 + pageWords);
    this.#words[start / 4] = blockSum(
      this.#bytes.subarray(start + 4, start + pageBytes),
      this.#salt,
      this.#block,
    );
    this.#block += 1;
    this.#records = 0;
    if (this.#block % blocksPerWrite === 0) this.#flushBlocks();
    this.#word = pageWords * (this.#block % blocksPerWrite) + 1;
  }

  /** Writes the gathered blocks that are not on file yet. */
  #flushBlocks(): void {
    const bytes = pageBytes * (this.#block + 1) - this.writtenBytes;
    if (bytes > 0) this.#write(this.#bytes.subarray(0, bytes), this.writtenBytes);
    this.writtenBytes += bytes;
  }

  #write(bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.length;) {
      done += writeSync(this.fd, bytes, done, bytes.length - done, position + done);
    }
  }
}
