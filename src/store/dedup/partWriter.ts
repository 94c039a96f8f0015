import { closeSync, openSync, rmSync, writeSync } from "node:fs";
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
const trailerSliceBytes = 1024 * 1024;

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
  #trailer: Uint8Array | null = null;
  #trailerAt = 0;

  /** Throws what the file system throws. */
  constructor(temporaryPath: string, header: PartHeader) {
    this.header = header;
    this.temporaryPath = temporaryPath;
    this.bloom = new Bloom(new Uint32Array(bloomWords(header.count)));
    this.#layout = layoutOf(header.count);
    this.fences = new Uint32Array(this.#layout.blocks);
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
    this.#trailer ??= this.#endRecords();
    const end = Math.min(this.#trailer.length, this.#trailerAt + trailerSliceBytes);
    this.#write(this.#trailer.subarray(this.#trailerAt, end), this.#layout.bloomOffset + this.#trailerAt);
    this.#trailerAt = end;
    if (end < this.#trailer.length) return false;
    const bloom = this.#trailer.subarray(0, this.#layout.bloomBytes);
    const fences = this.#trailer.subarray(this.#layout.bloomBytes);
    this.#write(encodeHeader(this.header, bloom, fences), 0);
    return true;
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

  #endRecords(): Uint8Array {
    if (this.#records > 0) this.#endBlock();
    this.#flushBlocks();
    if (this.#block !== this.#layout.blocks)
      throw new Error(`a part of ${this.header.count} ids came to ${this.#block} blocks`);
    const trailer = new Uint8Array(this.#layout.fileBytes - this.#layout.bloomOffset);
    trailer.set(new Uint8Array(this.bloom.words.buffer));
    trailer.set(new Uint8Array(this.fences.buffer), this.#layout.bloomBytes);
    return trailer;
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
