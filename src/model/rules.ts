/** Everything an operator configures that decides what a profile is. Plain data, so that the journal can remember it. */
import { compile, type Definition, type Definitions } from "./definition.ts";
import { compileSegments, type ListsByHash } from "./segmentCompile.ts";
import type { SegmentDefinition } from "./segmentRule.ts";

export interface Rules {
  readonly computed: readonly Definition[];
  readonly segments: readonly SegmentDefinition[];
}

/** Nothing configured. */
export const noRules: Rules = { computed: [], segments: [] };

/**
 * The rules in the form in which fold and reads want them; `lists` are those that segments name. Throws on rules that
 * contradict each other.
 */
export function compileRules(rules: Rules, lists: ListsByHash = new Map()): Definitions {
  const { segments, hidden } = compileSegments(rules.segments, lists);
  return { ...compile(rules.computed, undefined, hidden), segments };
}
