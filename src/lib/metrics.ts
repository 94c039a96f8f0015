/**
 * Counting on the hot path: plain numbers in plain arrays, no strings and no allocation. They are turned into
 * Prometheus text when somebody asks (admin/metrics.ts).
 */

/** A count by one or two labels, such as call and outcome. */
export class Tally {
  readonly #counts = new Map<string, Map<string, number>>();

  add(first: string, second: string, amount: number): void {
    let inner = this.#counts.get(first);
    if (inner === undefined) {
      inner = new Map();
      this.#counts.set(first, inner);
    }
    inner.set(second, (inner.get(second) ?? 0) + amount);
  }

  /** Every pair counted so far. */
  *entries(): IterableIterator<readonly [first: string, second: string, count: number]> {
    for (const [first, inner] of this.#counts)
      for (const [second, count] of inner) yield [first, second, count];
  }
}

/** Upper bounds of latency buckets, milliseconds. */
export const latencyBoundsMs = [
  0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 125, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000,
] as const;

/** How long something took, as counts by bucket. */
export class Latency {
  readonly #counts = new Float64Array(latencyBoundsMs.length + 1);
  #sumMs = 0;

  /** Notes one duration, or the same duration `times` times. Clocks that ran backwards count as 0. */
  note(durationMs: number, times = 1): void {
    const value = durationMs > 0 ? durationMs : 0;
    let bucket = 0;
    while (bucket < latencyBoundsMs.length && value > (latencyBoundsMs[bucket] ?? 0)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + times;
    this.#sumMs += value * times;
  }

  /** Counts by bucket (the last one is beyond all bounds), their number and sum. */
  read(): { readonly counts: readonly number[]; readonly total: number; readonly sumMs: number } {
    const counts = [...this.#counts];
    return { counts, total: counts.reduce((sum, count) => sum + count, 0), sumMs: this.#sumMs };
  }
}
