/**
 * The 64-bit key of a (source, messageId), the source being whose it is (messageIds.ts), in the index of message ids. It is made from SHA-256 of the messageId, so
 * that a row whose messageId was erased down to its digest (store/erase.ts) still gives the same key; and it is keyed
 * per journal, so that nobody outside can prepare messageIds whose keys collide.
 */

/** Turns ids into keys. The result stands in `hi` and `lo` (unsigned 32-bit) until the next call: no garbage. */
export interface IdHash {
  hi: number;
  lo: number;
  of(source: number, messageId: string): void;
  /** The same key from what erasure leaves of the messageId: `sha256:` and the digest of its UTF-8 in hex. */
  ofErased(source: number, erased: string): void;
}

const erasedPrefix = "sha256:";

/** The hash of one journal. `seed` must differ between journals that can hold different rows at one seq. */
export function idHash(seed: string): IdHash {
  return new KeyedIdHash(seed);
}

/** A short public name for a seed, kept in files so that another journal's files are noticed. Does not tell the seed. */
export function seedTag(seed: string): number {
  return words(`freshet/ids/2/tag/${seed}`)[0] ?? 0;
}

class KeyedIdHash implements IdHash {
  hi = 0;
  lo = 0;
  readonly #digest = new Uint8Array(32);
  readonly #words = new Uint32Array(this.#digest.buffer);
  readonly #key: Uint32Array;

  constructor(seed: string) {
    this.#key = words(`freshet/ids/key/${seed}`);
  }

  of(source: number, messageId: string): void {
    Bun.SHA256.hash(messageId, this.#digest);
    this.#mix(source);
  }

  ofErased(source: number, erased: string): void {
    for (let index = 0; index < this.#digest.length; index += 1) {
      const at = erasedPrefix.length + 2 * index;
      this.#digest[index] = Number.parseInt(erased.slice(at, at + 2), 16);
    }
    this.#mix(source);
  }

  /** 128 bits of the digest, the key and the source, down to 64 bits. */
  #mix(source: number): void {
    const digest = this.#words;
    const key = this.#key;
    const left = finish((digest[0] ?? 0) ^ (key[0] ?? 0)) + ((digest[1] ?? 0) ^ (key[1] ?? 0));
    const right = finish((digest[2] ?? 0) ^ (key[2] ?? 0)) + ((digest[3] ?? 0) ^ (key[3] ?? 0));
    this.hi = finish((left | 0) + Math.imul(source, 0x9e3779b1)) >>> 0;
    this.lo = finish((right | 0) + Math.imul(source, 0x85ebca77)) >>> 0;
  }
}

/** The finishing permutation of MurmurHash3 (32 bits). */
function finish(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function words(text: string): Uint32Array {
  const digest = new Uint8Array(32);
  Bun.SHA256.hash(text, digest);
  return new Uint32Array(digest.buffer);
}
