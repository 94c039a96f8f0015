/**
 * Opening the folder of parts: what stands there is held against the journal, and what does not pass (damaged,
 * truncated, of another journal, overlapping, ahead of the journal) is removed and made anew from the journal.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { IdColumns } from "./idColumns.ts";
import { DamagedPartError, Part } from "./part.ts";
import { chooseChain, type Stretch } from "./partChain.ts";
import { partName, partNamePattern, temporaryPattern, type Anchor } from "./partFormat.ts";
import { PartJob } from "./partJob.ts";
import { loadPart, MemorySource } from "./partSource.ts";
import { hashRow, rebuildParts, rebuildWhole, type RebuildOptions } from "./rebuildParts.ts";

export interface OpenIdsOptions extends RebuildOptions {
  readonly headSeq: number;
  /** Fewer ids than this are no part, but go on in memory. */
  readonly partSize: number;
}

/** What was found and made: `parts` is a chain up to `afterSeq`; the ids in (afterSeq, firmSeq] are in memory. */
export interface OpenedIds {
  readonly parts: readonly Part[];
  readonly recent: IdColumns;
  readonly afterSeq: number;
  readonly firmSeq: number;
  /** The file that holds the first of `recent`, to be removed once a part covers it; null if there is none. */
  readonly snapshotPath: string | null;
  /** Files that were not to be trusted. */
  readonly refused: readonly string[];
}

type Tail = Omit<OpenedIds, "refused">;

/** Throws what the file system and the journal throw. */
export function openIds(options: OpenIdsOptions): OpenedIds {
  const { sound, refused } = readFolder(options);
  const chain = chooseChain(
    sound.map((part) => ({ part, ...stretchOf(part) })),
    options.headSeq,
  );
  for (const { part } of chain.dropped) remove(part);
  const parts = chain.kept.map(({ part }) => part);
  for (const gap of chain.gaps) parts.push(...rebuildWhole(gap, options));
  parts.sort((a, b) => a.header.afterSeq - b.header.afterSeq);
  return { ...readTail(parts, options, refused), refused };
}

/** Completes the chain with what the journal holds behind it. */
function readTail(parts: readonly Part[], options: OpenIdsOptions, refused: string[]): Tail {
  const last = parts.at(-1);
  const read = rebuildParts({ afterSeq: last?.header.throughSeq ?? 0, throughSeq: Infinity }, options);
  const firmSeq = lastSeq(read.rest) ?? read.afterSeq;
  const { rest: recent, afterSeq } = read;
  const isSnapshot = last !== undefined && last.header.count < options.partSize && read.parts.length === 0;
  if (!isSnapshot) {
    return sealFull(
      { parts: [...parts, ...read.parts], recent, afterSeq, firmSeq, snapshotPath: null },
      options,
    );
  }
  const sealed = parts.slice(0, -1);
  const snapshot = takeSnapshot(last);
  if (snapshot === null) {
    refused.push(partName(last.header.afterSeq, last.header.throughSeq));
    return readTail(sealed, options, refused);
  }
  for (let entry = 0; entry < recent.count; entry += 1) {
    snapshot.push(recent.hi[entry] ?? 0, recent.lo[entry] ?? 0, recent.seq[entry] ?? 0);
  }
  const tail = {
    parts: sealed,
    recent: snapshot,
    afterSeq: last.header.afterSeq,
    firmSeq,
    snapshotPath: last.path,
  };
  return sealFull(tail, options);
}

/** Seals at once what is too much to be sealed later without a stall. */
function sealFull(tail: Tail, options: OpenIdsOptions): Tail {
  const { recent, afterSeq, firmSeq, snapshotPath } = tail;
  if (recent.count < options.partSize) return tail;
  const part = new PartJob(
    options.folder,
    new MemorySource(recent, options.seedTag, afterSeq, firmSeq),
  ).run();
  if (snapshotPath !== null && snapshotPath !== part.path) rmSync(snapshotPath, { force: true });
  const parts = [...tail.parts, part];
  return { parts, recent: new IdColumns(options.partSize), afterSeq: firmSeq, firmSeq, snapshotPath: null };
}

/** The ids of a small last part, as `close` leaves one, back in memory; null if the file turns out damaged. */
function takeSnapshot(part: Part): IdColumns | null {
  try {
    const columns = loadPart(part);
    part[Symbol.dispose]();
    return columns;
  } catch (error) {
    if (!(error instanceof DamagedPartError)) throw error;
    remove(part);
    return null;
  }
}

/** All whole parts of this journal in the folder; leftovers of a crash and anything refused are removed. */
function readFolder(options: OpenIdsOptions): { sound: Part[]; refused: string[] } {
  const { path } = options.folder;
  const sound: Part[] = [];
  const refused: string[] = [];
  for (const name of readdirSync(path)) {
    if (temporaryPattern.test(name)) rmSync(join(path, name), { force: true });
    if (!partNamePattern.test(name)) continue;
    const part = Part.open(join(path, name), options.seedTag);
    const { afterSeq, throughSeq } = part?.header ?? { afterSeq: -1, throughSeq: -1 };
    if (part !== null && name === partName(afterSeq, throughSeq) && agrees(part, options)) {
      sound.push(part);
      continue;
    }
    part?.[Symbol.dispose]();
    rmSync(join(path, name), { force: true });
    refused.push(name);
  }
  return { sound, refused };
}

/** True if the journal still has the part's first and last entry where the part says: it is the same history. */
function agrees(part: Part, options: OpenIdsOptions): boolean {
  const { throughSeq, oldest, newest } = part.header;
  // One that is ahead of the journal can't be compared; chooseChain drops it.
  return throughSeq > options.headSeq || (isInJournal(oldest, options) && isInJournal(newest, options));
}

function isInJournal(anchor: Anchor, options: OpenIdsOptions): boolean {
  const { hash } = options;
  if (anchor.seq === 0) return true;
  for (const row of options.tail(anchor.seq - 1)) {
    hashRow(hash, row);
    return row.seq === anchor.seq && hash.hi === anchor.hi && hash.lo === anchor.lo;
  }
  return false;
}

function lastSeq(columns: IdColumns): number | undefined {
  return columns.count === 0 ? undefined : columns.seq[columns.count - 1];
}

function stretchOf(part: Part): Stretch {
  return { afterSeq: part.header.afterSeq, throughSeq: part.header.throughSeq };
}

function remove(part: Part): void {
  part[Symbol.dispose]();
  rmSync(part.path, { force: true });
}
