/** What a destination did lately: a point every ten seconds for an hour, one a minute for a day; quiet times have none. */
import { Latency } from "../../lib/metrics.ts";
import type { HistoryPoint } from "./reports.ts";

interface Span {
  readonly spanMs: number;
  readonly most: number;
  readonly points: { atMs: number; acknowledged: number; failed: number; latency: Latency }[];
}

export class DeliveryHistory {
  readonly #fine: Span = { spanMs: 10_000, most: 360, points: [] };
  readonly #coarse: Span = { spanMs: 60_000, most: 1_440, points: [] };

  /** Notes rows of one request; `latenciesMs`: from the event to now, of those that are not a backfill's. */
  note(nowMs: number, acknowledged: number, failed: number, latenciesMs: readonly number[]): void {
    for (const span of [this.#fine, this.#coarse]) {
      const point = pointAt(span, nowMs);
      point.acknowledged += acknowledged;
      point.failed += failed;
      for (const latencyMs of latenciesMs) point.latency.note(latencyMs);
    }
  }

  /** Points of that many milliseconds each, oldest first. */
  read(range: "hour" | "day", nowMs: number): readonly HistoryPoint[] {
    const { points, spanMs, most } = range === "hour" ? this.#fine : this.#coarse;
    return points
      .filter(({ atMs }) => atMs > nowMs - spanMs * most)
      .map(({ atMs, acknowledged, failed, latency }) => {
        return { atMs, spanMs, acknowledged, failed, latency: latency.read().counts };
      });
  }
}

/** The point of now; a clock that went back adds to the newest. */
function pointAt({ spanMs, most, points }: Span, nowMs: number): Span["points"][number] {
  const atMs = Math.floor(nowMs / spanMs) * spanMs;
  const newest = points.at(-1);
  if (newest !== undefined && newest.atMs >= atMs) return newest;
  const point = { atMs, acknowledged: 0, failed: 0, latency: new Latency() };
  points.push(point);
  if (points.length > most) points.shift();
  return point;
}
