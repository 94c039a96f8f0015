/**
 * How often one address may try keys that are none: a few times freely, then after a wait that doubles each time.
 * A good key clears the slate; so does an hour without a try.
 */
import { networkOf } from "../../ingest/rateLimit.ts";

const freeTries = 3;
const firstWaitMs = 1_000;
const longestWaitMs = 15 * 60_000;
const forgottenAfterMs = 3_600_000;
/** Addresses remembered; the longest unused goes first. */
const maxAddresses = 10_000;

interface Failures {
  count: number;
  lastAtMs: number;
  openAtMs: number;
}

export class Attempts {
  readonly #failures = new Map<string, Failures>();
  readonly #nowMs: () => number;

  /** `nowMs` is a monotonic reading. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Milliseconds until the address may try; 0: now. */
  waitMs(address: string): number {
    const failures = this.#failures.get(networkOf(address));
    return failures === undefined ? 0 : Math.max(0, failures.openAtMs - this.#nowMs());
  }

  /** A key was none. Tells how many there were in a row, and the wait that follows. */
  failed(address: string): { readonly count: number; readonly waitMs: number } {
    const name = networkOf(address);
    const nowMs = this.#nowMs();
    const former = this.#failures.get(name);
    const isFresh = former !== undefined && nowMs - former.lastAtMs < forgottenAfterMs;
    const count = isFresh ? former.count + 1 : 1;
    const waitMs = count < freeTries ? 0 : Math.min(longestWaitMs, firstWaitMs * 2 ** (count - freeTries));
    this.#failures.delete(name);
    this.#failures.set(name, { count, lastAtMs: nowMs, openAtMs: nowMs + waitMs });
    for (const oldest of this.#failures.keys()) {
      if (this.#failures.size <= maxAddresses) break;
      this.#failures.delete(oldest);
    }
    return { count, waitMs };
  }

  /** A key was good. */
  cleared(address: string): void {
    this.#failures.delete(networkOf(address));
  }
}
