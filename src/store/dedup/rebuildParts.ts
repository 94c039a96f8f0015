import { IdColumns } from "./idColumns.ts";
import type { IdHash } from "./idHash.ts";
import type { Part } from "./part.ts";
import type { Stretch } from "./partChain.ts";
import { PartJob, type PartFolder } from "./partJob.ts";
import { MemorySource } from "./partSource.ts";

/** One journal row with a messageId, as the index reads it back. */
export interface IdRow {
  readonly seq: number;
  readonly source: number;
  /** The messageId; of an erased row `sha256:` and its digest in hex. */
  readonly messageId: string;
  readonly erased: boolean;
}

export interface RebuildOptions {
  readonly folder: PartFolder;
  readonly seedTag: number;
  readonly hash: IdHash;
  /** The rows after a seq that have a messageId, in order. */
  readonly tail: (afterSeq: number) => Iterable<IdRow>;
  /** Ids to a part. */
  readonly partIds: number;
  /** Hears of every row read. */
  readonly onRow: (seq: number) => void;
}

/** What reading a stretch gave: parts of `partIds` ids, and the rest, which begins after `afterSeq`. */
export interface Rebuilt {
  readonly parts: readonly Part[];
  readonly rest: IdColumns;
  readonly afterSeq: number;
}

/** Reads the journal's ids in a stretch anew (its end may be Infinity) and writes them as parts, on disk on return. */
export function rebuildParts(stretch: Stretch, options: RebuildOptions): Rebuilt {
  const parts: Part[] = [];
  try {
    return { parts, ...readStretch(stretch, options, parts) };
  } catch (error) {
    for (const part of parts) part[Symbol.dispose]();
    throw error;
  }
}

/** Adds full parts to `parts`; gives what is left over. */
function readStretch(
  stretch: Stretch,
  options: RebuildOptions,
  parts: Part[],
): { rest: IdColumns; afterSeq: number } {
  const { folder, seedTag, hash, partIds } = options;
  let { afterSeq } = stretch;
  let rest = new IdColumns(1024);
  for (const row of options.tail(afterSeq)) {
    if (row.seq > stretch.throughSeq) break;
    hashRow(hash, row);
    rest.push(hash.hi, hash.lo, row.seq);
    options.onRow(row.seq);
    if (rest.count < partIds) continue;
    parts.push(new PartJob(folder, new MemorySource(rest, seedTag, afterSeq, row.seq)).run());
    afterSeq = row.seq;
    rest = new IdColumns(partIds);
  }
  return { rest, afterSeq };
}

/** As rebuildParts, for a stretch with an end: the rest is written as a part too, even if it is empty. */
export function rebuildWhole(stretch: Stretch, options: RebuildOptions): readonly Part[] {
  const { parts, rest, afterSeq } = rebuildParts(stretch, options);
  if (afterSeq === stretch.throughSeq) return parts;
  return [
    ...parts,
    new PartJob(options.folder, new MemorySource(rest, options.seedTag, afterSeq, stretch.throughSeq)).run(),
  ];
}

/** Leaves the row's key in `hash`. */
export function hashRow(hash: IdHash, row: IdRow): void {
  if (row.erased) hash.ofErased(row.source, row.messageId);
  else hash.of(row.source, row.messageId);
}
