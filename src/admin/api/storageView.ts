/** What the data folder holds, and how fast it grows. */
import { readdirSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { folderPaths } from "../../store/folder.ts";
import type { StoreStatus } from "../../store/storeApi.ts";
import { pointColumns, type Point, type StorageAnswer } from "./adminWire.ts";

/** Backups listed at most. */
const maxBackups = 100;
/** Growth is told once this much time was seen. */
const leastSeenMs = 5 * 60_000;
const dayMs = 86_400_000;

type Sizes = Pick<
  StorageAnswer,
  | "sizes"
  | "diskFreeBytes"
  | "diskBytes"
  | "head"
  | "growthBytesPerDay"
  | "history"
  | "backups"
  | "backupFolder"
>;

/** Sizes of now; `minutes` are the points of the last day, oldest first. */
export function storageSizes(folder: string, status: StoreStatus, minutes: readonly Point[]): Sizes {
  const paths = folderPaths(folder);
  const { bavail, blocks, bsize } = statfsSync(folder);
  const backups = listBackups(paths.backups);
  return {
    sizes: [
      { name: "Journal", bytes: status.journalBytes },
      { name: "Profiles", bytes: status.profilesBytes },
      { name: "Index of message ids", bytes: sizeOfFolder(paths.messageIds) },
      { name: "Audit log", bytes: sizeOf(paths.ops) + sizeOf(`${paths.ops}-wal`) },
      { name: "Backups in this folder", bytes: backups.reduce((sum, { bytes }) => sum + bytes, 0) },
    ],
    diskFreeBytes: bavail * bsize,
    diskBytes: blocks * bsize,
    head: status.head,
    growthBytesPerDay: growthOf(minutes),
    history: minutes.map((point) => [
      point[0] ?? 0,
      valueOf(point, "journalBytes"),
      valueOf(point, "profilesBytes"),
    ]),
    backups: backups.slice(0, maxBackups),
    backupFolder: paths.backups,
  };
}

/** The folder of a backup begun at that time. */
export function backupName(atMs: number): string {
  return new Date(atMs).toISOString().replace(/[:.]/g, "-");
}

/** The share of a backup that is written: it ends about as large as the journal is. */
export function backupShare(target: string, journalBytes: number): number {
  return Math.min(0.99, sizeOf(join(target, "journal.db.partial")) / Math.max(1, journalBytes));
}

function listBackups(folder: string): StorageAnswer["backups"] {
  return readdirOf(folder)
    .flatMap((name) => {
      const found = statSync(join(folder, name, "journal.db"), { throwIfNoEntry: false });
      return found === undefined ? [] : [{ name, at: found.mtime.toISOString(), bytes: found.size }];
    })
    .sort((left, right) => (left.at < right.at ? 1 : -1));
}

function growthOf(minutes: readonly Point[]): number | null {
  const first = minutes[0];
  const last = minutes.at(-1);
  if (first === undefined || last === undefined) return null;
  const spanMs = (last[0] ?? 0) - (first[0] ?? 0);
  if (spanMs < leastSeenMs) return null;
  return Math.max(0, Math.round(((bytesAt(last) - bytesAt(first)) * dayMs) / spanMs));
}

function bytesAt(point: Point): number {
  return valueOf(point, "journalBytes") + valueOf(point, "profilesBytes");
}

function valueOf(point: Point, column: (typeof pointColumns)[number]): number {
  return point[pointColumns.indexOf(column)] ?? 0;
}

function sizeOfFolder(folder: string): number {
  return readdirOf(folder).reduce((sum, name) => sum + sizeOf(join(folder, name)), 0);
}

function readdirOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
