/**
 * The parts in use, oldest first and without a gap, and the merges that keep them few. A part whose block turns out
 * damaged is rebuilt from the journal on the spot: slow, but a lookup never answers from what it can't trust.
 */
import { rmSync } from "node:fs";
import { DamagedPartError, type Part } from "./part.ts";
import { nextMerge, type MergeRules, type Stretch } from "./partChain.ts";
import { PartJob, type PartFolder } from "./partJob.ts";
import { MergeSource } from "./partSource.ts";
import type { Matches } from "./recentIds.ts";

export interface PartSetOptions extends MergeRules {
  readonly folder: PartFolder;
  /** Makes parts for a stretch anew, from the journal. */
  readonly rebuild: (stretch: Stretch) => readonly Part[];
  /** Hears that a part was damaged and has been rebuilt. */
  readonly onRepair: (error: DamagedPartError) => void;
}

/** Repairs in one call; more mean that the disk returns something else than what is written to it. */
const maxRepairs = 64;

interface Merge {
  readonly job: PartJob;
  readonly parts: readonly Part[];
}

export class PartSet implements Disposable {
  readonly #options: PartSetOptions;
  readonly #parts: Part[];
  readonly #merges = new Map<number, Merge>();
  /** Parts have come or gone since a merge was last looked for. */
  #changed = true;
  #retiredBlockReads = 0;

  /** Takes over `parts`: a chain, oldest first. */
  constructor(parts: readonly Part[], options: PartSetOptions) {
    this.#parts = [...parts];
    this.#options = options;
  }

  get parts(): readonly Part[] {
    return this.#parts;
  }

  /** Blocks that lookups have read since open. */
  get blockReads(): number {
    return this.#parts.reduce((sum, part) => sum + part.blockReads, this.#retiredBlockReads);
  }

  get merging(): number {
    return this.#merges.size;
  }

  /** Throws DamagedPartError if parts stay damaged although they are made anew, and what making them throws. */
  find(hi: number, lo: number, source: number, messageId: string, matches: Matches): number | null {
    for (let repairs = 0; ; repairs += 1) {
      try {
        return this.#find(hi, lo, source, messageId, matches);
      } catch (error) {
        if (!(error instanceof DamagedPartError) || repairs === maxRepairs) throw error;
        this.#repair(error);
      }
    }
  }

  /** Adds a part that follows the newest one. */
  append(part: Part): void {
    this.#parts.push(part);
    this.#changed = true;
  }

  /** Merges on, at most `budget` ids a lane; true while there is more to do. Throws what the file system throws. */
  work(budget: number): boolean {
    this.#startMerges();
    for (const [lane, merge] of this.#merges) this.#stepMerge(lane, merge, budget);
    return this.#changed || this.#merges.size > 0;
  }

  /** Merges at once, waiting for the disk, until there are at most `count` parts or nothing is left to merge. */
  shrinkTo(count: number): void {
    for (let repairs = 0; this.#parts.length > count;) {
      const next = nextMerge(this.#mergeable(), this.#options, new Set());
      if (next === null) return;
      const parts = this.#run(next.first);
      try {
        this.#replace(parts, [new PartJob(this.#options.folder, new MergeSource(parts)).run()]);
      } catch (error) {
        if (!(error instanceof DamagedPartError) || repairs === maxRepairs) throw error;
        repairs += 1;
        this.#repair(error);
      }
    }
  }

  /** Gives up the merges under way; they begin anew later. */
  dropMerges(): void {
    for (const merge of this.#merges.values()) merge.job.drop();
    this.#merges.clear();
    this.#changed = true;
  }

  [Symbol.dispose](): void {
    this.dropMerges();
    for (const part of this.#parts) part[Symbol.dispose]();
    this.#parts.length = 0;
  }

  #find(hi: number, lo: number, source: number, messageId: string, matches: Matches): number | null {
    for (let index = this.#parts.length - 1; index >= 0; index -= 1) {
      const part = this.#parts[index];
      if (part === undefined || !part.bloom.mayHold(hi, lo)) continue;
      const seq = part.find(hi, lo, source, messageId, matches);
      if (seq !== null) return seq;
    }
    return null;
  }

  #startMerges(): void {
    while (this.#changed) {
      const next = nextMerge(this.#mergeable(), this.#options, new Set(this.#merges.keys()));
      if (next === null) {
        this.#changed = false;
        return;
      }
      const parts = this.#run(next.first);
      try {
        this.#merges.set(next.lane, {
          job: new PartJob(this.#options.folder, new MergeSource(parts)),
          parts,
        });
      } catch (error) {
        if (!(error instanceof DamagedPartError)) throw error;
        this.#repair(error);
      }
    }
  }

  #stepMerge(lane: number, merge: Merge, budget: number): void {
    try {
      const merged = merge.job.step(budget);
      if (merged === null) return;
      this.#merges.delete(lane);
      this.#replace(merge.parts, [merged]);
    } catch (error) {
      merge.job.drop();
      this.#merges.delete(lane);
      this.#changed = true;
      if (!(error instanceof DamagedPartError)) throw error;
      this.#repair(error);
    }
  }

  #run(first: number): readonly Part[] {
    return this.#parts.slice(first, first + this.#options.fanout);
  }

  #mergeable(): { afterSeq: number; throughSeq: number; count: number; busy: boolean }[] {
    const busy = new Set([...this.#merges.values()].flatMap((merge) => merge.parts));
    return this.#parts.map((part) => ({
      afterSeq: part.header.afterSeq,
      throughSeq: part.header.throughSeq,
      count: part.header.count,
      busy: busy.has(part),
    }));
  }

  /** Puts `fresh` in the place of the neighbours `old`, whose files go. */
  #replace(old: readonly Part[], fresh: readonly Part[]): void {
    const first = old[0];
    if (first === undefined) return;
    this.#parts.splice(this.#parts.indexOf(first), old.length, ...fresh);
    this.#changed = true;
    for (const part of old) {
      this.#retiredBlockReads += part.blockReads;
      part[Symbol.dispose]();
      rmSync(part.path, { force: true });
    }
  }

  /**
   * Rebuilds a damaged part. Its file goes first, so that a crash leaves a gap, which the next open sees; the part
   * itself stays in the set until its stead is ready, so that a failure here leads to another try, not to a hole.
   */
  #repair(error: DamagedPartError): void {
    const index = this.#parts.findIndex((part) => part === error.part);
    if (index < 0) return;
    for (const [lane, merge] of this.#merges) {
      if (!merge.parts.includes(error.part)) continue;
      merge.job.drop();
      this.#merges.delete(lane);
    }
    rmSync(error.part.path, { force: true });
    this.#parts.splice(index, 1, ...this.#options.rebuild(error.part.header));
    this.#changed = true;
    error.part[Symbol.dispose]();
    this.#options.onRepair(error);
  }
}
