/** The feed over a WebSocket: the same frames as JSON messages `{"id","event","data"}`, read while the socket has room. */
import type { Server, ServerWebSocket, WebSocketHandler } from "bun";
import { Refusal } from "../errors.ts";
import { authorise, keyCheck, type FindKey } from "./authorise.ts";
import { FeedReader, type FeedDeps, type Frame } from "./feed.ts";
import { ticksPerBeat, type FeedHub, type Listener } from "./feedHub.ts";
import { FeedPump, type PumpSink } from "./feedPump.ts";
import { filterOf, startOf } from "./feedRequest.ts";

export interface WebSocketDeps extends FeedDeps {
  readonly hub: FeedHub;
  readonly findKey: FindKey;
}

/** What a socket carries. */
export interface FeedSocketData {
  readonly stream: SocketStream;
}

/** Bytes that may wait in a socket before reading stops until it drains. */
const bufferBytes = 64 * 1024;
/** The largest message there can be, with room to spare. */
const maxWaitingBytes = 4 * 1024 * 1024;
const maxMessageBytes = 1024;
/** Close codes (RFC 6455, 7.4.1, and the IANA registry). */
const closeCodes = { policyViolation: 1008, internalError: 1011, serviceRestart: 1012 } as const;

export const feedSocketPath = "/v1/feed/ws";

/** Turns a request for feedSocketPath into a socket; undefined when that succeeded. Throws Refusal. */
export function upgradeToFeed(
  request: Request,
  server: Server<FeedSocketData>,
  deps: WebSocketDeps,
): Response | undefined {
  const key = authorise(request, deps.findKey, "feed");
  if (!isOwnOrigin(request))
    throw new Refusal("forbidden", { detail: "A page of another origin may not open this socket." });
  const filter = filterOf(request, key, deps.profiles.definitions.identity.idTypes);
  const reader = new FeedReader(deps, filter, deps.hub.textsFor(filter), startOf(request));
  const stream = new SocketStream(reader, deps.hub, keyCheck(request, deps.findKey));
  deps.hub.join(stream);
  if (server.upgrade(request, { data: { stream } })) return undefined;
  deps.hub.leave(stream);
  throw new Refusal("invalid_request", { detail: "This path speaks WebSocket: send an Upgrade request." });
}

/** Browsers let any page open a socket and add the credentials they remember for us; the Origin tells whose page it is. */
function isOwnOrigin(request: Request): boolean {
  const origin = request.headers.get("origin");
  return origin === null || URL.parse(origin)?.host === request.headers.get("host")?.toLowerCase();
}

/** The handlers for Bun.serve's `websocket`. */
export function feedSocketHandlers(): WebSocketHandler<FeedSocketData> {
  return {
    // send() drops silently beyond this; closing tells the client to come back with its cursor.
    backpressureLimit: maxWaitingBytes,
    closeOnBackpressureLimit: true,
    maxPayloadLength: maxMessageBytes,
    idleTimeout: 120,
    sendPings: true,
    open: (socket) => socket.data.stream.open(socket),
    // The feed takes no words from its clients.
    message: () => {},
    drain: (socket) => socket.data.stream.drained(),
    close: (socket) => socket.data.stream.closed(),
  };
}

/** One client. */
class SocketStream implements Listener, PumpSink {
  readonly #reader: FeedReader;
  readonly #hub: FeedHub;
  readonly #pump: FeedPump;
  readonly #isAllowed: () => boolean;
  #socket: ServerWebSocket<FeedSocketData> | null = null;
  #told = "";
  #quietTicks = 0;

  constructor(reader: FeedReader, hub: FeedHub, isAllowed: () => boolean) {
    this.#reader = reader;
    this.#hub = hub;
    this.#isAllowed = isAllowed;
    this.#pump = new FeedPump(hub, reader, this);
  }

  open(socket: ServerWebSocket<FeedSocketData>): void {
    this.#socket = socket;
    if (this.#reader.lost === null) this.#sendPosition();
    this.#pump.want();
  }

  drained(): void {
    this.#pump.want();
  }

  closed(): void {
    this.#socket = null;
    this.#pump.stop();
    this.#hub.leave(this);
  }

  accept(frames: readonly Frame[]): void {
    const socket = this.#socket;
    if (socket === null) return;
    for (const { event, cursor, data } of frames) {
      socket.send(`{"id":"${cursor}","event":"${event}","data":${data}}`);
      this.#told = cursor;
    }
    this.#quietTicks = 0;
    if (socket.getBufferedAmount() < bufferBytes) this.#pump.want();
  }

  fail(error: unknown): void {
    this.#hub.report(error);
    this.#close(closeCodes.internalError, "reading failed");
  }

  /** Bun keeps the connection alive with pings; what a beat says is only how far the filter has moved on. */
  tick(): void {
    if (!this.#isAllowed()) {
      this.#close(closeCodes.policyViolation, "the key is no longer in force");
      return;
    }
    this.#quietTicks += 1;
    if (this.#socket === null || this.#quietTicks < ticksPerBeat || this.#socket.getBufferedAmount() > 0)
      return;
    if (this.#reader.cursor !== this.#told) this.#sendPosition();
  }

  end(): void {
    this.#close(closeCodes.serviceRestart, "the server stops");
  }

  #sendPosition(): void {
    this.#quietTicks = 0;
    this.#told = this.#reader.cursor;
    this.#socket?.send(`{"id":"${this.#told}"}`);
  }

  #close(code: number, reason: string): void {
    this.#pump.stop();
    this.#hub.leave(this);
    this.#socket?.close(code, reason);
  }
}
