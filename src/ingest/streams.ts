/** The open streams of events: how many there may be, their common heartbeat, and their common end. */
import { Refusal } from "../errors.ts";
import type { Timers } from "../lib/timers.ts";

/** One open stream. */
export interface OpenStream {
  /** Called once a heartbeat. */
  tick(): void;
  /** Takes in nothing more, answers what is under way, says why and ends. */
  stop(reason: Refusal): void;
}

export interface StreamsOptions {
  readonly timers: Timers;
  readonly heartbeatMs: number;
  readonly maxStreams: number;
}

const drainRetrySeconds = 5;

export class EventStreams implements Disposable {
  readonly #open = new Set<OpenStream>();
  readonly #maxStreams: number;
  readonly #timer: Disposable;
  #ended = false;

  constructor({ timers, heartbeatMs, maxStreams }: StreamsOptions) {
    this.#maxStreams = maxStreams;
    this.#timer = timers.every(heartbeatMs, () => {
      for (const stream of this.#open) stream.tick();
    });
  }

  /** Streams that are open now. */
  get size(): number {
    return this.#open.size;
  }

  /** Throws Refusal where there is no room for another stream, or none is wanted any more. */
  admit(): void {
    if (this.#ended) throw new Refusal("draining", { retryAfterSeconds: drainRetrySeconds });
    if (this.#open.size >= this.#maxStreams) throw new Refusal("overloaded", { retryAfterSeconds: 1 });
  }

  join(stream: OpenStream): void {
    this.#open.add(stream);
  }

  leave(stream: OpenStream): void {
    this.#open.delete(stream);
  }

  /** Ends every stream; none is let in any more. */
  end(): void {
    this.#ended = true;
    for (const stream of this.#open)
      stream.stop(new Refusal("draining", { retryAfterSeconds: drainRetrySeconds }));
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    this.end();
  }
}
