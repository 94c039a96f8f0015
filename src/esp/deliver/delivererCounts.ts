/** What a destination did since the start, for people: counts, the last error, latency. */
import { Latency, Tally } from "../../lib/metrics.ts";
import type { Sent } from "./answers.ts";

export interface LastError {
  readonly atMs: number;
  readonly operation: string;
  readonly status: number | null;
  readonly reason: string;
}

/** Who hears how long it took from a change, by its seq, until a destination took it. */
export interface DeliveredListener {
  readonly onDelivered?: (seq: number, durationMs: number) => void;
}

export class DelivererCounts {
  /** Rows that were taken, by operation and lane. */
  readonly rows = new Tally();
  /** Requests by operation and outcome. */
  readonly requests = new Tally();
  /** From an event to its acknowledgement; what a backfill sends is not counted. */
  readonly latency = new Latency();
  lastError: LastError | null = null;
  lastSentAtMs: number | null = null;
  acknowledged = 0;
  failed = 0;

  note(sent: Sent, nowMs: number, onDelivered?: DeliveredListener["onDelivered"]): void {
    const { operation, kind, status, reason, deliveries } = sent;
    this.requests.add(operation, kind, 1);
    if (kind === "done" || kind === "rows" || kind === "job") {
      this.lastSentAtMs = nowMs;
      this.acknowledged += deliveries.length;
      for (const { lane, seq, sinceMs } of deliveries) {
        this.rows.add(operation, lane, 1);
        if (lane === "batch") continue;
        this.latency.note(nowMs - sinceMs);
        onDelivered?.(seq, nowMs - sinceMs);
      }
      return;
    }
    this.failed += deliveries.length;
    this.lastError = { atMs: nowMs, operation, status, reason: (reason ?? kind).slice(0, 500) };
  }
}
