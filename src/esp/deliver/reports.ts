/** What people are told of destinations. Times in milliseconds; nothing secret. */
import type { Lane } from "../../model/delivery/delivery.ts";
import type { Json } from "../../model/event.ts";
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
  /**
   * `held`: its breaker keeps requests back; `stopped`: nothing is sent before somebody acts; `removed`: freshet.yaml names
   * it no more, and what waits for it waits until it comes back or is forgotten.
   */
  readonly state: "working" | "paused" | "stopped" | "held" | "removed";
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
  /** What the last audit found, without whom; null: there was none since the start, or it can't be read. */
  readonly drift: Omit<DriftReport, "found"> | null;
}

/** One field that is another there. */
export interface Drifted {
  readonly profileId: string;
  /** Null: it does not know the profile. */
  readonly field: string | null;
  /** What it has; null: nothing. */
  readonly theirs: Json;
  /** What was acknowledged; null also where it has changed here since. */
  readonly ours: Json;
}

export interface DriftReport {
  readonly atMs: number;
  /** Profiles that could be read. */
  readonly sampled: number;
  /** Of them, those that differ. */
  readonly drifted: number;
  readonly fields: Readonly<Record<string, number>>;
  readonly found: readonly Drifted[];
  /** Profiles that are sent again. */
  readonly repaired: number;
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
