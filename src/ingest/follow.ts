/**
 * Follows another server's stream of server-sent events: each event's data is one event of ours. It is read at our
 * own pace, since nothing more is read until what was read is on disk, and the id to go on from is kept in the same
 * transaction as the events before it. So each event comes into the journal once, whichever side is killed, as long
 * as the other side resumes behind the id that it is given.
 *
 *   connecting → connected → waiting (longer each time, until events come again) → connecting …
 *   over: the other side said that there is nothing more (204); a restart asks again
 */
import { backoffMs } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import { openEventStream } from "../lib/http.ts";
import type { Ids } from "../lib/id.ts";
import type { Log } from "../lib/log.ts";
import type { Timers } from "../lib/timers.ts";
import type { Accept, Frame } from "../store/accept.ts";
import { followRequest } from "./followRequest.ts";
import { maxEventBytes } from "./limits.ts";
import { packLines } from "./lines.ts";
import { SseParser, type SseMessage } from "./sseParser.ts";

/** A stream to follow, as the operator named it. */
export interface FollowedStream extends Pick<Frame, "source" | "namespace" | "trusted"> {
  /** http or https; with a user name and password it is asked with those. It may be in a private network. */
  readonly url: string;
}

export interface FollowDeps {
  readonly accept: Accept;
  /** The id that the source has reached, as the journal holds it; null if none. */
  readonly lastEventId: (source: string) => string | null;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly ids: Ids;
  readonly log: Log;
}

/** How a followed stream is. */
export interface FollowStatus {
  readonly source: string;
  /** Without credentials and query. */
  readonly url: string;
  readonly state: "connecting" | "connected" | "waiting" | "over" | "stopped";
  readonly lastEventAtMs: number | null;
  /** Connections that ended or did not come about since the start. */
  readonly retries: number;
  /** Why there is no connection; null while there is one. */
  readonly failing: string | null;
}

/** What goes to the writer at once. */
const maxFrameEvents = 512;
const maxFrameBytes = 256 * 1024;
const defaultRetryMs = 1_000;
const maxRetryMs = 3_600_000;
const backoff = { baseMs: 1_000, maxMs: 60_000 };
const tickMs = 10_000;
/** A server that does not answer, or says nothing, for so many ticks is asked anew. */
const connectTicks = 3;
const silentTicks = 30;

type Ending =
  { readonly kind: "over" } | { readonly kind: "stopped" } | { readonly kind: "lost"; readonly why: string };

const encoder = new TextEncoder();

