/**
 * Everyone who listens to the feed: one wait on the change log wakes them all, one timer ticks for them all. Nobody
 * has a queue here: a listener that is not waiting, because its client is slow, is not even looked at.
 */
import { Refusal } from "../errors.ts";
import type { ChangeLog } from "../store/changeLog.ts";
import { ChangeTexts, type FeedFilter } from "./changeView.ts";

/** Someone connected. None of these may throw. */
export interface Listener {
  /** A fraction of the heartbeat's time has passed, see `ticksPerBeat`. */
  tick(): void;
  /** The server stops: say goodbye and end. The client should come back after `retryMs`. */
  end(retryMs: number): void;
}

/** Someone who waits for more. May not throw. */
export interface Waiter {
  wake(): void;
}

/** Calls `tick` every so often until disposed; injected, so that tests beat by hand. */
export type Every = (intervalMs: number, tick: () => void) => Disposable;

export interface FeedHubOptions {
  readonly every: Every;
  /** Longest silence of a stream. */
  readonly heartbeatMs: number;
  readonly maxListeners: number;
  readonly onError: (error: unknown) => void;
}

/** A stream that was quiet for so many ticks beats: its silence is then between 3/4 and all of the heartbeat's time. */
export const ticksPerBeat = 4;
/** What a client is told to wait before it connects again after a lost connection. */
export const retryMs = 1_000;
/** When the server stops, its clients are sent away for different times, so that they don't all come back at once. */
const retrySpreadMs = 4_000;
const retryStepMs = 617;
/** Listeners served in one go, before others have their turn. */
const servedAtOnce = 64;
/** Filters whose rendered changes are shared. */
const maxSharedFilters = 64;

export class FeedHub implements Disposable {
  readonly #listeners = new Set<Listener>();
  readonly #texts = new Map<string, ChangeTexts>();
  readonly #stop = new AbortController();
  readonly #timer: Disposable;
  readonly #options: FeedHubOptions;
  #forChange = new Set<Waiter>();
  #forWhile = new Set<Waiter>();
  #closed = false;

  constructor(changes: ChangeLog, options: FeedHubOptions) {
    this.#options = options;
    this.#timer = options.every(options.heartbeatMs / ticksPerBeat, () => {
      this.#tick().catch(options.onError);
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
    if (this.#listeners.size >= this.#options.maxListeners)
      throw new Refusal("overloaded", { detail: "Too many streams are open.", retryAfterSeconds: 10 });
    this.#listeners.add(listener);
  }

  leave(listener: Listener): void {
    this.#listeners.delete(listener);
  }

  /** Wakes the waiter once, when the head has moved or after a while. */
  wait(waiter: Waiter, until: "change" | "while"): void {
    (until === "change" ? this.#forChange : this.#forWhile).add(waiter);
  }

  forget(waiter: Waiter): void {
    this.#forChange.delete(waiter);
    this.#forWhile.delete(waiter);
  }

  /** The renderer for a filter, the same one for all readers of that filter. */
  textsFor(filter: FeedFilter): ChangeTexts {
    const { namespace, traits, readable, segment, idType } = filter;
    const key = JSON.stringify([namespace, traits, readable, segment, idType]);
    const texts = this.#texts.get(key) ?? new ChangeTexts(filter);
    this.#texts.delete(key);
    this.#texts.set(key, texts);
    for (const longestUnused of this.#texts.keys()) {
      if (this.#texts.size <= maxSharedFilters) break;
      this.#texts.delete(longestUnused);
    }
    return texts;
  }

  /** Told by listeners when serving one failed. */
  report(error: unknown): void {
    this.#options.onError(error);
  }

  /** Ends every stream. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#stop.abort();
    this.#timer[Symbol.dispose]();
    let awayMs = 0;
    for (const listener of this.#listeners) {
      listener.end(retryMs + awayMs);
      awayMs = (awayMs + retryStepMs) % retrySpreadMs;
    }
    this.#listeners.clear();
  }

  async #watch(changes: ChangeLog): Promise<void> {
    for (let seen = changes.head(); await changes.waitBeyond(seen, this.#stop.signal);) {
      seen = changes.head();
      const waiting = this.#forChange;
      this.#forChange = new Set();
      await inTurns(waiting, (waiter) => waiter.wake());
    }
  }

  async #tick(): Promise<void> {
    const waiting = this.#forWhile;
    this.#forWhile = new Set();
    await inTurns(waiting, (waiter) => waiter.wake());
    await inTurns([...this.#listeners], (listener) => {
      if (this.#listeners.has(listener)) listener.tick();
    });
  }
}

async function inTurns<T>(all: Iterable<T>, serve: (one: T) => void): Promise<void> {
  let served = 0;
  for (const one of all) {
    serve(one);
    served += 1;
    if (served % servedAtOnce === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
