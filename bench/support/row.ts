/** What a row of the table is and what it reports. */
import type { Bench } from "./bench.ts";

/** A bound that the median is held against. */
export interface Aim {
  readonly kind: "atLeast" | "atMost";
  readonly value: number;
}

/** The figures of one row. With `floors`, pair i is ours[i] / floors[i] and the aim is for the median of these ratios. */
export interface Result {
  readonly id: string;
  readonly work: string;
  readonly floor: string | null;
  readonly unit: string;
  readonly ours: readonly number[];
  readonly floors: readonly number[] | null;
  readonly aim: Aim | null;
  readonly note: string;
}

/** One row file: measures one or more results that share servers. */
export interface Row {
  readonly name: string;
  /** When it runs: always, only with --long, only with --compare. */
  readonly when: "always" | "long" | "compare";
  readonly run: (bench: Bench) => Promise<readonly Result[]>;
}
