/**
 * A part file: the keys of one stretch of the journal, written once, never changed.
 *
 *   header page (4,096 bytes) · record blocks (4,096 bytes each) · Bloom filter · fences
 *
 * A record is three little-endian 32-bit words: hi, lo, and the seq as an offset from `afterSeq`. Records ascend by
 * hi, 341 to a block, behind the block's checksum. A fence is the first hi of a block. Each block's checksum is
 * salted with the journal, the stretch and the block's number, so a block of another file or place does not pass.
 */
import { crc32 } from "node:zlib";
import { bloomWords } from "./bloom.ts";

export const pageBytes = 4096;
export const pageWords = pageBytes / 4;
export const recordWords = 3;
export const recordsPerBlock = Math.floor((pageWords - 1) / recordWords);
/** Seqs in a part are 32-bit offsets. */
export const maxSpan = 2 ** 32 - 1;

const magic = 0x31444946; // "FID1"
const version = 1;
const headerBytes = 104;

/** One entry as it was written, to hold the part against the journal. */
export interface Anchor {
  readonly seq: number;
  readonly hi: number;
  readonly lo: number;
}

/** What a part says of itself. It covers the seqs in (afterSeq, throughSeq]. */
export interface PartHeader {
  readonly seedTag: number;
  readonly afterSeq: number;
  readonly throughSeq: number;
  readonly count: number;
  /** The entries with the lowest and highest seq; zeros in an empty part. */
  readonly oldest: Anchor;
  readonly newest: Anchor;
}

/** Where things are in a part of `count` records; offsets in bytes. */
export interface Layout {
  readonly blocks: number;
  readonly bloomOffset: number;
  readonly bloomBytes: number;
  readonly fenceOffset: number;
  readonly fileBytes: number;
}

export function layoutOf(count: number): Layout {
  const blocks = Math.ceil(count / recordsPerBlock);
  const bloomOffset = pageBytes * (1 + blocks);
  const bloomBytes = 4 * bloomWords(count);
  const fenceOffset = bloomOffset + bloomBytes;
  return { blocks, bloomOffset, bloomBytes, fenceOffset, fileBytes: fenceOffset + 4 * blocks };
}

/** The checksum of a block's records (everything behind its first word). */
export function blockSum(records: Uint8Array, salt: number, block: number): number {
  return crc32(records, (salt + Math.imul(block, 0x9e3779b1)) >>> 0);
}

/** What the checksums of a part's blocks are salted with. */
export function blockSalt(seedTag: number, afterSeq: number, throughSeq: number): number {
  return crc32(new Uint8Array(Float64Array.of(seedTag, afterSeq, throughSeq).buffer));
}

/** The header page. The two sums are those of the Bloom filter's and of the fences' bytes. */
export function encodeHeader(header: PartHeader, bloomSum: number, fenceSum: number): Uint8Array {
  const page = new Uint8Array(pageBytes);
  const view = new DataView(page.buffer);
  const whole = [
    magic,
    version,
    header.seedTag,
    bloomSum,
    fenceSum,
    header.oldest.hi,
    header.oldest.lo,
    header.newest.hi,
    header.newest.lo,
  ];
  whole.forEach((value, index) => view.setUint32(4 * index, value, true));
  const wide = [header.afterSeq, header.throughSeq, header.count, header.oldest.seq, header.newest.seq];
  wide.forEach((value, index) => view.setFloat64(40 + 8 * index, value, true));
  view.setUint32(headerBytes - 4, crc32(page.subarray(0, headerBytes - 4)), true);
  return page;
}

/** A header as read back, with the sums that the rest of the file must have. */
export interface ReadHeader extends PartHeader {
  readonly bloomSum: number;
  readonly fenceSum: number;
}

/** Null unless the page is a whole header of this version. */
export function decodeHeader(page: Uint8Array): ReadHeader | null {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const whole = (index: number) => view.getUint32(4 * index, true);
  const wide = (index: number) => view.getFloat64(40 + 8 * index, true);
  if (page.length < pageBytes || whole(0) !== magic || whole(1) !== version) return null;
  if (view.getUint32(headerBytes - 4, true) !== crc32(page.subarray(0, headerBytes - 4))) return null;
  return {
    seedTag: whole(2),
    bloomSum: whole(3),
    fenceSum: whole(4),
    afterSeq: wide(0),
    throughSeq: wide(1),
    count: wide(2),
    oldest: { seq: wide(3), hi: whole(5), lo: whole(6) },
    newest: { seq: wide(4), hi: whole(7), lo: whole(8) },
  };
}

/** The file name of a part: its stretch, so that a listing sorts by seq. */
export function partName(afterSeq: number, throughSeq: number): string {
  return `${afterSeq.toString().padStart(16, "0")}-${throughSeq.toString().padStart(16, "0")}.ids`;
}

export const partNamePattern = /^\d{16}-\d{16}\.ids$/;
/** Files that a crash left half-written. */
export const temporaryPattern = /^\d{16}-\d{16}\.ids\.tmp$/;
