/** The data folder: what lies where, who holds it, and how the last holder left it. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { FolderRefused } from "./folderRefused.ts";
import { forgetHolder, lockedSentence, noteHolder, readHolder } from "./holder.ts";
import { takeFolder } from "./ownFolder.ts";
import { openDatabase, type Database } from "./sqlite.ts";

/** Paths inside a data folder. */
export const folderPaths = (folder: string) => ({
  journal: join(folder, "journal.db"),
  lock: join(folder, "lock.db"),
  boot: join(folder, "boot.json"),
  messageIds: join(folder, "ids"),
  ops: join(folder, "ops.db"),
  backups: join(folder, "backups"),
  socket: join(folder, "freshet.sock"),
  signingKeys: join(folder, "signing-keys.json"),
  profiles: (name: string) => join(folder, name),
});

/** Holds the folder until disposed or until the process dies, however it dies. Throws FolderRefused when another has it. */
export function lockFolder(folder: string): Disposable {
  takeFolder(folder);
  let database: Database | null = null;
  try {
    // The system drops a dead process's file locks, so nothing is left behind to clean up by hand.
    database = openDatabase(folderPaths(folder).lock, { mode: "write", busyTimeoutMs: 0 });
    database.run("PRAGMA journal_mode = DELETE");
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run("BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    if (error instanceof Error && "code" in error && /^SQLITE_(BUSY|LOCKED)/.test(String(error.code))) {
      throw new FolderRefused("locked", lockedSentence(folder, readHolder(folder)));
    }
    if (
      error instanceof Error &&
      "code" in error &&
      /^SQLITE_(CANTOPEN|READONLY|PERM)/.test(String(error.code))
    )
      throw new FolderRefused(
        "unusable",
        `the files in ${folder} belong to another user or can't be written`,
      );
    throw error;
  }
  const held = database;
  noteHolder(folder, { pid: process.pid, address: null });
  return {
    [Symbol.dispose]: () => {
      forgetHolder(folder);
      held.close();
    },
  };
}

/** How the last holder left: tells whether LMDB, which is written without fsync, can be trusted. */
interface BootRecord {
  readonly bootId: string | null;
  readonly clean: boolean;
}

export type LastStop = "clean" | "unclean-same-boot" | "unclean-other-boot" | "first";

/** Reads how the folder was left and marks it as in use. */
export function markOpened(folder: string): LastStop {
  const path = folderPaths(folder).boot;
  const record = readBoot(path);
  const bootId = currentBootId();
  writeBoot(path, { bootId, clean: false });
  // Without a record there is nothing to distrust, unless profiles stand there that nobody vouches for.
  if (record === null)
    return readdirSync(folder).some((name) => /^profiles-\d+$/.test(name)) ? "unclean-other-boot" : "first";
  if (record.clean) return "clean";
  return bootId !== null && record.bootId === bootId ? "unclean-same-boot" : "unclean-other-boot";
}

/** Marks the folder as left in order; call once LMDB's file is on disk. */
export function markClosed(folder: string): void {
  writeBoot(folderPaths(folder).boot, { bootId: currentBootId(), clean: true });
}

/** Puts a file's dirty pages on disk, whoever wrote them. */
export function syncFile(path: string): void {
  if (!existsSync(path)) return;
  const file = openSync(path, "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Puts new names, renames and removals in a folder on disk. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Removes profile folders that are not in use (left by a rebuild that was cut short). */
export function removeStrayProfiles(folder: string, inUse: readonly (string | null)[]): void {
  for (const name of readdirSync(folder)) {
    if (/^profiles-\d+$/.test(name) && !inUse.includes(name))
      rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** A name for the next profile folder, different from all that stand there. */
export function nextProfilesName(folder: string): string {
  const numbers = readdirSync(folder)
    .flatMap((name) => /^profiles-(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number);
  return `profiles-${Math.max(0, ...numbers) + 1}`;
}

/** Identifies this start of the machine; null where the system doesn't tell (every unclean stop then counts as another boot). */
function currentBootId(): string | null {
  const path = "/proc/sys/kernel/random/boot_id";
  return existsSync(path) ? readFileSync(path, "utf8").trim() : null;
}

function readBoot(path: string): BootRecord | null {
  if (!existsSync(path)) return null;
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value !== "object" || value === null || !("clean" in value))
      return { bootId: null, clean: false };
    return {
      bootId: "bootId" in value && typeof value.bootId === "string" ? value.bootId : null,
      clean: value.clean === true,
    };
  } catch {
    return { bootId: null, clean: false };
  }
}

function writeBoot(path: string, record: BootRecord): void {
  const temporary = `${path}.new`;
  const file = openSync(temporary, "w", 0o600);
  try {
    writeSync(file, JSON.stringify(record));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  // Without it a power loss could bring back the word of a former, orderly stop.
  syncFolder(dirname(path));
}
