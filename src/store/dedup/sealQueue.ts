import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Part } from "./part.ts";
import { partName } from "./partFormat.ts";
import { PartJob, type PartFolder } from "./partJob.ts";
import { MemorySource } from "./partSource.ts";
import type { Matches, RecentIds } from "./recentIds.ts";

/** A full table whose ids, all committed, lie in (afterSeq, throughSeq]. */
export interface Frozen {
  readonly ids: RecentIds;
  readonly afterSeq: number;
  readonly throughSeq: number;
}

/**
 * Full tables on their way to becoming parts, oldest first; looked up until they are. Also minds the snapshot: the
 * small part that `close` leaves, whose ids are back in memory and whose file goes once another one covers them.
 */
export class SealQueue {
  readonly #folder: PartFolder;
  readonly #seedTag: number;
  readonly #waiting: Frozen[] = [];
  #job: PartJob | null = null;
  #snapshotPath: string | null;

  constructor(folder: PartFolder, seedTag: number, snapshotPath: string | null) {
    this.#folder = folder;
    this.#seedTag = seedTag;
    this.#snapshotPath = snapshotPath;
  }

  /** Tables that wait. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Ids in them. */
  get ids(): number {
    return this.#waiting.reduce((sum, { ids }) => sum + ids.count, 0);
  }

  push(frozen: Frozen): void {
    this.#waiting.push(frozen);
  }

  find(hi: number, lo: number, source: number, messageId: string, matches: Matches): number | null {
    for (let index = this.#waiting.length - 1; index >= 0; index -= 1) {
      const seq = this.#waiting[index]?.ids.find(hi, lo, source, messageId, matches) ?? null;
      if (seq !== null) return seq;
    }
    return null;
  }

  /** Goes on with the oldest table, at most `budget` ids; its part once that is on disk. Throws what the file system throws. */
  step(budget: number): Part | null {
    const frozen = this.#waiting[0];
    if (frozen === undefined) return null;
    this.#job ??= this.#jobFor(frozen);
    const part = this.#job.step(budget);
    if (part === null) return null;
    this.#job = null;
    this.#waiting.shift();
    this.#removeSnapshot(part.path);
    return part;
  }

  /** Seals the oldest table now, waiting for the disk; null if none waits. Throws what the file system throws. */
  sealNow(): Part | null {
    this.drop();
    const frozen = this.#waiting[0];
    if (frozen === undefined) return null;
    const part = this.#jobFor(frozen).run();
    this.#waiting.shift();
    this.#removeSnapshot(part.path);
    return part;
  }

  /** Leaves a table that is not full on disk for the next open. Throws what the file system throws. */
  writeSnapshot(frozen: Frozen): void {
    const path = join(this.#folder.path, partName(frozen.afterSeq, frozen.throughSeq));
    if (frozen.ids.count === 0 || path === this.#snapshotPath) return;
    this.#jobFor(frozen).run()[Symbol.dispose]();
    this.#removeSnapshot(path);
  }

  /** Gives up the part being made; it begins anew later. */
  drop(): void {
    this.#job?.drop();
    this.#job = null;
  }

  #jobFor({ ids, afterSeq, throughSeq }: Frozen): PartJob {
    return new PartJob(this.#folder, new MemorySource(ids.columns, this.#seedTag, afterSeq, throughSeq));
  }

  #removeSnapshot(coveredBy: string): void {
    if (this.#snapshotPath !== null && this.#snapshotPath !== coveredBy)
      rmSync(this.#snapshotPath, { force: true });
    this.#snapshotPath = null;
  }
}
