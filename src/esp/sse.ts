/** The feed as server-sent events (WHATWG HTML, 9.2). The stream is pulled: nothing is read ahead of the client. */
import { Elysia } from "elysia";
import type { KeyInfo } from "../model/key.ts";
import { authorise, keyCheck, presentedKey, type FindKey } from "./authorise.ts";
import { ChangeTexts } from "./changeView.ts";
import { FeedReader, type FeedDeps, type Frame } from "./feed.ts";
import { retryMs, ticksPerBeat, type FeedHub, type Listener } from "./feedHub.ts";
import { FeedPump, type PumpSink } from "./feedPump.ts";
import { filterOf, startOf } from "./feedRequest.ts";
import type { FeedTokens } from "./feedTokens.ts";
import { OneProfile } from "./oneProfile.ts";
import { queryOf } from "./query.ts";
import { encodeEvent, encodePosition } from "./sseText.ts";

export interface SseDeps extends FeedDeps {
  readonly hub: FeedHub;
  readonly findKey: FindKey;
  readonly tokens: FeedTokens;
}

const encoder = new TextEncoder();
const headers = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-store, no-transform",
  "X-Content-Type-Options": "nosniff",
  // nginx and others hold answers back unless told not to.
  "X-Accel-Buffering": "no",
};

/** A token is all that is needed, and a page of any origin may have been given one. */
const anyOrigin = { "Access-Control-Allow-Origin": "*", "Referrer-Policy": "no-referrer" };

/** The plugin; mounted by app.ts. */
export function sseRoutes(deps: SseDeps) {
  return new Elysia({ name: "sse" })
    .head("/v1/feed", ({ request }) => announceStream(request, deps))
    .get("/v1/feed", ({ request }) => openStream(request, deps));
}

/** What a GET would be answered with. The router's own answer to HEAD would read the stream to its end. */
function announceStream(request: Request, deps: SseDeps): Response {
  const { key, only } = admit(request, deps);
  const filter = filterOf(request, key, deps.profiles.definitions.identity.idTypes);
  void new FeedReader(deps, filter, new ChangeTexts(filter), startOf(request), only);
  return new Response(null, { headers: headersFor(only) });
}

function openStream(request: Request, deps: SseDeps): Response {
  const { key, isAllowed, only } = admit(request, deps);
  const filter = filterOf(request, key, deps.profiles.definitions.identity.idTypes);
  // What one reader alone gets would only push what many share out of the hub's memory.
  const texts = only === null ? deps.hub.textsFor(filter) : new ChangeTexts(filter);
  const stream = new SseStream(
    new FeedReader(deps, filter, texts, startOf(request), only),
    deps.hub,
    isAllowed,
  );
  deps.hub.join(stream);
  const body = new ReadableStream<Uint8Array>(stream, { highWaterMark: 1 });
  return new Response(body, { headers: headersFor(only) });
}

function headersFor(only: OneProfile | null): Readonly<Record<string, string>> {
  return only === null ? headers : { ...headers, ...anyOrigin };
}

/** Who may read what, for how long: with a key in the headers everything that it may see, with a token one profile. */
interface Admission {
  readonly key: KeyInfo;
  readonly isAllowed: () => boolean;
  readonly only: OneProfile | null;
}

function admit(request: Request, { findKey, tokens, profiles }: SseDeps): Admission {
  const token = presentedKey(request) === null ? queryOf(request.url).get("token") : null;
  if (token === null)
    return {
      key: authorise(request, findKey, "feed"),
      isAllowed: keyCheck(request, findKey),
      only: null,
    };
  const { key, identifier, isValid } = tokens.open(token);
  return { key, isAllowed: isValid, only: new OneProfile(profiles, key.namespace, identifier) };
}

/**
 * One client. `pull` is called when the client has room; it is answered with the next page, or with a heartbeat after
 * some silence. A client that does not read is not asked for room, gets nothing, and costs nothing more.
 */
class SseStream implements Listener, PumpSink {
  readonly #reader: FeedReader;
  readonly #hub: FeedHub;
  readonly #pump: FeedPump;
  readonly #isAllowed: () => boolean;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  /** Ends the wait of a `pull`; null while the client has no room. */
  #answer: (() => void) | null = null;
  #told = "";
  #quietTicks = 0;

  constructor(reader: FeedReader, hub: FeedHub, isAllowed: () => boolean) {
    this.#reader = reader;
    this.#hub = hub;
    this.#isAllowed = isAllowed;
    this.#pump = new FeedPump(hub, reader, this);
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    // The position at once, so that a connection lost before the first change can be resumed without a gap. A reader
    // that is about to say `reset` has none yet: a client that lost this word must hear it again.
    this.#send(`retry: ${retryMs}\n${this.#reader.lost === null ? this.#position() : ":\n\n"}`);
  }

  pull(): Promise<void> {
    return new Promise((resolve) => {
      this.#answer = resolve;
      this.#pump.want();
    });
  }

  cancel(): void {
    this.#controller = null;
    this.#finish();
  }

  accept(frames: readonly Frame[]): void {
    let text = "";
    for (const { event, cursor, data } of frames) text += encodeEvent({ event, id: cursor, data });
    this.#told = frames.at(-1)?.cursor ?? this.#told;
    this.#send(text);
  }

  fail(error: unknown): void {
    this.#hub.report(error);
    this.end(retryMs);
  }

  tick(): void {
    if (!this.#isAllowed()) {
      this.end(retryMs);
      return;
    }
    this.#quietTicks += 1;
    if (this.#answer === null || this.#quietTicks < ticksPerBeat) return;
    // What the filter kept back moved the position too: the client need not go through it again.
    this.#send(this.#reader.cursor === this.#told ? ":\n\n" : `:\n${this.#position()}`);
  }

  end(afterMs: number): void {
    const controller = this.#controller;
    if (controller === null) return;
    this.#send(`retry: ${afterMs}\n\n`);
    this.#controller = null;
    controller.close();
    this.#finish();
  }

  /** An event without data: it is not dispatched, but its id counts as the last one. */
  #position(): string {
    this.#told = this.#reader.cursor;
    return encodePosition(this.#told);
  }

  #send(text: string): void {
    this.#quietTicks = 0;
    this.#controller?.enqueue(encoder.encode(text));
    this.#resume();
  }

  #resume(): void {
    const answer = this.#answer;
    this.#answer = null;
    answer?.();
  }

  #finish(): void {
    this.#pump.stop();
    this.#hub.leave(this);
    this.#resume();
  }
}
