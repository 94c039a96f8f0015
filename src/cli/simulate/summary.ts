/** What a run came to, as lines for people or as one JSON object. */
import type { Sender } from "./sender.ts";

/** Numbers of a finished run. */
export interface Summary {
  readonly seed: number;
  readonly durationMs: number;
  readonly eventsPerSecond: number;
  readonly sent: number;
  readonly accepted: number;
  readonly repeated: number;
  readonly rejected: number;
  readonly unanswered: number;
  readonly late: number;
  readonly requests: number;
  readonly retries: number;
  readonly latencyMs: Readonly<Record<"p50" | "p95" | "p99" | "max", number | null>>;
}

export function summaryOf(sender: Sender, seed: number, durationMs: number): Summary {
  const { tally } = sender;
  return {
    seed,
    durationMs: Math.round(durationMs),
    eventsPerSecond: Math.round((tally.sent * 10_000) / Math.max(1, durationMs)) / 10,
    ...tally,
    latencyMs: {
      p50: sender.latencyMs(50),
      p95: sender.latencyMs(95),
      p99: sender.latencyMs(99),
      max: sender.latencyMs(100),
    },
  };
}

/** Lines for people. */
export function summaryText(summary: Summary): string {
  const { p50, p95, p99, max } = summary.latencyMs;
  const lines = [
    `${count(summary.sent)} events in ${(summary.durationMs / 1_000).toFixed(1)} s (${summary.eventsPerSecond} a second), seed ${summary.seed}`,
    `  new       ${count(summary.accepted)}, of which ${count(summary.late)} out of order`,
    `  repeated  ${count(summary.repeated)}, without effect`,
    `  rejected  ${count(summary.rejected)}`,
    `  requests  ${count(summary.requests)}, of which ${count(summary.retries)} sent again`,
    `  answered  p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}, slowest ${ms(max)}`,
  ];
  if (summary.unanswered > 0)
    lines.push(`  unanswered ${count(summary.unanswered)}: they may have arrived or not`);
  return `${lines.join("\n")}\n`;
}

function count(number: number): string {
  return number.toLocaleString("en");
}

function ms(duration: number | null): string {
  return duration === null ? "–" : `${duration < 10 ? duration.toFixed(1) : Math.round(duration)} ms`;
}
