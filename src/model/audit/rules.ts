/** How an operator wants audits to judge. Plain data; the defaults are said in docs/audits.md. */

/** What is expected of one trait. */
export interface TraitExpectation {
  readonly trait: string;
  /** Least share of profiles that have it, percent; null: only falls are told. */
  readonly coveragePercent: number | null;
  /** Overrides the max age that the trait declares; null: that one counts. */
  readonly maxAgeMs: number | null;
  /** Most of those that have it whose value is older; null: only rises are told. */
  readonly stalePercent: number | null;
}

/** One side of a fact that two sources tell. */
export interface FactSide {
  readonly source: string;
  readonly event: string;
  readonly property: string;
}

/** A fact that two sources tell, and what ties the two events. */
export interface CrossCheck {
  readonly name: string;
  /** The property that both events have, such as order_id. */
  readonly key: string;
  readonly left: FactSide;
  readonly right: FactSide;
  /** Numbers that differ by no more are the same. */
  readonly tolerance: number;
  /** How much later the other side may come. */
  readonly withinMs: number;
  /** Share that may differ or be missing, percent. */
  readonly mayDifferPercent: number;
}

export interface AuditRules {
  /** 0: only on demand. */
  readonly everyMs: number;
  /** An event that came less often on a day is not judged by its shares. */
  readonly minEvents: number;
  /** Fall of volume, percent; a rise counts from twice on. */
  readonly volumePercent: number;
  /** Rise of the share without a value, percentage points. */
  readonly nullsPoints: number;
  /** Share of a type that did not come before, percent. */
  readonly typePercent: number;
  /** How many times more, or fewer, different values. */
  readonly cardinalityTimes: number;
  /** How far values move, hundredths of the population stability index. */
  readonly distribution: number;
  readonly duplicatesPoints: number;
  readonly clockSkewMs: number;
  readonly coveragePoints: number;
  readonly stalePoints: number;
  /** Profiles whose fold is compared in a run. */
  readonly foldSample: number;
  readonly keepDays: number;
  readonly traits: readonly TraitExpectation[];
  readonly crossChecks: readonly CrossCheck[];
  /** Keys of findings that are not told; * stands for anything. */
  readonly ignore: readonly string[];
}

/** What holds where freshet.yaml says nothing. */
export const usualAuditRules: AuditRules = {
  everyMs: 3_600_000,
  minEvents: 50,
  volumePercent: 50,
  nullsPoints: 10,
  typePercent: 1,
  cardinalityTimes: 3,
  distribution: 25,
  duplicatesPoints: 3,
  clockSkewMs: 120_000,
  coveragePoints: 10,
  stalePoints: 10,
  foldSample: 200,
  keepDays: 400,
  traits: [],
  crossChecks: [],
  ignore: [],
};

/** True for a finding that the operator does not want to hear of. */
export function isIgnored(key: string, ignore: readonly string[]): boolean {
  return ignore.some((pattern) => {
    const parts = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${parts.join(".*")}$`, "s").test(key);
  });
}
