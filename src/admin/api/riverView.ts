/** The river as the page draws it. */
import { statfsSync } from "node:fs";
import type { Clock } from "../../lib/clock.ts";
import type { Timers } from "../../lib/timers.ts";
import type { Change } from "../../model/change.ts";
import type { ChangeLog } from "../../store/changeLog.ts";
import type { StoreStatus } from "../../store/storeApi.ts";
import type { FollowStatus } from "../../ingest/follow.ts";
import { alertView } from "../alerts/alertSender.ts";
import type { Alerts } from "../alerts/alerts.ts";
import { pointColumns, type FollowLine, type RiverAnswer, type RiverEvent } from "./adminWire.ts";
import type { RiverHistory } from "./riverHistory.ts";
import { riverWords } from "./riverWords.ts";
import type { SourceCounts } from "./sourceCounts.ts";

export interface RiverDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly changes: ChangeLog;
  readonly history: RiverHistory;
  readonly sources: SourceCounts;
  readonly alerts: Alerts;
  /** Sources that are followed. */
  readonly follows: () => readonly FollowStatus[];
  readonly status: () => StoreStatus;
  /** Open feed readers. */
  readonly streams: () => number;
  readonly dataFolder: string;
}

/** Events shown at most; whoever falls further behind goes on with the newest. */
const maxNewest = 50;
const maxIdentifiers = 3;
const maxTraits = 8;
const maxSources = 200;

/** What happened since: points younger than `afterMs`, events after `afterSeq`. */
export function riverView(deps: RiverDeps, afterMs: number, afterSeq: number): RiverAnswer {
  const { clock, changes, history, sources, status, streams, dataFolder, alerts, follows } = deps;
  const { mode, progress, head, visible, counts } = status();
  const seen = sources.list(changes);
  const nowMs = clock.nowMs();
  const words = riverWords({
    mode,
    progress,
    head,
    visible,
    diskFreeShare: freeShare(dataFolder),
    nowMs,
    sources: seen,
    seconds: history.since(nowMs - 60_000).seconds,
  });
  const from = Math.max(afterSeq, changes.head() - maxNewest, changes.floor());
  return {
    now: new Date(nowMs).toISOString(),
    mode,
    progress,
    words,
    columns: pointColumns,
    ...history.since(afterMs),
    sources: seen.slice(0, maxSources),
    follows: follows().slice(0, maxSources).map(followLine),
    alerts: alerts.current().map(alertView),
    newest: changes.read(from, maxNewest).changes.map(riverEvent),
    head: changes.head(),
    totals: {
      events: counts?.accepted ?? 0,
      repeated: counts?.repeated ?? 0,
      refused: counts?.quarantined ?? 0,
    },
    streams: streams(),
  };
}

function riverEvent(change: Change): RiverEvent {
  const { event, receivedAtMs, committedAtMs } = change;
  return {
    seq: change.seq,
    profileId: change.profileId,
    identifiers: change.identifiers.slice(0, maxIdentifiers),
    namespace: change.namespace,
    cause: change.cause,
    type: event?.type ?? null,
    name: event?.name ?? null,
    source: event?.source ?? null,
    messageId: event?.messageId ?? null,
    timestamp: new Date(change.timestampMs).toISOString(),
    committedMs: receivedAtMs === null ? null : Math.max(0, committedAtMs - receivedAtMs),
    traits: Object.keys(change.traits).slice(0, maxTraits),
  };
}

function followLine({ lastEventAtMs, ...status }: FollowStatus): FollowLine {
  return { ...status, lastEventAt: lastEventAtMs === null ? null : new Date(lastEventAtMs).toISOString() };
}

/** The share of the data folder's disk that is free; null where the system does not tell. */
function freeShare(folder: string): number | null {
  try {
    const { bavail, blocks } = statfsSync(folder);
    return blocks === 0 ? null : bavail / blocks;
  } catch {
    return null;
  }
}
