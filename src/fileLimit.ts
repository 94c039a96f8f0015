/** How many files and sockets this process may have open, and how many it has. */
import { readdirSync, readFileSync } from "node:fs";
import type { Timers } from "./lib/timers.ts";

const fileFolders = ["/proc/self/fd", "/dev/fd"];

/** The limit (soft), or null where the system doesn't tell. */
function openFileLimit(): number | null {
  try {
    const match = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return match === null ? null : Number(match[1]);
  } catch {
    return null;
  }
}

/** Open files and sockets now; more than any limit where not one more can be opened to count them; 0 where the system doesn't tell. */
export function openFileCount(): number {
  for (const folder of fileFolders) {
    try {
      return readdirSync(folder).length;
    } catch (error) {
      if (error instanceof Error && "code" in error && (error.code === "EMFILE" || error.code === "ENFILE"))
        return Number.MAX_SAFE_INTEGER;
    }
  }
  return 0;
}

/** Files that the journal, the profiles, a rebuild and a scrape may need at any moment, beside connections. */
const reservedFiles = 48;
const recountMs = 500;

/** Watches how many connections are open. */
export interface Crowd extends Disposable {
  /** True while more are open than there should be. */
  isCrowded(): boolean;
}

/**
 * Counts from time to time. Beyond the configured number of connections, or too near the system's limit on files,
 * `makeRoom` is called (it closes idle connections) and isCrowded() says so, for requests to be refused.
 */
export function watchCrowd(timers: Timers, maxConnections: number, makeRoom: () => void): Crowd {
  const limit = openFileLimit() ?? Number.MAX_SAFE_INTEGER;
  const most = Math.min(openFileCount() + maxConnections, Math.max(limit - reservedFiles, limit / 2));
  let crowded = false;
  const timer = timers.every(recountMs, () => {
    crowded = openFileCount() > most;
    if (!crowded) return;
    makeRoom();
    crowded = openFileCount() > most;
  });
  return { isCrowded: () => crowded, [Symbol.dispose]: () => timer[Symbol.dispose]() };
}
