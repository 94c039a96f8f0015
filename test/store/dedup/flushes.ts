/** Disk flushes that end when the test says so. */
import type { Flush } from "../../../src/store/dedup/partJob.ts";

export class Flushes {
  readonly #waiting: ((error: Error | null) => void)[] = [];

  readonly flush: Flush = (_fd, done) => {
    this.#waiting.push(done);
  };

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Ends all flushes that wait, well or with an error of this code. */
  end(code?: string): void {
    const error = code === undefined ? null : Object.assign(new Error(`${code}: flush`), { code });
    for (const done of this.#waiting.splice(0)) done(error);
  }
}

/** Flushes that have ended before they return. */
export const instantFlush: Flush = (_fd, done) => done(null);
