/** What people are told of destinations. Times in milliseconds; nothing secret. */
import type { Lane } from "../../model/delivery/delivery.ts";
import type { Backfill, DeliveryStory } from "../../store/ops/deliveries.ts";

export interface LastError {
  readonly atMs: number;
  readonly operation: string;
  readonly status: number | null;
  readonly reason: string;
}

/** What went out in a span of time. */
export interface HistoryPoint {
  readonly atMs: number;
  readonly spanMs: number;
  readonly acknowledged: number;
  readonly failed: number;
  /** From event to acknowledgement, counts by the buckets of lib/metrics.ts. */
  readonly latency: readonly number[];
}

export interface DestinationReport {
  readonly name: string;
  readonly type: string;
  readonly namespace: "live" | "test";
  readonly can: readonly string[];
  /** `held`: its breaker keeps requests back; `stopped`: nothing is sent before somebody acts. */
  readonly state: "working" | "paused" | "stopped" | "held";
  /** Why it is stopped, in words. */
  readonly stopped: string | null;
  readonly lag: {
    /** Changes of the log that it has not looked at. */
    readonly changes: number;
    /** Age of the oldest thing that is not delivered. */
    readonly ms: number;
  };
  readonly queue: Readonly<Record<Lane, number>>;
  readonly jobs: number;
  readonly deadLetters: number;
  readonly backfill: (Backfill & { readonly share: number; readonly etaMs: number | null }) | null;
  readonly acknowledged: number;
  readonly failed: number;
  readonly lastSentAtMs: number | null;
  readonly lastError: LastError | null;
}

export interface ProbeReport {
  /** Null: it has no way to be tried. */
  readonly isGood: boolean | null;
  readonly sentence: string;
}

export interface PreviewReport {
  readonly profileId: string;
  /** The requests that would go out now for this profile, as they would be, without what is secret. */
  readonly requests: readonly { readonly operation: string; readonly text: string }[];
  /** Whether these are only what differs; else it has everything, and this is what a new profile would get. */
  readonly isDifference: boolean;
  readonly refused: readonly { readonly field: string; readonly why: string }[];
  /** Why nothing would be sent; null: it would. */
  readonly reason: string | null;
}

export interface DeliveryReport extends DeliveryStory {
  readonly type: string;
  /** Fields, audiences and suppressions that are sent next. */
  readonly unsent: readonly string[];
  readonly refused: PreviewReport["refused"];
  /** Why it gets nothing of this profile, or of it now; null: it does. */
  readonly reason: string | null;
}
