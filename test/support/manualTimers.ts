/** Timers that run when a test says so. */
import type { Timers } from "../../src/lib/timers.ts";

export class ManualTimers implements Timers {
  readonly #repeating = new Set<() => void>();
  readonly #waiting = new Set<{ readonly delayMs: number; readonly act: () => void }>();
  /** Interval of every repeating timer that was asked for. */
  readonly intervalsMs: number[] = [];

  readonly every = (intervalMs: number, act: () => void): Disposable => {
    this.intervalsMs.push(intervalMs);
    this.#repeating.add(act);
    return { [Symbol.dispose]: () => void this.#repeating.delete(act) };
  };

  readonly after = (delayMs: number, act: () => void): Disposable => {
    const timer = { delayMs, act };
    this.#waiting.add(timer);
    return { [Symbol.dispose]: () => void this.#waiting.delete(timer) };
  };

  /** Delays that are running now. */
  get delaysMs(): number[] {
    return [...this.#waiting].map(({ delayMs }) => delayMs);
  }

  /** Runs every repeating timer `times` times. */
  async tick(times = 1): Promise<void> {
    for (let time = 0; time < times; time += 1) {
      for (const act of this.#repeating) act();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** Lets every delay that is running end. */
  fire(): void {
    // What is set in the course of it waits for the next time.
    const due = Array.from(this.#waiting);
    this.#waiting.clear();
    for (const { act } of due) act();
  }
}
