/**
 * The one place that opens LMDB: profiles by number, identifiers to where they lead, and the watermark.
 * It is a cache of the journal: written without fsync, thrown away when it can't be trusted (see boot.ts). Where the
 * file system allows it, pages are written through memory: a third of the cost of a put (docs/storage.md).
 */
import { asBinary, open, type Database, type RootDatabase, type Transaction } from "lmdb";
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Namespace } from "../model/event.ts";
import type { AudienceSizes, IndexEdit } from "./profileIndex.ts";
import { appendTo, type TextPart, type Utf8 } from "./evidencePieces.ts";
import { MapSpace, overwritesInPlace } from "./mapSpace.ts";

/** Format of what is stored; another one is rebuilt from the journal. */
export const profilesFormat = 3;

/** What the folder says of itself; compared with the journal at boot. */
export interface ProfilesMeta {
  readonly format: number;
  readonly journalId: string;
  /** Seq of the last journal row whose effect is in here. */
  readonly watermark: number;
  /** Anonymous ids whose events must be attributed anew, with the users to take in (see refold.ts). */
  readonly pendingRefolds: readonly (readonly [anonymousKey: string, users: readonly string[]])[];
  /** Which computed traits' evidence is in here (usedDefinitions.ts); empty: none's. */
  readonly evidence: string;
  readonly audiences: AudienceSizes;
}

/** A profile that falls due. */
export interface Due {
  readonly dueMs: number;
  readonly pid: number;
}

/** A profile in a segment. */
export interface Member {
  readonly namespace: Namespace;
  readonly segment: string;
  readonly pid: number;
}

/** Pieces of profiles' evidence (evidencePieces.ts). */
export interface StoredPieces {
  readPiece(pid: number, number: number): string | undefined;
}

/** A piece to put or, without a text, to remove. */
export interface PieceEdit {
  readonly pid: number;
  readonly number: number;
  readonly text: string | null;
}

export interface ProfileStore extends StoredPieces {
  readonly folder: string;
  readProfile(pid: number): string | undefined;
  readId(key: string): string | undefined;
  readMeta(): ProfilesMeta | null;
  /** Puts and removals of one group with its meta, all or nothing. Throws when LMDB can't write. */
  commit(batch: ProfileBatch): void;
  /** Profiles in pid order after `afterPid`, at most `limit`. */
  scan(afterPid: number, limit: number): { readonly pid: number; readonly text: string }[];
  /** Pieces of evidence after `after` (null: from the first), by profile and number, at most `limit`. */
  scanPieces(after: PieceEdit | null, limit: number): PieceEdit[];
  /** Every identifier after `afterKey` in key order, at most `limit`. */
  scanIds(afterKey: string, limit: number): { readonly key: string; readonly text: string }[];
  /** Profiles that fall due, in due order after `after` (null: from the first), up to `upToMs`, at most `limit`. */
  scanDue(after: Due | null, upToMs: number, limit: number): Due[];
  /** Profiles of a segment in pid order after `afterPid`, at most `limit`. */
  membersOf(namespace: Namespace, segment: string, afterPid: number, limit: number): number[];
  /** Every profile of every segment, in a fixed order after `after`, at most `limit`. */
  scanMembers(after: Member | null, limit: number): Member[];
  /** Runs `work` on the profiles as they are at this moment, whatever is committed meanwhile. */
  snapshot<T>(work: (frozen: FrozenProfiles) => T): T;
  /** Lets later reads see commits made by another thread. */
  refresh(): void;
  sizeBytes(): number;
  entryCounts(): { readonly profiles: number; readonly identifiers: number };
  close(): Promise<void>;
}

/** The part of a store that what is folded in memory stands before. */
export type StoredProfiles = Pick<ProfileStore, "readProfile" | "readPiece" | "readId" | "readMeta">;

/** The part of a store that a snapshot offers. */
export type FrozenProfiles = Pick<
  ProfileStore,
  "readMeta" | "readProfile" | "readPiece" | "scan" | "scanIds" | "scanDue" | "scanMembers"
>;

