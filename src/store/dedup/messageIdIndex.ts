/**
 * Is (source, messageId) in the journal already? Exact, and as fast on an old journal as on a new one.
 *
 * The newest ids are in memory (RecentIds). When they are as many as a part holds, they are sealed: frozen, sorted and
 * written to a part file a step at a time, while a new table takes what comes. Equal parts are merged into larger
 * ones, so that their number grows with the logarithm of the journal. A lookup asks the tables and then each part's
 * Bloom filter; a key that is found counts only if the journal's own row says that it is that message (`matches`).
 *
 * The journal is the truth and the folder only its index: any file may be missing, damaged or old at open, and is then
 * made anew. Only committed rows are ever sealed. Not for sharing: one process, one thread, one index a folder.
 */
import { closeSync, mkdirSync, openSync } from "node:fs";
import { idHash, seedTag, type IdHash } from "./idHash.ts";
import type { MessageIdIndexOptions, MessageIdStats } from "./indexOptions.ts";
import { openIds } from "./openIds.ts";
import type { DamagedPartError } from "./part.ts";
import { mostParts } from "./partChain.ts";
import { systemFlush } from "./partJob.ts";
import { PartSet } from "./partSet.ts";
import { rebuildWhole, type RebuildOptions } from "./rebuildParts.ts";
import { RecentIds } from "./recentIds.ts";
import { SealQueue } from "./sealQueue.ts";

const defaultPartSize = 131_072;
const defaultFanout = 4;
const progressEveryRows = 65_536;
/** Ids sealed in one step of `work`. */
const sealStepIds = 4_096;
/** Ids merged in one step of `work`, a lane: four for each one added, since each is merged once a level. */
const mergeIdsPerAdd = 4;
const leastMergeIds = 256;
const mostMergeIds = 32_768;
/** Frozen tables that may wait while parts can't be written; then adding waits for the disk, and fails with it. */
const maxFrozen = 8;

export class MessageIdIndex implements Disposable {
  readonly #options: MessageIdIndexOptions;
  readonly #hash: IdHash;
  readonly #partSize: number;
  readonly #rebuild: RebuildOptions;
  readonly #parts: PartSet;
  readonly #queue: SealQueue;
  #recent: RecentIds;
  /** The recent table begins after this seq. */
  #afterSeq: number;
  /** The last seq that is committed, and the last one added. */
  #firmSeq: number;
  #lastSeq: number;
  #addsSinceWork = 0;
  /** After a failed write, nothing is written before so many more ids have come. */
  #pauseIds = 0;
  #repairs = 0;
  #closed = false;
  /** The id whose key stands in #hash: `add` mostly follows `find`. */
  #hashedSource = -1;
  #hashedId = "";

