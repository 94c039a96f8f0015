/** Who holds a data folder: written by the holder for those who find it locked. It decides nothing; the lock does. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Holder {
  readonly pid: number;
  /** `http://127.0.0.1:8787`; null for one that serves nothing (yet). */
  readonly address: string | null;
}

const pathIn = (folder: string) => join(folder, "holder.json");

/** Writes down who holds the folder. To be called under its lock. */
export function noteHolder(folder: string, holder: Holder): void {
  try {
    writeFileSync(pathIn(folder), `${JSON.stringify(holder)}\n`, { mode: 0o600 });
  } catch {
    // A folder that can't be written to says so elsewhere, and a word less is said here.
  }
}

/** To be called by the holder at its end. */
export function forgetHolder(folder: string): void {
  rmSync(pathIn(folder), { force: true });
}

/** Who holds the folder, or null where that is not known: one that was killed leaves its word behind. */
export function readHolder(folder: string): Holder | null {
  try {
    const value: unknown = JSON.parse(readFileSync(pathIn(folder), "utf8"));
    if (typeof value !== "object" || value === null || !("pid" in value)) return null;
    const { pid } = value;
    if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid < 1 || !isAlive(pid)) return null;
    const address = "address" in value && typeof value.address === "string" ? value.address : null;
    return { pid, address };
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** What somebody is told who finds the folder locked. */
export function lockedSentence(folder: string, holder: Holder | null): string {
  const otherFolder = "or use another --data folder.";
  if (holder === null) return `another Freshet is running on ${folder}. Stop it first, ${otherFolder}`;
  const { pid, address } = holder;
  if (address === null)
    return `another Freshet is at work on ${folder} (process ${pid}). Wait for its end, ${otherFolder}`;
  return `another Freshet is running on ${folder}: ${address} (process ${pid}). Use that one, stop it (kill ${pid}), ${otherFolder}`;
}
