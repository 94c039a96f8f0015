/** Sends a stream of events at an even rate, several requests at once, until there is enough or no more time. */
import type { Clock } from "../../lib/clock.ts";
import type { Outgoing } from "./traffic.ts";

export interface PaceOptions {
  /** Gives the next event; null: there is no more. */
  readonly next: () => Outgoing | null;
  readonly send: (events: readonly Outgoing[]) => Promise<void>;
  readonly eventsPerSecond: number;
  /** Null: no end. */
  readonly maxEvents: number | null;
  readonly maxDurationMs: number | null;
  readonly clock: Clock;
  /** Aborts: nothing more is sent. */
  readonly stop: AbortSignal;
  readonly onTick: (elapsedMs: number) => void;
}

const tickMs = 10;
const requestsAtOnce = 8;
/** Events of one request. */
const maxBatch = 200;
/** After a stall, so much time is made up for at once; the rest of the rate is lost, and the summary shows it. */
const catchUpMs = 500;

/** Resolves when the last request is answered. Throws what `send` throws. */
export async function pace(options: PaceOptions): Promise<void> {
  const { clock, stop, eventsPerSecond, maxEvents, maxDurationMs } = options;
  const underWay = new Set<Promise<void>>();
  const failures: Error[] = [];
  const startedMs = clock.monotonicMs();
  let paidMs = startedMs;
  let left = maxEvents ?? Number.POSITIVE_INFINITY;
  while (left > 0 && !stop.aborted && failures.length === 0) {
    const nowMs = clock.monotonicMs();
    if (maxDurationMs !== null && nowMs - startedMs >= maxDurationMs) break;
    paidMs = Math.max(paidMs, nowMs - catchUpMs);
    const due = Math.min(left, maxBatch, Math.floor(((nowMs - paidMs) * eventsPerSecond) / 1_000));
    if (due > 0 && underWay.size < requestsAtOnce) {
      const events = take(options.next, due);
      if (events.length === 0) break;
      paidMs += (events.length * 1_000) / eventsPerSecond;
      left -= events.length;
      const request = options
        .send(events)
        .catch((error: unknown) => {
          failures.push(error instanceof Error ? error : new Error("sending failed", { cause: error }));
        })
        .finally(() => underWay.delete(request));
      underWay.add(request);
    } else await Bun.sleep(tickMs);
    options.onTick(nowMs - startedMs);
  }
  await Promise.all(underWay);
  const [first] = failures;
  if (first !== undefined) throw first;
}

function take(next: () => Outgoing | null, count: number): readonly Outgoing[] {
  const events: Outgoing[] = [];
  while (events.length < count) {
    const event = next();
    if (event === null) break;
    events.push(event);
  }
  return events;
}
