/**
 * How hard a campaign presses: a sent e-mail can't wait and can't be told to come back, so content is never refused.
 * While content is asked for and the event loop runs late, ingest is told to come back first, whose clients can; when
 * it runs so late that an ESP would give up, content is answered from memory alone.
 */
import type { Clock } from "../../lib/clock.ts";
import type { Timers } from "../../lib/timers.ts";

const tickMs = 50;
/** Beyond this, new events wait for a better moment while content is asked for. */
const ingestYieldsAtMs = 500;
/** The strictest ESP gives up after two seconds. */
const memoryOnlyAtMs = 1_200;
/** A late moment is remembered for so long. */
const rememberedMs = 1_000;
/** Content counts as asked for so long after its last request. */
const askedMs = 1_000;

export class Pressure implements Disposable {
  readonly #clock: Clock;
  readonly #timer: Disposable;
  #expectedMs: number;
  #lateMs = 0;
  #lateAtMs = Number.NEGATIVE_INFINITY;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(timers: Timers, clock: Clock) {
    this.#clock = clock;
    this.#expectedMs = clock.monotonicMs() + tickMs;
    this.#timer = timers.every(tickMs, () => this.#tick());
  }

  /** Content is asked for. */
  note(): void {
    this.#askedAtMs = this.#clock.monotonicMs();
  }

  /** True while new events must give way. */
  get ingestYields(): boolean {
    return this.#lateness() > ingestYieldsAtMs && this.#clock.monotonicMs() - this.#askedAtMs <= askedMs;
  }

  /** True while an answer must come from memory. */
  get memoryOnly(): boolean {
    return this.#lateness() > memoryOnlyAtMs;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  /** How late the loop ran within the last second; what is late now counts too. */
  #lateness(): number {
    const nowMs = this.#clock.monotonicMs();
    const remembered = nowMs - this.#lateAtMs <= rememberedMs ? this.#lateMs : 0;
    return Math.max(remembered, nowMs - this.#expectedMs);
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs();
    const lateMs = nowMs - this.#expectedMs;
    if (lateMs >= this.#lateMs || nowMs - this.#lateAtMs > rememberedMs) {
      this.#lateMs = lateMs;
      this.#lateAtMs = nowMs;
    }
    this.#expectedMs = nowMs + tickMs;
  }
}
