/** When a change first left through a feed, for the newest changes. */
import type { Clock } from "../lib/clock.ts";
import type { Latency } from "../lib/metrics.ts";
import { eventName } from "../model/audit/dayTally.ts";
import type { ChangeLog } from "../store/changeLog.ts";

/** Told how long a change took until it left. */
type OnFed = (source: string, event: string, durationMs: number) => void;

/** Changes remembered; older ones are forgotten as new ones come. A power of two. */
const remembered = 65_536;

export class FedTimes {
  readonly #seqs = new Float64Array(remembered);
  readonly #timesMs = new Float64Array(remembered);
  readonly #changes: ChangeLog;
  readonly #latency: Latency;
  readonly #clock: Clock;
  readonly #onFed: OnFed;
  /** Head when this began: what stood below was first fed in an earlier life. */
  readonly #begunAfter: number;

  /** `latency` takes the time from receipt to the first reader; `onFed` hears of each, by source and event. */
  constructor(changes: ChangeLog, latency: Latency, clock: Clock, onFed: OnFed = () => {}) {
    this.#changes = changes;
    this.#latency = latency;
    this.#clock = clock;
    this.#onFed = onFed;
    this.#begunAfter = changes.newest();
  }

  /** A reader was handed this change. Only the first one counts. */
  note(seq: number): void {
    if (seq <= this.#begunAfter) return;
    const slot = seq & (remembered - 1);
    if ((this.#seqs[slot] ?? 0) >= seq) return;
    const nowMs = this.#clock.nowMs();
    this.#seqs[slot] = seq;
    this.#timesMs[slot] = nowMs;
    const [change] = this.#changes.read(seq - 1, 1).changes;
    if (change?.cause !== "event" || change.seq !== seq || change.receivedAtMs === null) return;
    this.#latency.note(nowMs - change.receivedAtMs);
    if (change.event !== null && change.namespace === "live")
      this.#onFed(change.event.source, eventName(change.event), nowMs - change.receivedAtMs);
  }

  /** When, or null where it has not or is not remembered. */
  at(seq: number): number | null {
    const slot = seq & (remembered - 1);
    return this.#seqs[slot] === seq ? (this.#timesMs[slot] ?? null) : null;
  }
}
