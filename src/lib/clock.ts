/** Where time comes from. Everything that needs "now" takes a Clock, so tests decide what time it is. */
export interface Clock {
  /** Wall time, milliseconds since the Unix epoch, an integer. */
  nowMs(): number;
  /** A monotonic reading in milliseconds with fractions, for measuring durations only. */
  monotonicMs(): number;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => Bun.nanoseconds() / 1e6,
};
