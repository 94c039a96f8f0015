/**
 * How many requests of a destination are under way at once. Rows are prepared ahead while others are, so that no
 * connection waits for a disk; a request is only made where one is free. A backfill leaves one of several to what is
 * urgent.
 */
import type { Lane } from "../../model/delivery/delivery.ts";

export class Connections {
  readonly #count: number;
  #used = 0;
  #usedByBatch = 0;
  readonly #urgent: (() => void)[] = [];
  readonly #batch: (() => void)[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  /** Resolves once there is one, to be disposed of when the answer is there. In the order of asking, urgent lanes first. */
  async take(lane: Lane): Promise<Disposable> {
    const isBatch = lane === "batch";
    if (!this.#isFree(isBatch)) {
      const free = Promise.withResolvers<void>();
      (isBatch ? this.#batch : this.#urgent).push(free.resolve);
      await free.promise;
    } else this.#use(isBatch);
    return { [Symbol.dispose]: () => this.#give(isBatch) };
  }

  #isFree(isBatch: boolean): boolean {
    const forBatch = Math.max(1, this.#count - 1);
    return this.#used < this.#count && (!isBatch || this.#usedByBatch < forBatch);
  }

  #use(isBatch: boolean): void {
    this.#used += 1;
    if (isBatch) this.#usedByBatch += 1;
  }

  #give(isBatch: boolean): void {
    this.#used -= 1;
    if (isBatch) this.#usedByBatch -= 1;
    for (const [waiting, isOfBatch] of [
      [this.#urgent, false],
      [this.#batch, true],
    ] as const)
      while (waiting.length > 0 && this.#isFree(isOfBatch)) {
        this.#use(isOfBatch);
        waiting.shift()?.();
      }
  }
}
