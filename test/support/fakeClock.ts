/** A clock that stands still until a test moves it. */
import type { Clock } from "../../src/lib/clock.ts";

export class FakeClock implements Clock {
  #nowMs: number;

  /** Starts at a fixed moment: 2026-11-24T09:00:00.000Z unless told otherwise. */
  constructor(nowMs = Date.UTC(2026, 10, 24, 9)) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  advance(durationMs: number): void {
    this.#nowMs += durationMs;
  }
}