/** A profile to put, its text in parts, or without one to remove. */
export type ProfileEdit = readonly [pid: number, text: readonly TextPart[] | null];

export interface ProfileBatch {
  readonly profiles: readonly ProfileEdit[];
  /** Profiles whose pieces all go, before any is put. */
  readonly clearedPids: readonly number[];
  readonly pieces: readonly PieceEdit[];
  /** Gives every identifier's entry to `put`; null removes it. */
  readonly putIds: (put: (key: string, text: string | null) => void) => void;
  readonly index: readonly IndexEdit[];
  readonly meta: ProfilesMeta;
  /** Bytes of pages that the batch may replace. */
  readonly touchedBytes: number;
  /** Bytes by which the profiles may grow. */
  readonly grownBytes: number;
}

const metaKey = "meta";

/** Room for the table of 256 readers. */
const lockFileBytes = 20_480;

/** Room for the first pages, with some to spare. */
const firstRoomBytes = 256 * 1024;

/** First size of the map: address space, and the apparent size of the file, not disk. lmdb doubles it as needed. */
const firstMapBytes = 64 * 1024 * 1024;

/** Opens the folder, for writing also makes it. */
export function openProfileStore(folder: string, options: { readonly readOnly: boolean }): ProfileStore {
  if (!options.readOnly) prepareFolder(folder);
  const throughMemory = !options.readOnly && overwritesInPlace(folder);
  const root: RootDatabase<string, string> = open({
    path: folder,
    noSubdir: false,
    maxDbs: 8,
    mapSize: firstMapBytes,
    readOnly: options.readOnly,
    noSync: true,
    useWritemap: throughMemory,
    noMemInit: false,
    encoding: "string",
    compression: false,
    maxReaders: 256,
    commitDelay: 0,
  });
  const reused = new ReusedValue();
  const profiles: Database<string, number> = root.openDB({ name: "profiles", encoding: "string" });
  const pieces: Database<string, PieceKey> = root.openDB({ name: "pieces", encoding: "string" });
  const ids: Database<string, string> = root.openDB({ name: "ids", encoding: "string" });
  const meta: Database<string, string> = root.openDB({ name: "meta", encoding: "string" });
  const due: Database<string, DueKey> = root.openDB({ name: "due", encoding: "string" });
  const members: Database<string, MemberKey> = root.openDB({ name: "members", encoding: "string" });
  const piecesOf = (pid: number) => pieces.getKeys(rangeOf(pieceStart(pid), pieceStart(pid + 1)));
  const scanDue = (after: Due | null, upToMs: number, limit: number, transaction?: Transaction): Due[] =>
    limited(due.getKeys(rangeOf(dueStart(after), [upToMs + 1, 0], transaction)), limit, ([dueMs, pid]) =>
      after?.dueMs === dueMs && after.pid === pid ? null : { dueMs, pid },
    );
  const scanMembers = (after: Member | null, limit: number, transaction?: Transaction): Member[] =>
    limited(members.getKeys(rangeOf(memberStart(after), undefined, transaction)), limit, (key) => {
      const [space, segment, pid] = key;
      const member: Member = { namespace: space === 1 ? "test" : "live", segment, pid };
      return after !== null && Bun.deepEquals(member, after) ? null : member;
    });
  const file = join(folder, "data.mdb");
  const space = throughMemory ? new MapSpace(file, () => usedBytes(root)) : null;
  return {
    folder,
    readProfile: (pid) => profiles.get(pid),
    readPiece: (pid, number) => pieces.get([pid, number]),
    readId: (key) => ids.get(key),
    readMeta: () => parseMeta(meta.get(metaKey)),
    commit: (batch) => {
      space?.reserve(batch.touchedBytes, batch.grownBytes);
      root.transactionSync(() => {
        for (const [pid, text] of batch.profiles) {
          if (text === null) profiles.removeSync(pid);
          else profiles.putSync(pid, reused.of(text));
        }
        for (const pid of batch.clearedPids)
          for (const key of limited(piecesOf(pid), Infinity, (found) => found)) pieces.removeSync(key);
        for (const { pid, number, text } of batch.pieces) {
          if (text === null) pieces.removeSync([pid, number]);
          else pieces.putSync([pid, number], reused.of([text]));
        }
        batch.putIds((key, text) => {
          if (text === null) ids.removeSync(key);
          else ids.putSync(key, reused.of([text]));
        });
        for (const edit of batch.index) {
          if (edit.kind === "due") edited(due, [edit.dueMs, edit.pid], edit.isThere);
          else edited(members, memberKey(edit), edit.isThere);
        }
        meta.putSync(metaKey, reused.of([JSON.stringify(batch.meta)]));
      });
    },
    scan: (afterPid, limit) => scanRange(profiles.getRange({ start: afterPid + 1, limit })),
    scanPieces: (after, limit) => {
      const start: PieceKey = after === null ? pieceStart(0) : [after.pid, after.number + 1];
      const found = pieces.getRange({ start, limit });
      return Array.from(found, ({ key: [pid, number], value }) => ({ pid, number, text: value }));
    },
    scanIds: (afterKey, limit) =>
      scanKeys(ids.getRange({ start: afterKey, limit: limit + 1 }), afterKey, limit),
    scanDue: (after, upToMs, limit) => scanDue(after, upToMs, limit),
    membersOf: (namespace, segment, afterPid, limit) =>
      limited(
        members.getKeys(
          rangeOf(
            memberKey({ namespace, segment, pid: afterPid + 1 }),
            memberKey({ namespace, segment, pid: Number.MAX_SAFE_INTEGER }),
          ),
        ),
        limit,
        ([, , pid]) => pid,
      ),
    scanMembers: (after, limit) => scanMembers(after, limit),
    snapshot: (work) => {
      const transaction = root.useReadTransaction();
      try {
        return work({
          readProfile: (pid) => profiles.get(pid, { transaction }),
          readPiece: (pid, number) => pieces.get([pid, number], { transaction }),
          scanIds: (afterKey, limit) =>
            scanKeys(ids.getRange({ start: afterKey, limit: limit + 1, transaction }), afterKey, limit),
          readMeta: () => parseMeta(meta.get(metaKey, { transaction })),
          scan: (afterPid, limit) =>
            scanRange(profiles.getRange({ start: afterPid + 1, limit, transaction })),
          scanDue: (after, upToMs, limit) => scanDue(after, upToMs, limit, transaction),
          scanMembers: (after, limit) => scanMembers(after, limit, transaction),
        });
      } finally {
        transaction.done();
      }
    },
    refresh: () => root.resetReadTxn(),
    sizeBytes: () => diskBytes(file),
    entryCounts: () => ({ profiles: entryCount(profiles), identifiers: entryCount(ids) }),
    close: () => {
      space?.[Symbol.dispose]();
      return root.close();
    },
  };
}

