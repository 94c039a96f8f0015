/** The change log as its readers see it: pull by seq, wait for more. All ways out read it through this. */
import type { Change } from "../model/change.ts";

export interface ChangeLog {
  /** Changes only when the journal itself is replaced. */
  readonly epoch: number;
  /** The newest seq that readers may see (committed and visible); 0 when there is none. */
  head(): number;
  /** The newest seq on disk. A cursor between head() and here is not of the future: readers will come to see it. */
  newest(): number;
  /** Reading resumes at any seq ≥ this; an older cursor has expired. 0 while nothing was trimmed. */
  floor(): number;
  /**
   * The changes after `afterSeq`, oldest first, at most `limit`, and `scannedTo`: the seq up to which the log was
   * read (go on from there, also when `changes` is empty). Reads shared in memory near the head.
   */
  read(afterSeq: number, limit: number): { readonly changes: readonly Change[]; readonly scannedTo: number };
  /**
   * The same of what tells what became of people alone: who merged, was taken apart again, was erased. Passes over a
   * bounded number of other changes, without reading them.
   */
  readPeople(afterSeq: number): { readonly changes: readonly Change[]; readonly scannedTo: number };
  /** Resolves true once head() > seq, false when the signal aborts or the log closes. */
  waitBeyond(seq: number, signal: AbortSignal): Promise<boolean>;
}
