/** What /metrics says of alerts and of streams of events. */
import { Counter, Gauge, type Registry } from "prom-client";
import type { FollowStatus } from "../ingest/follow.ts";
import type { Audits } from "./audits/audits.ts";
import type { ErrorBudget } from "./audits/errorBudget.ts";
import type { Alert } from "./alerts/alertBook.ts";

export interface WatchSources {
  /** Alerts that are raised. */
  readonly alerts: readonly Alert[];
  readonly follows: readonly FollowStatus[];
  /** Open streams of events that come in. */
  readonly eventStreams: number;
  readonly nowMs: number;
  readonly watching: { readonly audits: Audits; readonly budget: ErrorBudget };
}

/** Adds them to a scrape. */
export function addWatch(registry: Registry, sources: WatchSources): void {
  const { alerts, follows, eventStreams } = sources;
  const registers = [registry];
  new Gauge({ name: "freshet_event_streams", help: "Open streams of events.", registers }).set(eventStreams);
  const raised = new Gauge({
    name: "freshet_alert",
    help: "1 for each alert that is raised, by what it is about; source is empty for the whole server.",
    labelNames: ["kind", "source"],
    registers,
  });
  for (const { kind, source } of alerts) raised.set({ kind, source: source ?? "" }, 1);
  addFollows(registry, follows);
  addAudits(registry, sources);
}

/** Nothing before the first audit and the first events: a 0 would say that all is well. */
function addAudits(registry: Registry, { watching: { audits, budget }, nowMs }: WatchSources): void {
  const registers = [registry];
  const { latest } = audits;
  if (latest !== null) {
    const findings = new Gauge({
      name: "freshet_audit_findings",
      help: "What the newest audit found, by kind and severity.",
      labelNames: ["kind", "severity"],
      registers,
    });
    for (const { kind, severity } of latest.findings) findings.inc({ kind, severity });
    new Gauge({
      name: "freshet_audit_timestamp_seconds",
      help: "When the newest audit ended.",
      registers,
    }).set(latest.run.endedAtMs / 1_000);
  }
  const burn = budget.burn(nowMs);
  if (burn === null) return;
  new Gauge({
    name: "freshet_freshness_burn",
    help: "How many times faster than it may the error budget of the freshness target was used up in the last hour.",
    registers,
  }).set(burn);
}

function addFollows(registry: Registry, follows: readonly FollowStatus[]): void {
  if (follows.length === 0) return;
  const labels = { labelNames: ["source"], registers: [registry] };
  const connected = new Gauge({
    name: "freshet_followed_connected",
    help: "1 while the followed stream is connected.",
    ...labels,
  });
  const retries = new Counter({
    name: "freshet_followed_retries_total",
    help: "Connections to the followed stream that ended or did not come about.",
    ...labels,
  });
  const lastEvent = new Gauge({
    name: "freshet_followed_last_event_timestamp_seconds",
    help: "When an event came from the followed stream last; absent before the first.",
    ...labels,
  });
  for (const { source, state, retries: count, lastEventAtMs } of follows) {
    connected.set({ source }, state === "connected" ? 1 : 0);
    retries.inc({ source }, count);
    if (lastEventAtMs !== null) lastEvent.set({ source }, lastEventAtMs / 1_000);
  }
}
