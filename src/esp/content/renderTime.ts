/**
 * How long one template may be at work. What counts is the time that this thread had a processor, not the time on the
 * clock: on a machine that has much else to do a good template can stand still for a tenth of a second, and would be
 * taken for one that never ends. The clock is only what tells when to look, since that costs nothing.
 */

const limitMs = 100;
/** Before this much has passed on the clock nothing can be over. */
const firstLookMs = 10;

export class RenderTime {
  readonly #threadCpuMs: () => number;
  /** Null: it has not begun. */
  #lookAtMs: number | null = null;
  /** What the thread's time may come to; null: nobody has looked yet. */
  #endsAtCpuMs: number | null = null;

  /** `threadCpuMs`: time at work of this thread. */
  constructor(threadCpuMs: () => number) {
    this.#threadCpuMs = threadCpuMs;
  }

  /** The first call begins it; throws once it was at work for too long. `nowMs`: the clock's reading. */
  check(nowMs: number): void {
    this.#lookAtMs ??= nowMs + firstLookMs;
    if (nowMs < this.#lookAtMs) return;
    const cpuMs = this.#threadCpuMs();
    this.#endsAtCpuMs ??= cpuMs + limitMs - firstLookMs;
    const leftMs = this.#endsAtCpuMs - cpuMs;
    if (leftMs <= 0) throw new Error("the template took too long");
    // At work all the while, it would be over by then and no sooner.
    this.#lookAtMs = nowMs + leftMs;
  }
}
