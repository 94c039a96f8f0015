/**
 * How many bad credentials an address may send before it is told to wait. Good ones are let in all the same: ESPs send
 * from addresses that they share, and nobody's mistake may empty another's e-mails. There is nothing to guess here (keys
 * have 160 random bits); what is limited is how long somebody with a wrong one goes on unaware, and the logs.
 */

const windowMs = 60_000;
const freeTries = 100;
/** Addresses remembered; the oldest goes first. */
const maxAddresses = 10_000;

interface Window {
  readonly beganAtMs: number;
  count: number;
}

export class BadTries {
  readonly #windows = new Map<string, Window>();
  readonly #nowMs: () => number;

  /** `nowMs` is a monotonic reading. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Counts one; gives the seconds to wait when there were too many, else null. */
  count(address: string): number | null {
    const nowMs = this.#nowMs();
    const known = this.#windows.get(address);
    const isOver = known === undefined || nowMs - known.beganAtMs >= windowMs;
    const window = isOver ? { beganAtMs: nowMs, count: 0 } : known;
    if (isOver) {
      this.#windows.delete(address);
      this.#windows.set(address, window);
      const [oldest] = this.#windows.keys();
      if (this.#windows.size > maxAddresses && oldest !== undefined) this.#windows.delete(oldest);
    }
    window.count += 1;
    if (window.count <= freeTries) return null;
    return Math.max(1, Math.ceil((window.beganAtMs + windowMs - nowMs) / 1_000));
  }
}
