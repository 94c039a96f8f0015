/** Segments in the form in which they are decided: names resolved, what events they count known. Made by segmentCompile.ts. */
import type { ConsentStatus } from "./consentRule.ts";
import type { ValueTest } from "./valueTest.ts";

/** A number of events that is enough, and one that is not too many; null: none. */
export interface Times {
  readonly atLeast: number | null;
  readonly atMost: number | null;
}

/** The identifiers that a file lists. */
export interface ListSet {
  readonly size: number;
  has(value: string): boolean;
}

/** The person's own word on a channel, or on one topic of it; what holds where there is none doesn't matter. */
export interface ConsentClause {
  readonly kind: "consent";
  readonly channel: string;
  readonly topic: string | null;
  readonly is: ConsentStatus;
}

/** A clause of a segment. */
export type Clause = ClauseKind & {
  /** The clause for people. */
  readonly words: string;
};

type ClauseKind =
  | { readonly kind: "all" | "any"; readonly of: readonly Clause[] }
  | { readonly kind: "not"; readonly of: Clause }
  | { readonly kind: "trait"; readonly path: readonly string[]; readonly test: ValueTest }
  /** `tally`: name of the count that is kept for it, in `Definitions.hidden`. */
  | { readonly kind: "event"; readonly tally: string; readonly times: Times }
  | ConsentClause
  | { readonly kind: "segment"; readonly name: string }
  | { readonly kind: "list"; readonly list: ListSet; readonly match: string };

export interface SegmentPlan {
  readonly name: string;
  readonly clause: Clause;
}

/** All segments. */
export interface Segments {
  /** Number of segments; with 0 nothing is done for them. */
  readonly size: number;
  /** By name. A segment that another one asks for comes before it in `order`. */
  readonly byName: ReadonlyMap<string, SegmentPlan>;
  readonly order: readonly SegmentPlan[];
  /** Equal text, equal segments: membership decided under another fingerprint must be decided anew. */
  readonly fingerprint: string;
}

/** No segment at all. */
export const noSegments: Segments = { size: 0, byName: new Map(), order: [], fingerprint: "" };
