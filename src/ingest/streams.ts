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
  readonly #closing = new Set<Promise<void>>();
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

  /** Takes a stream out whose last line is said; `closed` resolves once its client has had time to read that. */
  leave(stream: OpenStream, closed: Promise<void>): void {
    this.#open.delete(stream);
    this.#closing.add(closed);
    const forget = () => void this.#closing.delete(closed);
    closed.then(forget, forget);
  }

  /** Resolves once the streams that were ended are closed too. */
  async closed(): Promise<void> {
    await Promise.all(this.#closing);
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
