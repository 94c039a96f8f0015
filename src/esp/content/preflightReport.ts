/** What a preflight tells. Plain data, for the server and the page alike. */

/** Ages up to so many milliseconds; the last bucket has no end. */
export const ageBoundsMs = [
  60_000,
  3_600_000,
  86_400_000,
  7 * 86_400_000,
  30 * 86_400_000,
  90 * 86_400_000,
] as const;

/** A recipient who gets less than the block, or old values. */
export interface WorstRow {
  /** The identifier that was given, or the profileId. */
  readonly who: string;
  readonly servedFrom: string | null;
  readonly reason: string | null;
  readonly isFallback: boolean;
  /** Of the oldest value in it; null: none has an age. */
  readonly oldestMs: number | null;
}

export interface Sample {
  readonly who: string;
  readonly servedFrom: string | null;
  readonly reason: string | null;
  readonly isFallback: boolean;
  readonly html: string;
}

/** Of one trait that the block needs. */
export interface NeedReport {
  /** Recipients by where their value comes from; `missing`: there is none. */
  readonly levels: Readonly<Record<string, number>>;
  /** Recipients by age, one more entry than `ageBoundsMs`; those without an age are in none. */
  readonly ages: readonly number[];
}

/** What a send would be. */
export interface PreflightReport {
  readonly block: string;
  readonly version: string;
  readonly recipients: number;
  /** Share of recipients who get the block itself and no fallback, 0 to 1; 1 for nobody. */
  readonly coverage: number;
  /** Recipients by the worst level that goes into their e-mail; `fallback`: they get that instead. */
  readonly levels: Readonly<Record<string, number>>;
  /** Recipients by reason; `none`: all is live. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly needs: Readonly<Record<string, NeedReport>>;
  readonly worst: readonly WorstRow[];
  readonly samples: readonly Sample[];
  /** What a sending of it asks of one core, and how much is sent. */
  readonly load: {
    readonly renderMicros: { readonly mean: number; readonly max: number };
    readonly answersPerSecond: number;
    readonly bytes: { readonly mean: number; readonly max: number; readonly total: number };
  };
}
