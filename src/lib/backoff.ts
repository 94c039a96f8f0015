/** How long to wait before trying again: exponential with full jitter, so that many who wait don't come at once. */
export interface Backoff {
  /** The most that the first wait can be. */
  readonly baseMs: number;
  /** The most that any wait can be. */
  readonly maxMs: number;
}

/** The wait before try number `attempt` (1 is the first repeat), milliseconds. `random` is in [0, 1). */
export function backoffMs(attempt: number, { baseMs, maxMs }: Backoff, random: number): number {
  const ceilingMs = Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 30));
  return Math.floor(ceilingMs * random);
}