/**
 * LMDB makes its files as holes and touches them through memory, and does not outlive that its first pages can't be
 * written: on a full disk an open would end the process. So the room is tried beforehand, and the lock file written
 * out; what then fails is an error like any other. Throws ENOSPC.
 */
function prepareFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lockFile = join(folder, "lock.mdb");
  if (existsSync(lockFile)) return;
  const room = join(folder, "room");
  try {
    writeFileSync(room, Buffer.alloc(firstRoomBytes), { mode: 0o600 });
    writeFileSync(lockFile, Buffer.alloc(lockFileBytes), { mode: 0o600 });
  } catch (error) {
    rmSync(lockFile, { force: true });
    throw error;
  } finally {
    rmSync(room, { force: true });
  }
}

function scanRange(range: Iterable<{ key: number; value: string }>): { pid: number; text: string }[] {
  const found: { pid: number; text: string }[] = [];
  for (const { key, value } of range) found.push({ pid: key, text: value });
  return found;
}

function scanKeys(
  range: Iterable<{ key: string; value: string }>,
  afterKey: string,
  limit: number,
): { key: string; text: string }[] {
  const found: { key: string; text: string }[] = [];
  for (const { key, value } of range)
    if (key !== afterKey && found.length < limit) found.push({ key, text: value });
  return found;
}

