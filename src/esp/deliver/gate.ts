/**
 * Whether a destination may send now: an operator may have paused it, it may have stopped itself, its breaker may hold
 * requests back, the other side may have asked for silence, a window may be full.
 */
import type { Clock } from "../../lib/clock.ts";
import type { Ids } from "../../lib/id.ts";
import {
  afterFailure,
  afterSuccess,
  closedBreaker,
  tryThrough,
  type Breaker,
} from "../../model/delivery/breaker.ts";
import type { Lane } from "../../model/delivery/delivery.ts";
import { Pacer, type Cost, type Window } from "../../model/delivery/pacing.ts";
import type { Sent } from "./answers.ts";
import type { Wake } from "./wake.ts";

export interface GateDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly wake: Wake;
  readonly signal: AbortSignal;
}

/** A worker waits so long for its turn; for longer ones it gives its rows back and does something more urgent. */
const shortTurnMs = 250;

export class Gate {
  readonly #deps: GateDeps;
  readonly #pacer: Pacer;
  readonly #heldUntilMs: Record<Lane, number> = { transactional: 0, behavioural: 0, batch: 0 };
  #breaker: Breaker = closedBreaker;
  isPaused: boolean;
  /** Why nothing is sent before an operator acts; null: it is not so. */
  stopped: string | null;

  constructor(
    windows: readonly Window[],
    state: { readonly isPaused: boolean; readonly stopped: string | null },
    deps: GateDeps,
  ) {
    this.#deps = deps;
    this.#pacer = new Pacer(windows);
    this.isPaused = state.isPaused;
    this.stopped = state.stopped;
  }

  get breaker(): Breaker {
    return this.#breaker;
  }

  pause(isPaused: boolean): void {
    this.isPaused = isPaused;
    if (isPaused) return;
    this.stopped = null;
    this.#breaker = closedBreaker;
  }

  /** 0: it may send; else how long until it is worth looking again (null: until something is said). */
  heldMs(): number | null {
    if (this.isPaused || this.stopped !== null) return null;
    const through = tryThrough(this.#breaker, this.#deps.clock.monotonicMs());
    return through.kind === "go" ? 0 : through.waitMs;
  }

  /** How long nothing more of that lane goes out. */
  laneWaitMs(lane: Lane): number {
    const nowMs = this.#deps.clock.monotonicMs();
    const pacedMs = this.#pacer.waitMs({ rows: 1, bytes: 0 }, lane, nowMs);
    return Math.max(0, this.#heldUntilMs[lane] - nowMs, pacedMs);
  }

  /**
   * Waits a short while for the turn of a request; false where it would be long, or nothing may be sent. Whoever was
   * let through says with `told` what came of it. `isFurther`: it goes with one that was let through and answered, so
   * it belongs to its trial.
   */
  async turn(cost: Cost, lane: Lane, isFurther = false): Promise<boolean> {
    const { clock, signal, wake } = this.#deps;
    for (let waitedMs = 0; !signal.aborted;) {
      if (this.isPaused || this.stopped !== null) return false;
      const nowMs = clock.monotonicMs();
      const isTrial = isFurther && this.#breaker.kind === "trying";
      const through = isTrial
        ? ({ kind: "go", breaker: this.#breaker } as const)
        : tryThrough(this.#breaker, nowMs);
      if (through.kind === "wait") return false;
      const waitMs = this.#pacer.admit(cost, lane, nowMs);
      if (waitMs === 0) {
        this.#breaker = through.breaker;
        return true;
      }
      if (waitedMs + waitMs > shortTurnMs) {
        this.#heldUntilMs[lane] = Math.max(this.#heldUntilMs[lane], nowMs + waitMs);
        return false;
      }
      await wake.sleep(waitMs);
      waitedMs += waitMs;
    }
    return false;
  }

  told({ isFailure, silenceMs }: Pick<Sent, "isFailure" | "silenceMs">): void {
    const { clock, ids } = this.#deps;
    const nowMs = clock.monotonicMs();
    this.#breaker = isFailure ? afterFailure(this.#breaker, nowMs, ids.random()) : afterSuccess();
    if (silenceMs !== null) this.#pacer.silence(silenceMs, nowMs);
  }

  /** Whoever was let through won't say what came of it: another one may try. */
  forgetTrial(): void {
    if (this.#breaker.kind === "trying")
      this.#breaker = { kind: "open", untilMs: this.#deps.clock.monotonicMs(), trips: this.#breaker.trips };
  }
}
