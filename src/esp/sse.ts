/** The feed as server-sent events (WHATWG HTML, 9.2). The stream is pulled: nothing is read ahead of the client. */
import { Elysia } from "elysia";
import type { KeyInfo } from "../model/key.ts";
import { authorise, type FindKey } from "./authorise.ts";
import { FeedReader, type FeedDeps, type Frame } from "./feed.ts";
import { retryMs, type FeedHub, type Listener } from "./feedHub.ts";
import { filterOf, startOf } from "./feedRequest.ts";

export interface SseDeps extends FeedDeps {
  readonly hub: FeedHub;
  readonly findKey: FindKey;
  /** Told of every change frame that was handed to a stream. */
  readonly onFed?: (seq: number) => void;
}

const encoder = new TextEncoder();
const headers = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-store",
  // nginx and others hold answers back unless told not to.
  "X-Accel-Buffering": "no",
};
const heartbeat = encoder.encode(":\n\n");
const goodbye = encoder.encode(`retry: ${retryMs}\n\n`);

/** The plugin; mounted by app.ts. */
export function sseRoutes(deps: SseDeps) {
  return new Elysia({ name: "sse" }).get("/v1/feed", ({ request }) =>
    openStream(request, authorise(request, deps.findKey, "feed"), deps),
  );
}

function openStream(request: Request, key: KeyInfo, deps: SseDeps): Response {
  const reader = new FeedReader(deps, filterOf(request, key), startOf(request));
  const listener = new SseListener(reader, deps);
  deps.hub.join(listener);
  request.signal.addEventListener("abort", () => listener.end(), { once: true });
  return new Response(
    new ReadableStream<Uint8Array>(
      { pull: (controller) => listener.pull(controller), cancel: () => listener.cancel() },
      { highWaterMark: 0 },
    ),
    { headers },
  );
}

/**
 * One client. `pull` is called when the client has room; it writes what there is or waits to be woken. A heartbeat
 * is written only while it waits, so a client that does not read gets none and costs nothing.
 */
class SseListener implements Listener {
  readonly #reader: FeedReader;
  readonly #deps: SseDeps;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #waiting: (() => void) | null = null;
  #greeted = false;
  #ended = false;

  constructor(reader: FeedReader, deps: SseDeps) {
    this.#reader = reader;
    this.#deps = deps;
  }

  pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> | void {
    this.#controller = controller;
    if (!this.#greeted) {
      this.#greeted = true;
      controller.enqueue(encoder.encode(`retry: ${retryMs}\n\n`));
      return;
    }
    if (this.#write()) return;
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  cancel(): void {
    this.#finish();
  }

  wake(): void {
    if (this.#waiting !== null && this.#write()) this.#resume();
  }

  beat(): void {
    if (this.#waiting === null) return;
    this.#controller?.enqueue(heartbeat);
    this.#resume();
  }

  end(): void {
    if (this.#ended) return;
    this.#controller?.enqueue(goodbye);
    this.#controller?.close();
    this.#finish();
  }

  /** Writes the next page; false when there is nothing to write. */
  #write(): boolean {
    if (this.#ended) return true;
    try {
      while (!this.#reader.idle) {
        const frames = this.#reader.read();
        if (frames.length === 0) continue;
        this.#controller?.enqueue(encoder.encode(frames.map(frameText).join("")));
        for (const frame of frames) if (frame.event === "change") this.#deps.onFed?.(seqOf(frame));
        return true;
      }
      return false;
    } catch {
      // A snapshot can't go on while profiles are rebuilt: the client comes back with its cursor.
      this.end();
      return true;
    }
  }

  #resume(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.();
  }

  #finish(): void {
    this.#ended = true;
    this.#deps.hub.leave(this);
    this.#resume();
  }
}

function seqOf(frame: Frame): number {
  return Number(frame.cursor.slice(frame.cursor.indexOf(".") + 1));
}

/** One frame as text. JSON holds no raw line breaks, but a data line is split at every kind all the same. */
export function frameText(frame: {
  readonly event: string;
  readonly cursor: string;
  readonly data: string;
}): string {
  const data =
    frame.data.includes("\n") || frame.data.includes("\r")
      ? frame.data.split(/\r\n|\n|\r/).join("\ndata: ")
      : frame.data;
  return `id: ${frame.cursor}\nevent: ${frame.event}\ndata: ${data}\n\n`;
}
