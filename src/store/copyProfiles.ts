/**
 * A copy of the profiles in a folder of its own, entry by entry. LMDB's own copy takes whole pages, and what a page
 * does not use may still hold what was in it before; a file that was empty holds nothing but what is put in.
 */
import {
  openProfileStore,
  type Due,
  type Member,
  type PieceEdit,
  type ProfileBatch,
  type ProfilesMeta,
  type ProfileStore,
} from "./lmdb.ts";
import type { IndexEdit } from "./profileIndex.ts";

const entriesAtOnce = 2_000;

/** Longer texts get pages of their own. */
const maxInlineBytes = 1_900;
const pageBytes = 4_096;
const entryOverheadBytes = 64;
/** A key and what is around it; pages are filled by half at least. */
const indexEntryBytes = 512;
/** Room for the pages along the way to an entry. */
const pathBytes = 1024 * 1024;

type Entries<K> = readonly (readonly [key: K, text: string])[];

/** Copies `from`, which nobody may write meanwhile, into an empty folder. Throws when LMDB can't write, or ENOSPC. */
export async function copyProfiles(from: ProfileStore, folder: string): Promise<void> {
  // A read transaction that is still open would show what was there before the last commit.
  from.refresh();
  const meta = from.readMeta();
  if (meta === null) throw new Error("profiles without a watermark can't be copied");
  const copy = openProfileStore(folder, { readOnly: false });
  try {
    for (const entries of pages((after) => profilesAfter(from, after), 0))
      copy.commit(batchOf(entries, [], meta));
    for (const pieces of piecePages(from)) copy.commit({ ...batchOf([], [], meta), ...withPieces(pieces) });
    for (const entries of pages((after) => idsAfter(from, after), ""))
      copy.commit(batchOf([], entries, meta));
    for (const edits of indexPages(from)) copy.commit({ ...batchOf([], [], meta), ...withIndex(edits) });
    // Where everybody was erased there is a watermark and nothing else.
    copy.commit(batchOf([], [], meta));
  } finally {
    await copy.close();
  }
}

function* piecePages(from: ProfileStore): Iterable<readonly PieceEdit[]> {
  for (let after: PieceEdit | null = null; ;) {
    const page: PieceEdit[] = from.scanPieces(after, entriesAtOnce);
    after = page.at(-1) ?? null;
    if (after === null) return;
    yield page;
  }
}

function withPieces(pieces: readonly PieceEdit[]): Pick<ProfileBatch, "pieces" | "grownBytes"> {
  return { pieces, grownBytes: pieces.reduce((sum, { text }) => sum + roomFor(text ?? ""), pathBytes) };
}

function* indexPages(from: ProfileStore): Iterable<readonly IndexEdit[]> {
  for (let after: Due | null = null; ;) {
    const page: Due[] = from.scanDue(after, Number.MAX_SAFE_INTEGER - 1, entriesAtOnce);
    if (page.length === 0) break;
    yield page.map((due) => ({ kind: "due", isThere: true, ...due }));
    after = page.at(-1) ?? null;
  }
  for (let after: Member | null = null; ;) {
    const page: Member[] = from.scanMembers(after, entriesAtOnce);
    if (page.length === 0) return;
    yield page.map((member) => ({ kind: "member", isThere: true, ...member }));
    after = page.at(-1) ?? null;
  }
}

function withIndex(index: readonly IndexEdit[]): Pick<ProfileBatch, "index" | "grownBytes"> {
  return { index, grownBytes: pathBytes + index.length * indexEntryBytes };
}

function profilesAfter(from: ProfileStore, after: number): Entries<number> {
  return from.scan(after, entriesAtOnce).map(({ pid, text }) => [pid, text]);
}

function idsAfter(from: ProfileStore, after: string): Entries<string> {
  return from.scanIds(after, entriesAtOnce).map(({ key, text }) => [key, text]);
}

function* pages<K>(read: (after: K) => Entries<K>, start: K): Iterable<Entries<K>> {
  for (let after: K = start; ;) {
    const entries = read(after);
    const last = entries.at(-1);
    if (last === undefined) return;
    yield entries;
    [after] = last;
  }
}

function batchOf(profiles: Entries<number>, ids: Entries<string>, meta: ProfilesMeta): ProfileBatch {
  const texts = [...profiles, ...ids].map(([, text]) => text);
  return {
    profiles: profiles.map(([pid, text]) => [pid, [text]]),
    clearedPids: [],
    pieces: [],
    putIds: (put) => ids.forEach(([key, text]) => put(key, text)),
    index: [],
    meta,
    touchedBytes: pathBytes,
    grownBytes: texts.reduce((sum, text) => sum + roomFor(text), pathBytes),
  };
}

function roomFor(text: string): number {
  const bytes = Buffer.byteLength(text) + entryOverheadBytes;
  // Inline entries fill their pages by half at least.
  if (bytes <= maxInlineBytes) return bytes * 2;
  return Math.ceil(bytes / pageBytes) * pageBytes + entryOverheadBytes * 2;
}
