/** Sleeping until there is something to do. */
import type { Timers } from "../../lib/timers.ts";

const longestMs = 3_600_000;

export class Wake {
  readonly #timers: Timers;
  readonly #sleepers = new Set<() => void>();
  #isOver = false;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Wakes everybody who sleeps now. */
  wake(): void {
    for (const end of this.#sleepers) end();
  }

  /** Nobody sleeps from now on. */
  end(): void {
    this.#isOver = true;
    this.wake();
  }

  /** Sleeps so long (null: until woken), or until woken. */
  async sleep(durationMs: number | null): Promise<void> {
    if (this.#isOver || (durationMs !== null && durationMs <= 0)) return;
    const over = Promise.withResolvers<void>();
    const end = () => over.resolve();
    this.#sleepers.add(end);
    using _timer = this.#timers.after(Math.min(durationMs ?? longestMs, longestMs), end);
    await over.promise;
    this.#sleepers.delete(end);
  }
}
