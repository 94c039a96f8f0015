/**
 * Lets in what knocks twice. Who is asked for once, such as each recipient of a campaign, would only push out of a memory
 * who is asked for again, and give the garbage collector as much to look through as if it were of use.
 */
export class Door {
  /** Hashes of those who knocked last, by their lowest bits: another one with the same bits is forgotten for it. */
  readonly #knocks: Uint32Array;

  /** `places`: a power of two, several times as many as are asked for again. */
  constructor(places: number) {
    this.#knocks = new Uint32Array(places);
  }

  /** False the first time. Now and then true for somebody new, which does no harm. */
  admits(key: string): boolean {
    const hash = Bun.hash.xxHash32(key) || 1;
    const place = hash & (this.#knocks.length - 1);
    if (this.#knocks[place] === hash) return true;
    this.#knocks[place] = hash;
    return false;
  }

  clear(): void {
    this.#knocks.fill(0);
  }
}
