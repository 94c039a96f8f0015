/** Wakes the writer thread when the next profile falls due: one timer, however many wait. */
import type { Clock } from "../lib/clock.ts";
import { errorText } from "../lib/describeError.ts";
import type { Timers } from "../lib/timers.ts";
import type { FromWriter } from "./messages.ts";
import { AudienceSamples } from "./audienceSamples.ts";
import { classifyWriteFailure } from "./sqlite.ts";
import { JournalFailed } from "./judging.ts";
import type { Writer } from "./writer.ts";

export interface DueAlarmDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly post: (message: FromWriter) => void;
}

/**
 * Longest sleep before a look at the clock: it may have been set while the timer ran, and a delay past 2^31 ms would
 * end at once.
 */
const maxSleepMs = 1_000;

/** Pause after what fell due could not be stored. */
const retryMs = 1_000;

export class DueAlarm {
  readonly #deps: DueAlarmDeps;
  readonly #wake: () => void;
  readonly #samples = new AudienceSamples();
  #timer: Disposable | null = null;
  /** Nothing falls due before this monotonic reading, since the last try failed. */
  #notBeforeMs = 0;

  constructor(deps: DueAlarmDeps, wake: () => void) {
    this.#deps = deps;
    this.#wake = wake;
  }

  /** Wakes the thread at that instant, or earlier to look again; null: not at all. */
  set(dueMs: number | null): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    if (dueMs === null) return;
    const { clock, timers } = this.#deps;
    const leftMs = Math.max(dueMs - clock.nowMs(), this.#notBeforeMs - clock.monotonicMs(), 0);
    this.#timer = timers.after(Math.min(leftMs, maxSleepMs), () => {
      this.#timer = null;
      this.#wake();
    });
  }

  /** Tells what fell due, and samples the audiences; true if something did fall due. Throws JournalFailed when the disk lies. */
  pass(writer: Writer): boolean {
    const { clock, post } = this.#deps;
    if (clock.monotonicMs() < this.#notBeforeMs) return false;
    try {
      const hasPassed = writer.passTime();
      if (hasPassed) post(writer.announce());
      this.#samples.tend(writer, clock.nowMs());
      return hasPassed;
    } catch (error) {
      if (classifyWriteFailure(error) === "io") throw new JournalFailed(errorText(error));
      this.#notBeforeMs = clock.monotonicMs() + retryMs;
      const message = `what fell due can't be told yet: ${errorText(error)}`;
      post({ kind: "notice", level: "error", message });
      return false;
    }
  }
}
