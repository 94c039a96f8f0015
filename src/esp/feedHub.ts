/** Everyone who listens to the feed: one wait on the change log wakes them all, one timer beats for them all. */
import { Refusal } from "../errors.ts";
import type { ChangeLog } from "../store/changeLog.ts";

/** A listener that can be woken. None of these may throw. */
export interface Listener {
  /** There may be something to read. */
  wake(): void;
  /** Time for a sign of life. */
  beat(): void;
  /** The server stops: say goodbye and end. */
  end(): void;
}

/** Calls `tick` every so often until disposed; injected, so that tests beat by hand. */
export type Every = (intervalMs: number, tick: () => void) => Disposable;

/** Time between two signs of life on a quiet stream. */
export const heartbeatMs = 10_000;
/** What a client is told to wait before it connects again. */
export const retryMs = 1_000;

export class FeedHub implements Disposable {
  readonly #listeners = new Set<Listener>();
  readonly #stop = new AbortController();
  readonly #beat: Disposable;
  readonly #maxListeners: number;
  #closed = false;

  constructor(
    changes: ChangeLog,
    options: {
      readonly every: Every;
      readonly maxListeners: number;
      readonly onError: (error: unknown) => void;
    },
  ) {
    this.#maxListeners = options.maxListeners;
    this.#beat = options.every(heartbeatMs, () => {
      for (const listener of this.#listeners) listener.beat();
    });
    this.#watch(changes).catch(options.onError);
  }

  /** Streams open now. */
  get size(): number {
    return this.#listeners.size;
  }

  /** Takes a listener in. Throws Refusal overloaded when there is no room, draining when the server stops. */
  join(listener: Listener): void {
    if (this.#closed) throw new Refusal("draining", { retryAfterSeconds: 5 });
    if (this.#listeners.size >= this.#maxListeners)
      throw new Refusal("overloaded", { detail: "Too many streams are open.", retryAfterSeconds: 10 });
    this.#listeners.add(listener);
  }

  leave(listener: Listener): void {
    this.#listeners.delete(listener);
  }

  /** Ends every stream. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#stop.abort();
    this.#beat[Symbol.dispose]();
    for (const listener of this.#listeners) listener.end();
    this.#listeners.clear();
  }

  async #watch(changes: ChangeLog): Promise<void> {
    for (let seen = changes.head(); await changes.waitBeyond(seen, this.#stop.signal);) {
      seen = changes.head();
      for (const listener of this.#listeners) listener.wake();
    }
  }
}
