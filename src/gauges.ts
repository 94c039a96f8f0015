/** The numbers that the running server keeps of itself, for /metrics. */
import { SourceCounts } from "./admin/api/sourceCounts.ts";
import type { Clock } from "./lib/clock.ts";
import { Latency, Tally } from "./lib/metrics.ts";
import type { Timers } from "./lib/timers.ts";

export interface Gauges extends Disposable {
  readonly submissions: Tally;
  readonly committed: Latency;
  readonly visible: Latency;
  readonly fed: Latency;
  readonly eventLoopLag: Latency;
  readonly sources: SourceCounts;
}

const lagTickMs = 500;

/** Starts to count; the event loop's lag is how late a timer fires. */
export function startGauges(timers: Timers, clock: Clock): Gauges {
  const eventLoopLag = new Latency();
  let expectedMs = clock.monotonicMs() + lagTickMs;
  const timer = timers.every(lagTickMs, () => {
    const nowMs = clock.monotonicMs();
    eventLoopLag.note(nowMs - expectedMs);
    expectedMs = nowMs + lagTickMs;
  });
  return {
    submissions: new Tally(),
    committed: new Latency(),
    visible: new Latency(),
    fed: new Latency(),
    eventLoopLag,
    sources: new SourceCounts(),
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  };
}