  private constructor(options: MessageIdIndexOptions, folderFd: number) {
    this.#options = options;
    this.#hash = options.hash ?? idHash(options.seed);
    this.#partSize = options.partSize ?? defaultPartSize;
    const fanout = options.fanout ?? defaultFanout;
    const folder = { path: options.directory, fd: folderFd, flush: options.flush ?? systemFlush };
    this.#rebuild = {
      folder,
      seedTag: seedTag(options.seed),
      hash: this.#hash,
      tail: options.tail,
      partIds: this.#partSize * fanout,
      onRow: this.#counter(),
    };
    const opened = openIds({ ...this.#rebuild, headSeq: options.headSeq, partSize: this.#partSize });
    this.#recent = new RecentIds(this.#partSize, opened.recent);
    this.#afterSeq = opened.afterSeq;
    this.#firmSeq = opened.firmSeq;
    this.#lastSeq = opened.firmSeq;
    this.#queue = new SealQueue(folder, this.#rebuild.seedTag, opened.snapshotPath);
    this.#parts = new PartSet(opened.parts, {
      folder,
      partSize: this.#partSize,
      fanout,
      rebuild: (stretch) => this.#rebuildWhole(stretch),
      onRepair: (error) => this.#repaired(error),
    });
    for (const name of opened.refused)
      options.notice?.(
        "warn",
        `the messageId index had a damaged or foreign file, ${name}; it was made anew from the journal`,
      );
    this.#parts.shrinkTo(mostParts(fanout));
  }

  /** Opens the index, making anew from the journal what is missing. Throws what the file system and the journal throw. */
  static open(options: MessageIdIndexOptions): MessageIdIndex {
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    const fd = openSync(options.directory, "r");
    try {
      return new MessageIdIndex(options, fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** The seq of the row with that messageId, exactly, committed or added since; null if there is none. */
  find(source: number, messageId: string): number | null {
    const { matches } = this.#options;
    this.#hashOf(source, messageId);
    const { hi, lo } = this.#hash;
    return (
      this.#recent.find(hi, lo, source, messageId, matches) ??
      this.#queue.find(hi, lo, source, messageId, matches) ??
      this.#parts.find(hi, lo, source, messageId, matches)
    );
  }

  /**
   * Adds a row of the open transaction; seqs must ascend. Throws what the file system throws if parts could not be
   * written for so long that memory for waiting ids is used up and can't be written now either.
   */
  add(source: number, messageId: string, seq: number): void {
    if (seq <= this.#lastSeq) throw new Error(`messageIds must come in order: ${seq} after ${this.#lastSeq}`);
    if (this.#queue.length >= maxFrozen) this.#sealNow();
    this.#hashOf(source, messageId);
    this.#recent.add(this.#hash.hi, this.#hash.lo, seq, source, messageId);
    this.#lastSeq = seq;
    this.#addsSinceWork += 1;
  }

  /** What was added since the last commit is in the journal. Never throws. */
  commit(): void {
    this.#recent.commit();
    this.#firmSeq = this.#lastSeq;
    if (this.#recent.count >= this.#partSize) this.#freeze();
  }

  /** What was added since the last commit never was. Never throws. */
  rollback(): void {
    this.#recent.rollback();
    this.#lastSeq = this.#firmSeq;
  }

  /**
   * A bounded piece of sealing and merging; call after each group, outside of a transaction. True while there is more
   * (it may be waiting for the disk). `mergeIds` is for idle times; by default the pace follows what was added. A full
   * disk is noticed and tried again later; an I/O error (EIO) is thrown: the disk can't be trusted any more.
   */
  work(mergeIds?: number): boolean {
    const added = this.#addsSinceWork;
    this.#addsSinceWork = 0;
    this.#pauseIds = Math.max(0, this.#pauseIds - added);
    if (this.#pauseIds > 0) return true;
    const budget = mergeIds ?? Math.min(mostMergeIds, leastMergeIds + mergeIdsPerAdd * added);
    try {
      const sealed = this.#queue.step(sealStepIds);
      if (sealed !== null) this.#parts.append(sealed);
      return this.#parts.work(budget) || this.#queue.length > 0;
    } catch (error) {
      this.#writeFailed(error);
      return true;
    }
  }

  stats(): MessageIdStats {
    const { parts } = this.#parts;
    const unsealedIds = this.#recent.count + this.#queue.ids;
    const total = (of: (part: (typeof parts)[number]) => number) =>
      parts.reduce((sum, part) => sum + of(part), 0);
    return {
      ids: unsealedIds + total((part) => part.header.count),
      unsealedIds,
      parts: parts.length,
      merging: this.#parts.merging,
      bloomBytes: total((part) => part.bloom.words.byteLength),
      fileBytes: total((part) => part.fileBytes),
      blockReads: this.#parts.blockReads,
      repairs: this.#repairs,
    };
  }

  /** Writes the unsealed ids, so that the next open reads nothing of the journal, and lets go. Uncommitted ones are forgotten. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.rollback();
    try {
      this.#parts.dropMerges();
      this.#sealNow();
      this.#queue.writeSnapshot({ ids: this.#recent, afterSeq: this.#afterSeq, throughSeq: this.#firmSeq });
    } catch (error) {
      this.#options.notice?.(
        "warn",
        `the newest messageIds could not be written and will be read from the journal: ${describe(error)}`,
      );
    }
    this.#letGo();
  }

  /** Lets go of files and memory at once, writing nothing: as a kill would. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#letGo();
  }

  #letGo(): void {
    this.#queue.drop();
    this.#parts[Symbol.dispose]();
    closeSync(this.#rebuild.folder.fd);
  }

  #hashOf(source: number, messageId: string): void {
    if (source === this.#hashedSource && messageId === this.#hashedId) return;
    this.#hash.of(source, messageId);
    this.#hashedSource = source;
    this.#hashedId = messageId;
  }

  #freeze(): void {
    this.#queue.push({ ids: this.#recent, afterSeq: this.#afterSeq, throughSeq: this.#firmSeq });
    this.#afterSeq = this.#firmSeq;
    this.#recent = new RecentIds(this.#partSize);
  }

  /** Seals all that waits for it, waiting for the disk. */
  #sealNow(): void {
    for (let part = this.#queue.sealNow(); part !== null; part = this.#queue.sealNow())
      this.#parts.append(part);
  }

  #writeFailed(error: unknown): void {
    this.#queue.drop();
    if (codeOf(error) === "EIO") throw error;
    this.#pauseIds = Math.ceil(this.#partSize / 8);
    this.#options.notice?.(
      "warn",
      `the messageId index can't be written and will be tried again: ${describe(error)}`,
    );
  }

  #rebuildWhole(stretch: { afterSeq: number; throughSeq: number }): ReturnType<typeof rebuildWhole> {
    // Rebuilding hashes other ids with the same hash.
    this.#hashedSource = -1;
    return rebuildWhole(stretch, this.#rebuild);
  }

  #repaired(error: DamagedPartError): void {
    this.#repairs += 1;
    this.#options.notice?.("warn", `the messageId index was damaged and has been repaired: ${error.message}`);
  }

  #counter(): (seq: number) => void {
    let rows = 0;
    return () => {
      rows += 1;
      if (rows % progressEveryRows === 0) this.#options.progress?.(rows);
    };
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
