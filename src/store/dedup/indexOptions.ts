import type { IdHash } from "./idHash.ts";
import type { Flush } from "./partJob.ts";
import type { IdRow } from "./rebuildParts.ts";
import type { Matches } from "./recentIds.ts";

/** What a MessageIdIndex needs. */
export interface MessageIdIndexOptions {
  /** The folder of part files; made if missing. */
  readonly directory: string;
  /** Keys the hash; must differ between journals that can hold different rows at one seq (the journal's id and epoch). */
  readonly seed: string;
  /** Seq of the journal's newest committed row; 0 for an empty one. */
  readonly headSeq: number;
  /** Says whether the journal's row `seq` is this message; for an erased row by its digest. A row that is gone is not. */
  readonly matches: Matches;
  /** The committed rows after a seq that have a messageId, in order; exactly those that were added. */
  readonly tail: (afterSeq: number) => Iterable<IdRow>;
  /** Ids to a part. Memory for unsealed ids is about 25 bytes times twice this. */
  readonly partSize?: number;
  /** Parts of one size that are merged into one. */
  readonly fanout?: number;
  /** Hears how many journal rows were read so far, every 65,536 rows. */
  readonly progress?: (rows: number) => void;
  /** Hears of files that were not to be trusted, and of writing that failed and is tried again later. */
  readonly notice?: (level: "info" | "warn", message: string) => void;
  /** In place of the journal's keyed hash (tests). */
  readonly hash?: IdHash;
  /** In place of the system's fsync (tests). */
  readonly flush?: Flush;
}

/** Figures for metrics and tests. */
export interface MessageIdStats {
  readonly ids: number;
  readonly unsealedIds: number;
  readonly parts: number;
  readonly merging: number;
  readonly bloomBytes: number;
  readonly fileBytes: number;
  /** Blocks that lookups have read since open: one a repeat, and a rare one for a Bloom filter's false maybe. */
  readonly blockReads: number;
  /** Parts rebuilt since open because of damage. */
  readonly repairs: number;
}
