/** What the admin API answers about audits and freshness; the page is written against it. Times are ISO 8601 UTC. */
import type { Identifier } from "./profileWire.ts";

/** One finding. */
export interface FindingAnswer {
  readonly key: string;
  readonly kind: string;
  readonly severity: "critical" | "warning";
  readonly sentence: string;
  readonly advice: string;
  readonly source: string | null;
  readonly event: string | null;
  readonly property: string | null;
  readonly trait: string | null;
  readonly segment: string | null;
  readonly value: number;
  readonly expected: number | null;
  readonly since: string;
  /** When a run met it first. */
  readonly firstSeenAt: string;
}

/** One run. */
export interface RunAnswer {
  readonly id: number;
  readonly begunAt: string;
  readonly endedAt: string;
  readonly cause: string;
  readonly findings: number;
  readonly critical: number;
  /** Further ones that are not told one by one. */
  readonly left: number;
  /** Of what the run looked at; null: it did not look at profiles. */
  readonly profiles: number | null;
  readonly sealedBlocks: number;
  readonly foldsCompared: number;
}

/** GET /admin/api/audits */
export interface AuditsAnswer {
  /** Share of a run under way; null: none is. */
  readonly progress: number | null;
  /** 0: only on demand. */
  readonly everyMs: number;
  /** The newest run and what it found; null before the first. */
  readonly latest: { readonly run: RunAnswer; readonly findings: readonly FindingAnswer[] } | null;
  readonly runs: readonly RunAnswer[];
  readonly seals: { readonly blocks: number; readonly rows: number; readonly oldestCheckAt: string | null };
  /** What there are charts of. */
  readonly kinds: readonly { readonly source: string; readonly event: string }[];
  readonly traits: readonly TraitRowAnswer[];
  readonly segments: readonly { readonly segment: string; readonly profiles: number }[];
  /** When the newest scan of profiles was; null: there was none. */
  readonly scannedAt: string | null;
}

/** What profiles have of one trait. */
export interface TraitRowAnswer {
  readonly trait: string;
  readonly present: number;
  readonly profiles: number;
  /** Percent. */
  readonly coverage: number;
  /** Percent of those present that are older than the max age; null: it has none. */
  readonly stale: number | null;
  readonly maxAgeMs: number | null;
  /** Percent of those present, by type. */
  readonly types: Readonly<Record<string, number>>;
  readonly distinct: number;
  /** How many are of which age, by `ageBoundsMs`. */
  readonly ages: readonly number[];
}

/** GET /admin/api/audits/run */
export interface AuditRunAnswer {
  readonly run: RunAnswer;
  readonly findings: readonly FindingAnswer[];
}

/** An event to look at. */
export interface FindingEvent {
  readonly seq: number;
  readonly messageId: string;
  /** Null while it waits to be folded. */
  readonly profileId: string | null;
  readonly source: string;
  readonly name: string;
  readonly receivedAt: string;
  /** The property that the finding is about, as JSON; null: it is absent. */
  readonly value: string | null;
}

/** Two rows of a cross-check that differ. */
export interface DifferingRow {
  readonly key: string;
  readonly left: FindingEvent | null;
  readonly right: FindingEvent | null;
}

/** GET /admin/api/audits/finding: what a finding is about. */
export interface FindingDetailAnswer {
  readonly finding: FindingAnswer;
  readonly events: readonly FindingEvent[];
  readonly profiles: readonly { readonly profileId: string; readonly identifiers: readonly Identifier[] }[];
  readonly rows: readonly DifferingRow[];
}

/** One day of one kind of event. */
export interface DayAnswer {
  readonly at: string;
  readonly count: number;
  readonly hours: readonly number[];
  /** Percent of those looked into. */
  readonly duplicates: number;
  readonly people: number;
  /** Of a property that was asked for. */
  readonly property: {
    /** Percent of those looked into. */
    readonly missing: number;
    readonly distinct: number;
    readonly types: Readonly<Record<string, number>>;
  } | null;
}

/** GET /admin/api/audits/days */
export interface DaysAnswer {
  readonly source: string;
  readonly event: string;
  readonly days: readonly DayAnswer[];
  /** Properties there are charts of. */
  readonly properties: readonly string[];
}

/** GET /admin/api/audits/trait: a trait by day. */
export interface TraitDaysAnswer {
  readonly trait: string;
  readonly days: readonly { readonly at: string; readonly coverage: number; readonly stale: number | null }[];
}

/** Quantiles in milliseconds. */
export interface StageTimes {
  readonly count: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export interface FreshnessPoint {
  readonly at: string;
  readonly stages: Readonly<Record<string, StageTimes>>;
}

export interface FreshnessKind {
  readonly source: string;
  readonly event: string;
  /** Events that missed the target. */
  readonly late: number;
  readonly stages: Readonly<Record<string, StageTimes>>;
}

/** GET /admin/api/freshness */
export interface FreshnessAnswer {
  readonly range: string;
  readonly stages: readonly string[];
  readonly points: readonly FreshnessPoint[];
  /** The worst first. */
  readonly kinds: readonly FreshnessKind[];
  readonly target: {
    readonly stage: string;
    readonly withinMs: number;
    readonly share: number;
    readonly windowMs: number;
    /** Of the window. */
    readonly events: number;
    readonly late: number;
    /** How many of them may be late. */
    readonly budget: number;
    /** How many times faster than it may the budget is used up; null: no events. */
    readonly burnHour: number | null;
    readonly burnWindow: number | null;
    readonly days: readonly { readonly at: string; readonly events: number; readonly late: number }[];
  };
}