export class Follower {
  readonly #stream: FollowedStream;
  readonly #deps: FollowDeps;
  readonly #place: string;
  #state: FollowStatus["state"] = "connecting";
  #failing: string | null = null;
  #lastEventAtMs: number | null = null;
  #retries = 0;
  /** Failures since an event came last. */
  #failures = 0;
  #retryMs = defaultRetryMs;
  #keptId = "";
  #index = 0;
  #quietTicks = 0;
  #isStopped = false;
  #connection = new AbortController();
  /** Ends the wait between two connections. */
  #wake: (() => void) | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(stream: FollowedStream, deps: FollowDeps) {
    this.#stream = stream;
    this.#deps = deps;
    const { origin, pathname } = new URL(stream.url);
    this.#place = `${origin}${pathname}`;
  }

  start(): void {
    this.#keptId = this.#deps.lastEventId(this.#stream.source) ?? "";
    this.#running = this.#run();
  }

  /** Resolves when what was read is answered and nothing more will be. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#connection.abort();
    this.#wake?.();
    await this.#running;
    this.#state = "stopped";
  }

  status(): FollowStatus {
    return {
      source: this.#stream.source,
      url: this.#place,
      state: this.#state,
      lastEventAtMs: this.#lastEventAtMs,
      retries: this.#retries,
      failing: this.#failing,
    };
  }

  async #run(): Promise<void> {
    const { log, ids } = this.#deps;
    const { source } = this.#stream;
    while (!this.#isStopped) {
      const ending = await this.#connect();
      if (this.#isStopped || ending.kind === "stopped") return;
      if (ending.kind === "over") {
        this.#state = "over";
        log.info("a followed stream has nothing more and is not asked again", { source });
        return;
      }
      if (this.#failing !== ending.why) log.warn("a followed stream was lost", { source, why: ending.why });
      this.#state = "waiting";
      this.#failing = ending.why;
      this.#retries += 1;
      this.#failures += 1;
      await this.#pause(this.#retryMs + backoffMs(this.#failures, backoff, ids.random()));
    }
  }

  async #connect(): Promise<Ending> {
    const connection = new AbortController();
    this.#connection = connection;
    this.#state = "connecting";
    this.#quietTicks = 0;
    using _timer = this.#deps.timers.every(tickMs, () => {
      this.#quietTicks += 1;
      if (this.#quietTicks > (this.#state === "connecting" ? connectTicks : silentTicks)) connection.abort();
    });
    const { signal } = connection;
    const { url, headers } = followRequest(this.#stream.url, this.#keptId);
    const opened = await openEventStream(url, { headers, signal });
    if (opened.kind === "over") return { kind: "over" };
    if (opened.kind === "failed")
      return { kind: "lost", why: signal.aborted ? "no answer in time" : opened.why };
    this.#state = "connected";
    this.#failing = null;
    try {
      return await this.#read(opened.body.getReader());
    } catch {
      return { kind: "lost", why: signal.aborted ? "silent for too long" : "the connection broke" };
    } finally {
      connection.abort();
    }
  }

  async #read(chunks: {
    read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  }): Promise<Ending> {
    const parser = new SseParser(maxEventBytes, this.#keptId);
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await chunks.read();
      if (done) return { kind: "lost", why: "the server ended it" };
      this.#quietTicks = 0;
      const messages = parser.push(decoder.decode(value, { stream: true }));
      this.#retryMs = Math.min(parser.retryMs ?? this.#retryMs, maxRetryMs);
      if (!(await this.#take(messages))) return { kind: "stopped" };
    }
  }

  /** Brings events to the journal, in frames; false if they can't be any more. */
  async #take(messages: readonly SseMessage[]): Promise<boolean> {
    let texts: Uint8Array[] = [];
    let bytes = 0;
    for (const [at, { data, lastEventId }] of messages.entries()) {
      const text = encoder.encode(data);
      texts.push(text);
      bytes += text.length;
      const isLast = at === messages.length - 1;
      if (!isLast && texts.length < maxFrameEvents && bytes < maxFrameBytes) continue;
      if (!(await this.#submit(texts, lastEventId))) return false;
      texts = [];
      bytes = 0;
    }
    return true;
  }

  async #submit(texts: readonly Uint8Array[], reachedId: string): Promise<boolean> {
    const { accept, clock } = this.#deps;
    const { source, namespace, trusted } = this.#stream;
    const receivedAtMs = clock.nowMs();
    const lastEventId = reachedId === this.#keptId ? null : reachedId;
    const body = packLines({ first: this.#index, texts, lastEventId });
    this.#index += texts.length;
    for (;;) {
      const frame = { call: "stream", lane: "live", source, namespace, trusted, receivedAtMs, body } as const;
      const answer = await accept.submit(frame);
      if (answer.kind !== "unavailable") break;
      if (answer.code === "draining") return false;
      await this.#pause(answer.retryAfterSeconds * 1_000);
      if (this.#isStopped) return false;
      // The other side may well be silent while nothing is read from it.
      this.#quietTicks = 0;
    }
    this.#keptId = reachedId;
    this.#lastEventAtMs = receivedAtMs;
    this.#failures = 0;
    return true;
  }

  async #pause(durationMs: number): Promise<void> {
    if (this.#isStopped) return;
    const over = Promise.withResolvers<void>();
    this.#wake = () => over.resolve();
    using _timer = this.#deps.timers.after(durationMs, () => over.resolve());
    await over.promise;
    this.#wake = null;
  }
}
