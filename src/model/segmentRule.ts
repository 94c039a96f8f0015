/** A segment's rule as an operator means it: plain data, times in milliseconds, what is asked of one value in one clause. */
import type { Where } from "./selector.ts";
import type { ConsentClause } from "./segmentPlan.ts";
import type { ValueTest } from "./valueTest.ts";

export type SegmentRule =
  | { readonly kind: "all" | "any"; readonly of: readonly SegmentRule[] }
  | { readonly kind: "not"; readonly of: SegmentRule }
  /** `path`: a trait's name and the keys below it. Below a list the rest of the path is taken of each entry. */
  | { readonly kind: "trait"; readonly path: readonly string[]; readonly test: ValueTest }
  | EventRule
  | ConsentClause
  | { readonly kind: "segment"; readonly name: string }
  /** `sha256` names the content (lib/digestList.ts); `match` is the identifiers' type. */
  | {
      readonly kind: "list";
      readonly file: string;
      readonly sha256: string;
      readonly rows: number;
      readonly match: string;
    };

/** How often a track event came. Absent `windowMs`: ever; absent `times`: at least once. */
export interface EventRule {
  readonly kind: "event";
  readonly event: string;
  readonly where?: Where;
  readonly windowMs?: number;
  readonly times?: { readonly atLeast?: number; readonly atMost?: number };
}

/** A segment: its name and who is in it. */
export interface SegmentDefinition {
  readonly name: string;
  readonly rule: SegmentRule;
}

/** Clauses may be nested this deep, and a segment have this many. */
export const maxSegmentDepth = 8;
export const maxSegmentClauses = 100;

/** The files of the lists that a rule names, as freshet.yaml writes them. */
export function listFilesOf(rule: SegmentRule): readonly string[] {
  if (rule.kind === "list") return [rule.file];
  if (rule.kind === "not") return listFilesOf(rule.of);
  return rule.kind === "all" || rule.kind === "any" ? rule.of.flatMap(listFilesOf) : [];
}
