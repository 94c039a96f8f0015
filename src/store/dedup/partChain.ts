/** Which parts stand, which stretches of the journal are missing, and which neighbours to merge next. Pure. */
import { maxSpan } from "./partFormat.ts";

/** The seqs in (afterSeq, throughSeq]. */
export interface Stretch {
  readonly afterSeq: number;
  readonly throughSeq: number;
}

export interface Chain<T> {
  /** Side by side without overlap, oldest first. */
  readonly kept: readonly T[];
  /** Superseded by a kept one, overlapping it, or ahead of the journal. */
  readonly dropped: readonly T[];
  /** The holes between the kept ones; what follows the last one is not a hole. */
  readonly gaps: readonly Stretch[];
}

/** Picks the parts to trust among those found; where several begin alike the longest wins, since it was made of the others. */
export function chooseChain<T extends Stretch>(found: readonly T[], headSeq: number): Chain<T> {
  const kept: T[] = [];
  const dropped: T[] = [];
  const gaps: Stretch[] = [];
  let reached = 0;
  for (const part of [...found].sort((a, b) => a.afterSeq - b.afterSeq || b.throughSeq - a.throughSeq)) {
    if (part.throughSeq > headSeq || part.afterSeq < reached) {
      dropped.push(part);
      continue;
    }
    if (part.afterSeq > reached) gaps.push({ afterSeq: reached, throughSeq: part.afterSeq });
    kept.push(part);
    reached = part.throughSeq;
  }
  return { kept, dropped, gaps };
}

export interface MergeRules {
  /** Ids in a freshly sealed part. */
  readonly partSize: number;
  /** Neighbours of one level that are merged into one of the next. */
  readonly fanout: number;
}

/** No part grows beyond this many ids. */
const maxPartIds = 2 ** 27;

/** More parts than this are merged although they differ in size; even a journal of a billion ids needs fewer. */
export function mostParts(fanout: number): number {
  return 8 * fanout;
}

/** The level of a part with this many ids: 0 fresh from sealing, one more per merge. */
export function levelOf(count: number, rules: MergeRules): number {
  let level = 0;
  for (let size = rules.partSize * rules.fanout; size <= count; size *= rules.fanout) level += 1;
  return level;
}

export interface Mergeable extends Stretch {
  readonly count: number;
  /** Taken by a merge that is under way. */
  readonly busy: boolean;
}

/**
 * Index of the first of `fanout` neighbours to merge, and the lane for it; null if nothing is due. There is a lane a
 * level, so that a long merge does not hold up short ones; lane -1 tidies up when odd sizes (after repairs) leave too
 * many parts that no level takes.
 */
export function nextMerge(
  parts: readonly Mergeable[],
  rules: MergeRules,
  lanesInUse: ReadonlySet<number>,
): { first: number; lane: number } | null {
  let tidy: { first: number; ids: number } | null = null;
  for (let first = 0; first + rules.fanout <= parts.length; first += 1) {
    const run = parts.slice(first, first + rules.fanout);
    const ids = run.reduce((sum, part) => sum + part.count, 0);
    if (run.some((part) => part.busy) || ids > maxPartIds || spanOf(run) > maxSpan) continue;
    const lane = levelOf(run[0]?.count ?? 0, rules);
    const even = run.every((part) => levelOf(part.count, rules) === lane);
    if (even && !lanesInUse.has(lane)) return { first, lane };
    if (tidy === null || ids < tidy.ids) tidy = { first, ids };
  }
  if (tidy === null || parts.length <= mostParts(rules.fanout) || lanesInUse.size > 0) return null;
  return { first: tidy.first, lane: -1 };
}

function spanOf(run: readonly Stretch[]): number {
  return (run.at(-1)?.throughSeq ?? 0) - (run[0]?.afterSeq ?? 0);
}
