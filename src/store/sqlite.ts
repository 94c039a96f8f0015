/** The one place that opens SQLite. Every pragma is set here, because the defaults are not ours. */
import { Database, type Statement } from "bun:sqlite";
import { renameSync, rmSync } from "node:fs";

export type { Database, Statement };

/** What a column may hold on its way in. */
export type SqlValue = string | number | bigint | Uint8Array | null;

export interface OpenOptions {
  readonly mode: "write" | "read";
  /** Page cache, bytes. */
  readonly cacheBytes?: number;
  /** Time to wait for another connection's lock. */
  readonly busyTimeoutMs?: number;
}

/** Time a connection waits for another one's lock unless told otherwise, milliseconds. */
const usualBusyTimeoutMs = 5_000;

/**
 * Opens a database. For writing: WAL with synchronous=FULL, so that a commit is on disk when it returns; both are
 * read back, since SQLite falls back silently where a file system can't do WAL. Missing parameters throw (strict).
 */
export function openDatabase(path: string, options: OpenOptions): Database {
  const write = options.mode === "write";
  const database = new Database(
    path,
    write ? { create: true, readwrite: true, strict: true } : { readonly: true, strict: true },
  );
  database.run(`PRAGMA busy_timeout = ${options.busyTimeoutMs ?? usualBusyTimeoutMs}`);
  database.run(`PRAGMA cache_size = ${-Math.floor((options.cacheBytes ?? 32 * 1024 * 1024) / 1024)}`);
  database.run("PRAGMA temp_store = MEMORY");
  database.run("PRAGMA trusted_schema = OFF");
  if (!write) return database;
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = FULL");
  database.run("PRAGMA wal_autocheckpoint = 4000");
  database.run("PRAGMA journal_size_limit = 67108864");
  // Erased text must not stay readable in freed cells.
  database.run("PRAGMA secure_delete = ON");
  const mode = database.query<{ journal_mode: string }, []>("PRAGMA journal_mode").get()?.journal_mode;
  const synchronous = database.query<{ synchronous: number }, []>("PRAGMA synchronous").get()?.synchronous;
  if (mode !== "wal" || synchronous !== 2) {
    database.close();
    throw new Error(
      `SQLite would not give durable commits on this file system (journal_mode=${mode}, synchronous=${synchronous})`,
    );
  }
  return database;
}

/** Why a write failed, as far as the caller must tell the cases apart. */
export type WriteFailure = "full" | "io" | "other";

/** Sorts an exception of a write: disk full (refuse and retry), a failed fsync or I/O error (stop), or our own fault. */
export function classifyWriteFailure(error: unknown): WriteFailure {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "SQLITE_FULL" || code === "ENOSPC" || code === "EDQUOT") return "full";
  if (code === "EIO") return "io";
  // SQLite says FULL where a write finds no room (ENOSPC); only making room ahead of a write may say it this way.
  if (code.startsWith("SQLITE_IOERR_SHMSIZE")) return "full";
  if (code.startsWith("SQLITE_IOERR") || code.startsWith("SQLITE_CORRUPT")) return "io";
  return "other";
}

/** Copies a live database consistently: into `partial` first, which becomes `path` once it is whole. */
export function copyDatabase(from: string, partial: string, path: string): void {
  const database = openDatabase(from, { mode: "read" });
  try {
    database.query("VACUUM INTO ?").run(partial);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  } finally {
    database.close();
  }
  renameSync(partial, path);
}
