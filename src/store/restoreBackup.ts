/** Makes a data folder out of a backup. The journal gets a new epoch, so that no old cursor resumes in it. */
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { folderPaths, lockFolder, syncFile, syncFolder } from "./folder.ts";
import { FolderRefused } from "./folderRefused.ts";
import { readSchemaVersion, schemaVersion } from "./migrations.ts";
import { openDatabase, type Database } from "./sqlite.ts";

/** Epochs of restored journals count seconds from here, so that two restores of one backup differ. */
const epochBeginMs = Date.UTC(2026, 0, 1);

/** What may stand in a folder that counts as empty. */
const harmless = /^(lock\.db.*|holder\.json|lost\+found)$/;

/** Restores `backup` (a folder with a journal.db, or that file) into an empty or new data folder; returns how many rows it holds. */
export function restoreBackup(backup: string, folder: string, clock: Clock): { readonly rows: number } {
  const source = existsSync(backup) && statSync(backup).isDirectory() ? join(backup, "journal.db") : backup;
  if (!existsSync(source)) throw new FolderRefused("damaged", "there is no journal.db in the backup");
  using _lock = lockFolder(folder);
  if (readdirSync(folder).some((name) => !harmless.test(name))) {
    throw new FolderRefused(
      "locked",
      `${folder} is not empty. Restore into a new folder, or move this one away first.`,
    );
  }
  const path = folderPaths(folder).journal;
  const partial = `${path}.partial`;
  try {
    copyAudit(join(dirname(source), "ops.db"), folderPaths(folder).ops);
    copyFileSync(source, partial);
    const rows = renew(partial, clock.nowMs());
    syncFile(partial);
    renameSync(partial, path);
    syncFolder(folder);
    return { rows };
  } catch (error) {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${partial}${suffix}`, { force: true });
    throw error;
  }
}

/** The audit log goes on where the backup's ends; a backup of a server that nobody administered has none. */
function copyAudit(from: string, to: string): void {
  if (!existsSync(from)) return;
  copyFileSync(from, to);
  syncFile(to);
}

function renew(path: string, nowMs: number): number {
  const database = openCopy(path);
  try {
    const found = readSchemaVersion(database);
    if (found > schemaVersion)
      throw new FolderRefused(
        "newer",
        `the backup has schema ${found}; this program knows up to ${schemaVersion}. Use the newer Freshet.`,
      );
    const check = database.query<{ quick_check: string }, []>("PRAGMA quick_check(1)").get()?.quick_check;
    if (check !== "ok") throw new FolderRefused("damaged", `the backup is damaged: ${check}`);
    const former = Number(
      database.query<{ value: string }, []>("SELECT value FROM meta WHERE name = 'epoch'").get()?.value ?? 1,
    );
    const epoch = Math.max(former + 1, Math.floor((nowMs - epochBeginMs) / 1_000));
    database
      .query(
        "INSERT INTO meta (name, value) VALUES ('epoch', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      )
      .run(String(epoch));
    noteRestore(database, epoch);
    database.run("DELETE FROM meta WHERE name = 'profilesFolder'");
    database.run("PRAGMA journal_mode = DELETE");
    return database.query<{ rows: number }, []>("SELECT count(*) AS rows FROM journal").get()?.rows ?? 0;
  } finally {
    database.close();
  }
}

/**
 * From here on the numbers behind the newest row are given out once more: what names a profile by its number, and was
 * made when a later row had that number, must not lead to whoever gets it now.
 */
function noteRestore(database: Database, epoch: number): void {
  const head = database
    .query<{ head: number | null }, []>("SELECT max(seq) AS head FROM journal")
    .get()?.head;
  const noted = database
    .query<{ value: string }, []>("SELECT value FROM meta WHERE name = 'restores'")
    .get()?.value;
  const restores: unknown[] = noted === undefined ? [] : (JSON.parse(noted) as unknown[]);
  database
    .query(
      "INSERT INTO meta (name, value) VALUES ('restores', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .run(JSON.stringify([...restores, { epoch, head: head ?? 0 }]));
}

function openCopy(path: string): Database {
  try {
    return openDatabase(path, { mode: "write" });
  } catch {
    throw new FolderRefused("damaged", "the backup can't be read as a journal");
  }
}
