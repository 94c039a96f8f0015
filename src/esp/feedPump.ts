/**
 * The one pull loop: whenever its client has room (`want`), it takes one page from the reader and hands it over, now
 * or as soon as there is one. All three envelopes are driven by it.
 */
import { pageFrames, type FeedReader, type Frame } from "./feed.ts";
import type { FeedHub, Waiter } from "./feedHub.ts";

/** Where pages go. */
export interface PumpSink {
  /** One page, at least one frame; answers one `want`. */
  accept(frames: readonly Frame[]): void;
  /** Reading failed; the pump has stopped. */
  fail(error: unknown): void;
}

export class FeedPump implements Waiter {
  readonly #hub: FeedHub;
  readonly #reader: FeedReader;
  readonly #sink: PumpSink;
  readonly #limit: number;
  #state: "idle" | "wanted" | "stopped" = "idle";
  /** True while the reader has more that it need not wait for. */
  isBehind = false;

  constructor(hub: FeedHub, reader: FeedReader, sink: PumpSink, limit = pageFrames) {
    this.#hub = hub;
    this.#reader = reader;
    this.#sink = sink;
    this.#limit = limit;
  }

  /** The client has room for one page. */
  want(): void {
    if (this.#state !== "idle") return;
    this.#state = "wanted";
    // Whoever has much to catch up on lets others have their turn between two pages.
    if (this.isBehind) setImmediate(() => this.wake());
    else this.wake();
  }

  /** Called by the hub when there may be more. */
  wake(): void {
    if (this.#state !== "wanted") return;
    try {
      this.#step();
    } catch (error) {
      this.stop();
      this.#sink.fail(error);
    }
  }

  /** Nothing is handed over any more. */
  stop(): void {
    this.#state = "stopped";
    this.#hub.forget(this);
  }

  #step(): void {
    const { frames, next } = this.#reader.take(this.#limit);
    this.isBehind = next === "more";
    if (frames.length > 0) {
      this.#state = "idle";
      this.#sink.accept(frames);
    } else if (next === "more") {
      setImmediate(() => this.wake());
    } else {
      this.#hub.wait(this, next);
    }
  }
}
