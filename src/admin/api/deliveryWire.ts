/** What the admin API answers about destinations and triggers; the page is written against it. Times in milliseconds. */
import type { DeliveryReport, DestinationReport, ProbeReport } from "../../esp/deliver/reports.ts";
import type { DeadLetter } from "../../store/ops/deliveries.ts";

/** GET /admin/api/destinations */
export interface DestinationsAnswer {
  readonly destinations: readonly DestinationReport[];
  readonly nextCursor: null;
}

/** GET /admin/api/destination */
export interface DestinationAnswer {
  readonly destination: DestinationReport;
  /** Empty where nothing was sent; else one a span, oldest first. */
  readonly history: readonly {
    readonly atMs: number;
    readonly spanMs: number;
    readonly acknowledged: number;
    readonly failed: number;
    /** From event to acknowledgement. */
    readonly p50: number | null;
    readonly p95: number | null;
    readonly p99: number | null;
  }[];
}

/** GET /admin/api/destination/letters */
export interface LettersAnswer {
  readonly letters: readonly DeadLetter[];
  readonly nextCursor: string | null;
}

/** POST /admin/api/destination/act */
export type DestinationActAnswer =
  | { readonly kind: "done"; readonly count: number | null }
  | { readonly kind: "tested"; readonly report: ProbeReport }
  /** Null: it can't be read back. */
  | { readonly kind: "drift"; readonly report: DriftAnswer | null }
  | { readonly kind: "problem"; readonly problem: string };

export interface DriftAnswer {
  readonly sampled: number;
  readonly drifted: number;
  readonly repaired: number;
  readonly found: readonly { readonly profileId: string; readonly field: string | null }[];
}

/** A time that a trigger was set off. */
export interface TriggerEntryAnswer {
  readonly item: string;
  readonly trigger: string;
  readonly profile: string;
  readonly atMs: number;
  readonly outcome: string;
  readonly reason: string | null;
  readonly settledMs: number | null;
  readonly receipt: string | null;
  readonly goalMs: number | null;
}

interface Reached {
  readonly people: number;
  readonly reached: number;
}

/** GET /admin/api/triggers */
export interface TriggersAnswer {
  readonly triggers: readonly {
    readonly trigger: string;
    readonly words: string | null;
    readonly holdout: number;
    readonly goal: string | null;
    readonly outcomes: Readonly<Record<string, number>>;
    readonly reasons: readonly { readonly reason: string; readonly count: number }[];
    readonly lift: { readonly sent: Reached; readonly held_out: Reached };
  }[];
  readonly nextCursor: null;
}

/** GET /admin/api/triggers/log */
export interface TriggerLogAnswer {
  readonly log: readonly TriggerEntryAnswer[];
  readonly nextCursor: null;
}

/** GET /admin/api/profile/deliveries */
export interface ProfileDeliveriesAnswer extends TriggerLogAnswer {
  readonly destinations: readonly DeliveryReport[];
}
