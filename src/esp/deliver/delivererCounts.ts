/** What a destination did since the start, for people: counts, the last error, latency. */
import { Latency, Tally } from "../../lib/metrics.ts";
import type { Sent } from "./answers.ts";
import { DeliveryHistory } from "./deliveryHistory.ts";
import type { DriftReport, LastError } from "./reports.ts";

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
  readonly history = new DeliveryHistory();
  lastError: LastError | null = null;
  /** What the last audit found, without whom. */
  drift: Omit<DriftReport, "found"> | null = null;
  lastSentAtMs: number | null = null;
  acknowledged = 0;
  failed = 0;

  note(sent: Sent, nowMs: number, onDelivered?: DeliveredListener["onDelivered"]): void {
    const { operation, kind, status, reason, deliveries, refused } = sent;
    const noteError = () => {
      this.lastError = { atMs: nowMs, operation, status, reason: (reason ?? kind).slice(0, 500) };
    };
    this.requests.add(operation, kind, 1);
    if (kind === "done" || kind === "rows" || kind === "job") {
      this.lastSentAtMs = nowMs;
      const taken = deliveries.filter((delivery) => !refused.has(delivery));
      this.acknowledged += taken.length;
      this.failed += refused.size;
      if (refused.size > 0) noteError();
      const latenciesMs: number[] = [];
      for (const { lane, seq, sinceMs } of taken) {
        this.rows.add(operation, lane, 1);
        if (lane === "batch") continue;
        this.latency.note(nowMs - sinceMs);
        latenciesMs.push(nowMs - sinceMs);
        onDelivered?.(seq, nowMs - sinceMs);
      }
      this.history.note(nowMs, taken.length, refused.size, latenciesMs);
      return;
    }
    this.failed += deliveries.length;
    this.history.note(nowMs, 0, deliveries.length, []);
    noteError();
  }
}
