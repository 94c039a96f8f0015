/** When changes became readable, for the newest groups of the writer. */

/** Groups remembered. A power of two. */
const remembered = 8_192;

export class VisibleTimes {
  readonly #seqs = new Float64Array(remembered);
  readonly #timesMs = new Float64Array(remembered);
  #count = 0;

  /** Everything up to this seq is readable from this instant on. To be called with every group. */
  note(seq: number, atMs: number): void {
    const last = this.#seqs[(this.#count - 1) & (remembered - 1)] ?? 0;
    if (this.#count > 0 && seq <= last) return;
    this.#seqs[this.#count & (remembered - 1)] = seq;
    this.#timesMs[this.#count & (remembered - 1)] = atMs;
    this.#count += 1;
  }

  /** When the change of that seq became readable; null where it has not, or where that is not remembered. */
  at(seq: number): number | null {
    let low = Math.max(0, this.#count - remembered);
    const first = low;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#seqs[middle & (remembered - 1)] ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    if (low === this.#count || (low === first && first > 0)) return null;
    return this.#timesMs[low & (remembered - 1)] ?? null;
  }
}
