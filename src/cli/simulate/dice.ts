/** Chance that a seed repeats. */
import { seededIds, type Ids } from "../../lib/id.ts";

export class Dice {
  readonly #ids: Ids;

  constructor(seed: number) {
    this.#ids = seededIds(seed);
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.#ids.random() * end);
  }

  /** True in this share of the throws. */
  chance(share: number): boolean {
    return this.#ids.random() < share;
  }

  /** One of a list, which must not be empty. */
  pick<T>(from: readonly T[]): T {
    const picked = from[this.below(from.length)];
    if (picked === undefined) throw new Error("there is nothing to pick from");
    return picked;
  }
}
