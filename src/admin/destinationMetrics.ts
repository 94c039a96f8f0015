/** What /metrics says of destinations. */
import { Counter, Gauge, type Registry } from "prom-client";
import type { DestinationLook } from "../esp/deliver/deliveryWatch.ts";
import type { Latency } from "../lib/metrics.ts";

const states = ["working", "paused", "stopped", "held"] as const;

/** Adds them to a scrape. Gives the latencies, for a histogram. */
export function addDestinations(
  registry: Registry,
  looks: readonly DestinationLook[],
): Readonly<Record<string, Latency>> {
  if (looks.length === 0) return {};
  const registers = [registry];
  const of = (name: string, help: string, ...more: readonly string[]) =>
    new Gauge({ name, help, labelNames: ["destination", ...more], registers });
  const lagChanges = of("freshet_destination_lag_changes", "Changes of the log that it has not looked at.");
  const lagSeconds = of("freshet_destination_lag_seconds", "Age of the oldest thing that is not delivered.");
  const queue = of("freshet_destination_queue", "Rows that wait, by lane.", "lane");
  const dead = of("freshet_destination_dead_letters", "Rows that were given up.");
  const state = of("freshet_destination_state", "1 for the state it is in; held: by its breaker.", "state");
  const filled = of(
    "freshet_destination_backfill_share",
    "Share of the walk over all profiles that is done.",
  );
  const drift = of("freshet_destination_drift_profiles", "Profiles of the last sample that differ there.");
  const labelNames = ["destination", "operation", "outcome"];
  const requests = new Counter({
    name: "freshet_destination_requests_total",
    help: "Requests by operation and outcome.",
    labelNames,
    registers,
  });
  const rows = new Counter({
    name: "freshet_destination_rows_total",
    help: "Rows that were sent, by operation and lane.",
    labelNames: ["destination", "operation", "lane"],
    registers,
  });
  for (const look of looks) {
    const { name: destination } = look;
    lagChanges.set({ destination }, look.lag.changes);
    lagSeconds.set({ destination }, look.lag.ms / 1_000);
    for (const [lane, count] of Object.entries(look.queue)) queue.set({ destination, lane }, count);
    dead.set({ destination }, look.deadLetters);
    for (const one of states) state.set({ destination, state: one }, look.state === one ? 1 : 0);
    if (look.backfill !== null) filled.set({ destination }, look.backfill.share);
    if (look.drift !== null) drift.set({ destination }, look.drift.drifted);
    for (const [operation, outcome, count] of look.counts.requests.entries())
      requests.inc({ destination, operation, outcome }, count);
    for (const [operation, lane, count] of look.counts.rows.entries())
      rows.inc({ destination, operation, lane }, count);
  }
  return Object.fromEntries(looks.map(({ name, counts }) => [name, counts.latency]));
}
