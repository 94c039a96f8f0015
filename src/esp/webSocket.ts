/** The feed over a WebSocket: the same frames as JSON messages `{"event","id","data"}`, pulled while the socket has room. */
import type { Server, ServerWebSocket, WebSocketHandler } from "bun";
import { Refusal } from "../errors.ts";
import { authorise, type FindKey } from "./authorise.ts";
import { FeedReader, type FeedDeps, type Frame } from "./feed.ts";
import type { FeedHub, Listener } from "./feedHub.ts";
import { filterOf, startOf } from "./feedRequest.ts";

export interface WebSocketDeps extends FeedDeps {
  readonly hub: FeedHub;
  readonly findKey: FindKey;
}

/** What a socket carries. */
export interface FeedSocketData {
  readonly reader: FeedReader;
  listener: SocketListener | null;
}

/** Bytes that may wait in a socket before reading stops until it drains. */
const bufferBytes = 256 * 1024;
const goingAway = 1001;
const tryAgainLater = 1013;

export const feedSocketPath = "/v1/feed/ws";

/** Turns a request for feedSocketPath into a socket; undefined when that succeeded. Throws Refusal. */
export function upgradeToFeed(
  request: Request,
  server: Server<FeedSocketData>,
  deps: WebSocketDeps,
): Response | undefined {
  const key = authorise(request, deps.findKey, "feed");
  const reader = new FeedReader(deps, filterOf(request, key), startOf(request));
  if (server.upgrade(request, { data: { reader, listener: null } })) return undefined;
  throw new Refusal("invalid_request", { detail: "This path speaks WebSocket: send an Upgrade request." });
}

/** The handlers for Bun.serve's `websocket`. */
export function feedSocketHandlers(deps: WebSocketDeps): WebSocketHandler<FeedSocketData> {
  return {
    // send() drops silently beyond this; closing tells the client to come back with its cursor.
    backpressureLimit: 4 * 1024 * 1024,
    closeOnBackpressureLimit: true,
    maxPayloadLength: 1024,
    idleTimeout: 120,
    sendPings: true,
    open: (socket) => {
      const listener = new SocketListener(socket, deps.hub);
      socket.data.listener = listener;
      try {
        deps.hub.join(listener);
        listener.wake();
      } catch {
        socket.close(tryAgainLater, "no room");
      }
    },
    // The feed takes no words from its clients.
    message: () => {},
    drain: (socket) => socket.data.listener?.wake(),
    close: (socket) => {
      if (socket.data.listener !== null) deps.hub.leave(socket.data.listener);
    },
  };
}

class SocketListener implements Listener {
  readonly #socket: ServerWebSocket<FeedSocketData>;
  readonly #hub: FeedHub;

  constructor(socket: ServerWebSocket<FeedSocketData>, hub: FeedHub) {
    this.#socket = socket;
    this.#hub = hub;
  }

  wake(): void {
    const { reader } = this.#socket.data;
    try {
      while (!reader.idle && this.#socket.getBufferedAmount() < bufferBytes) {
        for (const frame of reader.read(64)) this.#socket.send(messageOf(frame));
      }
    } catch {
      this.#hub.leave(this);
      this.#socket.close(tryAgainLater, "profiles are being rebuilt");
    }
  }

  beat(): void {
    this.#socket.ping();
  }

  end(): void {
    this.#socket.close(goingAway, "the server stops");
  }
}

function messageOf(frame: Frame): string {
  return `{"event":"${frame.event}","id":${JSON.stringify(frame.cursor)},"data":${frame.data}}`;
}