type PieceKey = [pid: number, number: number];
type DueKey = [dueMs: number, pid: number];
type MemberKey = [namespace: 0 | 1, segment: string, pid: number];

/** What stands where an entry's key says all. */
const isThere = "1";

function pieceStart(pid: number): PieceKey {
  return [pid, 0];
}

function memberKey({ namespace, segment, pid }: Member): MemberKey {
  return [namespace === "test" ? 1 : 0, segment, pid];
}

function dueStart(after: Due | null): DueKey | undefined {
  return after === null ? undefined : [after.dueMs, after.pid];
}

function memberStart(after: Member | null): MemberKey | undefined {
  return after === null ? undefined : memberKey(after);
}

function rangeOf<K>(
  start: K | undefined,
  end: K | undefined,
  transaction?: Transaction,
): { start?: K; end?: K; transaction?: Transaction } {
  return {
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
    ...(transaction === undefined ? {} : { transaction }),
  };
}

function edited<K extends DueKey | MemberKey>(database: Database<string, K>, key: K, put: boolean): void {
  if (put) database.putSync(key, isThere);
  else database.removeSync(key);
}

/** The first `limit` of what `make` makes of the keys, those apart of which it makes null. */
function limited<K, T>(keys: Iterable<K>, limit: number, make: (key: K) => T | null): T[] {
  const found: T[] = [];
  for (const key of keys) {
    const made = make(key);
    if (made !== null) found.push(made);
    if (found.length >= limit) break;
  }
  return found;
}

/** End of the last page in use, bytes from the start of the file. */
function usedBytes(root: RootDatabase<string, string>): number {
  const stats: unknown = root.getStats();
  if (typeof stats !== "object" || stats === null || !("lastPageNumber" in stats && "pageSize" in stats))
    throw new Error("lmdb does not tell its last page");
  return (Number(stats.lastPageNumber) + 1) * Number(stats.pageSize);
}

/** What the file takes on disk: its size may be mostly a hole. */
function diskBytes(file: string): number {
  const blockBytes = 512;
  return (statSync(file, { throwIfNoEntry: false })?.blocks ?? 0) * blockBytes;
}

function entryCount(database: Database<string, number> | Database<string, string>): number {
  const stats: unknown = database.getStats();
  if (typeof stats !== "object" || stats === null || !("entryCount" in stats)) return 0;
  return Number(stats.entryCount);
}

function parseMeta(text: string | undefined): ProfilesMeta | null {
  if (text === undefined) return null;
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) return null;
  const meta = value as Partial<ProfilesMeta>;
  if (
    typeof meta.format !== "number" ||
    typeof meta.journalId !== "string" ||
    typeof meta.watermark !== "number"
  )
    return null;
  return {
    format: meta.format,
    journalId: meta.journalId,
    watermark: meta.watermark,
    pendingRefolds: meta.pendingRefolds ?? [],
    evidence: meta.evidence ?? "",
    audiences: meta.audiences ?? [],
  };
}

/**
 * Texts on their way into LMDB, encoded one after another into one buffer: a buffer each would cost as much as the
 * put. Only for puts inside `transactionSync`, which copy the bytes before they return.
 */
class ReusedValue {
  readonly #text: Utf8 = { bytes: Buffer.allocUnsafeSlow(64 * 1024), length: 0 };
  #bytes: Marked = this.#text.bytes;
  #binary = asBinary(this.#bytes);

  /** The value to put; right until the next call. */
  of(parts: readonly TextPart[]): string {
    this.#text.length = 0;
    for (const part of parts) appendTo(this.#text, part);
    if (this.#bytes !== this.#text.bytes) {
      this.#bytes = this.#text.bytes;
      this.#binary = asBinary(this.#bytes);
    }
    this.#bytes.start = 0;
    this.#bytes.end = this.#text.length;
    // A put takes it in the place of the text that it stands for.
    return this.#binary as unknown as string;
  }
}

/** lmdb takes the stretch of a buffer that these two name. */
type Marked = Uint8Array & { start?: number; end?: number };
