/** What each source sent since the start of the server, and when last. One look into a map a request. */
import type { Answer, Frame } from "../../store/accept.ts";
import type { ChangeLog } from "../../store/changeLog.ts";
import type { SourceAnswer } from "./adminWire.ts";

interface Counts {
  lastSeenMs: number;
  requests: number;
  refused: number;
  lastRefusedMs: number | null;
  lastRefusedCode: string | null;
}

/** The newest changes that tell when a source was last seen before the start. */
const lookedThrough = 1_000;
/** Sources remembered; there are as many as keys name, so this is only a bound. */
const maxSources = 10_000;

export class SourceCounts {
  readonly #counts = new Map<string, Counts>();
  #isSeeded = false;

  /** Called with every answered request. */
  note({ source, receivedAtMs }: Frame, answer: Answer): void {
    const counts = this.#of(source);
    counts.requests += 1;
    if (receivedAtMs > counts.lastSeenMs) counts.lastSeenMs = receivedAtMs;
    if (answer.kind === "unavailable" || answer.rejected.length === 0) return;
    counts.refused += answer.rejected.length;
    counts.lastRefusedMs = receivedAtMs;
    counts.lastRefusedCode = answer.rejected[0]?.error.code ?? null;
  }

  /** Every source known, the last seen first. */
  list(changes: ChangeLog): readonly SourceAnswer[] {
    if (!this.#isSeeded) this.#seed(changes);
    return [...this.#counts]
      .sort(([, left], [, right]) => right.lastSeenMs - left.lastSeenMs)
      .map(([source, counts]) => ({
        source,
        lastSeenAt: counts.lastSeenMs === 0 ? null : new Date(counts.lastSeenMs).toISOString(),
        requests: counts.requests,
        refused: counts.refused,
        lastRefusedAt: counts.lastRefusedMs === null ? null : new Date(counts.lastRefusedMs).toISOString(),
        lastRefusedCode: counts.lastRefusedCode,
      }));
  }

  #seed(changes: ChangeLog): void {
    this.#isSeeded = true;
    const from = Math.max(changes.floor(), changes.head() - lookedThrough);
    for (const { event, receivedAtMs } of changes.read(from, lookedThrough).changes) {
      if (event === null || receivedAtMs === null) continue;
      const counts = this.#of(event.source);
      counts.lastSeenMs = Math.max(counts.lastSeenMs, receivedAtMs);
    }
  }

  #of(source: string): Counts {
    let counts = this.#counts.get(source);
    if (counts === undefined) {
      counts = { lastSeenMs: 0, requests: 0, refused: 0, lastRefusedMs: null, lastRefusedCode: null };
      if (this.#counts.size < maxSources) this.#counts.set(source, counts);
    }
    return counts;
  }
}
