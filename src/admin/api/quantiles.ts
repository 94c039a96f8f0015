/** Quantiles of what happened between two readings of a latency's buckets. Pure. */
import { latencyBoundsMs } from "../../lib/metrics.ts";

/** The counts that came between two readings. */
export function countsBetween(before: readonly number[], after: readonly number[]): readonly number[] {
  return after.map((count, bucket) => Math.max(0, count - (before[bucket] ?? 0)));
}

/** About the value (milliseconds) that `share` of the durations stay below, by even spread in the bucket; null: none. */
export function quantileOf(counts: readonly number[], share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let left = total * share;
  for (const [bucket, count] of counts.entries()) {
    if (count === 0) continue;
    const upper = latencyBoundsMs[bucket] ?? latencyBoundsMs.at(-1) ?? 0;
    const lower = bucket === 0 ? 0 : (latencyBoundsMs[bucket - 1] ?? upper);
    if (left <= count) return round(lower + (upper - lower) * (left / count));
    left -= count;
  }
  return latencyBoundsMs.at(-1) ?? null;
}

function round(valueMs: number): number {
  return Math.round(valueMs * 100) / 100;
}
