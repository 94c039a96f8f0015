/** Why a data folder can't be used, and how that is found out. */
import { existsSync } from "node:fs";
import { NewerDataError, readSchemaVersion, schemaVersion } from "./migrations.ts";
import { opsSchemaVersion } from "./ops/opsMigrations.ts";
import { classifyWriteFailure, openDatabase, type Database } from "./sqlite.ts";

/** In use; written by a newer Freshet; damaged; the disk fails; no folder that Freshet may use. */
export type RefusalReason = "locked" | "newer" | "damaged" | "disk" | "unusable";

/** A data folder that can't be used; the message is a sentence for the operator, the reason decides the exit code. */
export class FolderRefused extends Error {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What an exception while opening the journal means to the operator. */
export function refusalOf(error: unknown): FolderRefused {
  if (error instanceof FolderRefused) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof NewerDataError) return new FolderRefused("newer", message);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code))
    return new FolderRefused(
      "damaged",
      `the journal is damaged (${code}): restore a backup with \`freshet restore\``,
    );
  if (classifyWriteFailure(error) !== "other")
    return new FolderRefused("disk", `the disk failed while the journal was opened: ${message}`);
  return new FolderRefused("damaged", message);
}

/** Throws FolderRefused where a journal stands that can't be read, before anything else is looked at. */
export function checkJournal(path: string): void {
  if (!existsSync(path)) return;
  let database: Database | null = null;
  try {
    database = openDatabase(path, { mode: "read" });
    const version = readSchemaVersion(database);
    if (version > schemaVersion) throw new NewerDataError(version);
    if (version > 0) database.query("SELECT max(seq) FROM journal").get();
  } catch (error) {
    throw refusalOf(error);
  } finally {
    database?.close();
  }
}

/** Throws FolderRefused where ops.db is a newer Freshet's. What else may be wrong with it concerns its own users. */
export function checkOps(path: string): void {
  if (!existsSync(path)) return;
  const version = schemaOf(path);
  if (version > opsSchemaVersion) throw refusalOf(new NewerDataError(version, opsSchemaVersion));
}

/** 0 for what can't be read. */
function schemaOf(path: string): number {
  let database: Database | null = null;
  try {
    database = openDatabase(path, { mode: "read" });
    return readSchemaVersion(database);
  } catch {
    return 0;
  } finally {
    database?.close();
  }
}
