/** What the alerts look at, read from the running parts. */
import { statfsSync } from "node:fs";
import type { FollowStatus } from "../../ingest/follow.ts";
import type { Latency } from "../../lib/metrics.ts";
import type { ChangeLog } from "../../store/changeLog.ts";
import type { StoreStatus } from "../../store/storeApi.ts";
import type { SourceCounts } from "../api/sourceCounts.ts";
import type { Condition, Reading, SourceHealth } from "./condition.ts";

export interface HealthParts {
  readonly changes: ChangeLog;
  readonly status: () => StoreStatus;
  readonly sources: SourceCounts;
  readonly visible: Latency;
  readonly follows: () => readonly FollowStatus[];
  /** Sources that are expected though nothing came from them yet. */
  readonly named: readonly string[];
  readonly dataFolder: string;
  readonly found: () => readonly Condition[];
}

/** How things stand now. */
export function healthReading(parts: HealthParts): Omit<Reading, "atMs"> {
  const { counts, inFlightRequests } = parts.status();
  return {
    sources: sourcesOf(parts),
    taken: (counts?.accepted ?? 0) + (counts?.repeated ?? 0),
    quarantined: counts?.quarantined ?? 0,
    overLimit: counts?.overLimit ?? 0,
    groups: counts?.groups ?? 0,
    visible: parts.visible.read().counts,
    waitingRequests: inFlightRequests,
    diskFreeBytes: freeBytes(parts.dataFolder),
    found: parts.found(),
  };
}

function sourcesOf({ changes, sources, follows, named }: HealthParts): readonly SourceHealth[] {
  const lastSeen = new Map<string, number | null>(named.map((source) => [source, null]));
  for (const { source, lastSeenAt } of sources.list(changes))
    lastSeen.set(source, lastSeenAt === null ? null : Date.parse(lastSeenAt));
  const followed = new Map(follows().map((status) => [status.source, status]));
  for (const source of followed.keys()) if (!lastSeen.has(source)) lastSeen.set(source, null);
  return [...lastSeen].map(([source, lastSeenMs]) => {
    const status = followed.get(source);
    return { source, lastSeenMs, follow: status === undefined ? null : { failing: status.failing } };
  });
}

/** Null where the system does not tell. */
function freeBytes(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}
