/**
 * A split-block Bloom filter: each key sets eight bits, one in each word of a single 32-byte block, so that a lookup
 * touches one cache line. Twelve bits a key give about one false "maybe" in two hundred. The blocks follow the order of
 * `hi`, so building one from sorted keys walks through memory in order.
 */

const wordsPerBlock = 8;
const blockBits = 32 * wordsPerBlock;
/** 1.5 bytes of memory an entry. */
export const bitsPerKey = 12;

/** Odd constants, one a word: the bit in that word is the top five bits of lo times it. */
const s0 = 0x47b6137b;
const s1 = 0x44974d91;
const s2 = 0x8824ad5b | 0;
const s3 = 0xa2b7289d | 0;
const s4 = 0x705495c7;
const s5 = 0x2df1424b;
const s6 = 0x9efc4947 | 0;
const s7 = 0x5c6bfb31;

/** 32-bit words of the filter for this many keys. */
export function bloomWords(count: number): number {
  return wordsPerBlock * Math.max(1, Math.ceil((count * bitsPerKey) / blockBits));
}

export class Bloom {
  readonly words: Int32Array;
  readonly #blocks: number;

  /** Over `words`, whose length comes from bloomWords. */
  constructor(words: Int32Array) {
    this.words = words;
    this.#blocks = words.length / wordsPerBlock;
  }

  add(hi: number, lo: number): void {
    const words = this.words;
    const at = this.#block(hi);
    words[at] = (words[at] ?? 0) | (1 << (Math.imul(lo, s0) >>> 27));
    words[at + 1] = (words[at + 1] ?? 0) | (1 << (Math.imul(lo, s1) >>> 27));
    words[at + 2] = (words[at + 2] ?? 0) | (1 << (Math.imul(lo, s2) >>> 27));
    words[at + 3] = (words[at + 3] ?? 0) | (1 << (Math.imul(lo, s3) >>> 27));
    words[at + 4] = (words[at + 4] ?? 0) | (1 << (Math.imul(lo, s4) >>> 27));
    words[at + 5] = (words[at + 5] ?? 0) | (1 << (Math.imul(lo, s5) >>> 27));
    words[at + 6] = (words[at + 6] ?? 0) | (1 << (Math.imul(lo, s6) >>> 27));
    words[at + 7] = (words[at + 7] ?? 0) | (1 << (Math.imul(lo, s7) >>> 27));
  }

  /**
   * False: the key was never added. True: it probably was. All eight bits are looked at, with one branch at the end
   * that is nearly always foreseen: a branch a bit would make each filter's memory wait for that of the one before.
   */
  mayHold(hi: number, lo: number): boolean {
    const words = this.words;
    const at = this.#block(hi);
    const bits =
      ((words[at] ?? 0) >>> (Math.imul(lo, s0) >>> 27)) &
      ((words[at + 1] ?? 0) >>> (Math.imul(lo, s1) >>> 27)) &
      ((words[at + 2] ?? 0) >>> (Math.imul(lo, s2) >>> 27)) &
      ((words[at + 3] ?? 0) >>> (Math.imul(lo, s3) >>> 27)) &
      ((words[at + 4] ?? 0) >>> (Math.imul(lo, s4) >>> 27)) &
      ((words[at + 5] ?? 0) >>> (Math.imul(lo, s5) >>> 27)) &
      ((words[at + 6] ?? 0) >>> (Math.imul(lo, s6) >>> 27)) &
      ((words[at + 7] ?? 0) >>> (Math.imul(lo, s7) >>> 27));
    return (bits & 1) === 1;
  }

  /** First word of the key's block. */
  #block(hi: number): number {
    return wordsPerBlock * Math.floor((hi * this.#blocks) / 4_294_967_296);
  }
}
