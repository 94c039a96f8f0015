/** The feed as long poll: one page, or an empty one when nothing came in time. */
import { Elysia } from "elysia";
import { Refusal } from "../errors.ts";
import { authorise, type FindKey } from "./authorise.ts";
import { FeedReader, type FeedDeps, type Frame } from "./feed.ts";
import type { FeedHub, Listener } from "./feedHub.ts";
import { FeedPump } from "./feedPump.ts";
import { filterOf, startOf } from "./feedRequest.ts";
import { numberOf, queryOf } from "./query.ts";

export interface LongPollDeps extends FeedDeps {
  readonly hub: FeedHub;
  readonly findKey: FindKey;
  /** Calls once after the delay, unless disposed before. */
  readonly after: (delayMs: number, run: () => void) => Disposable;
}

/** Longest wait; below the idle limit of common proxies and of our own connections. */
const maxWaitMs = 25_000;
/** Granted on top of the wait while there is more to look through that the filter keeps back. */
const searchMs = 1_000;

/** The plugin; mounted by app.ts. */
export function longPollRoutes(deps: LongPollDeps) {
  return new Elysia({ name: "longPoll" }).get("/v1/changes", ({ request }) => poll(request, deps));
}

async function poll(request: Request, deps: LongPollDeps): Promise<Response> {
  const key = authorise(request, deps.findKey, "feed");
  const query = queryOf(request.url);
  const limit = numberOf(query, "limit", 100, 1, 1_000);
  const waitMs = numberOf(query, "waitMs", 0, 0, maxWaitMs);
  const filter = filterOf(request, key, deps.profiles.definitions.identity.idTypes);
  const reader = new FeedReader(deps, filter, deps.hub.textsFor(filter), startOf(request));
  if (reader.lost !== null) throw new Refusal("cursor_expired");
  const frames = await nextPage(reader, limit, waitMs, request.signal, deps);
  if (frames.some(({ event }) => event === "reset")) throw new Refusal("cursor_expired");
  return new Response(pageText(frames, reader.cursor), {
    headers: { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store" },
  });
}

/** `snapshots` stands there only while a snapshot is under way. */
function pageText(frames: readonly Frame[], cursor: string): string {
  const isSnapshot = frames.some(({ event }) => event !== "change");
  const snapshots = isSnapshot ? `"snapshots":[${dataOf(frames, "snapshot")}],` : "";
  return `{${snapshots}"changes":[${dataOf(frames, "change")}],"nextCursor":"${cursor}"}`;
}

function dataOf(frames: readonly Frame[], event: Frame["event"]): string {
  return frames
    .filter((frame) => frame.event === event)
    .map(({ data }) => data)
    .join(",");
}

function nextPage(
  reader: FeedReader,
  limit: number,
  waitMs: number,
  signal: AbortSignal,
  { hub, after }: LongPollDeps,
): Promise<readonly Frame[]> {
  return new Promise((resolve, reject) => {
    const finish = () => {
      pump.stop();
      hub.leave(listener);
      timer[Symbol.dispose]();
      signal.removeEventListener("abort", giveUp);
    };
    const answer = (frames: readonly Frame[]) => {
      finish();
      resolve(frames);
    };
    const giveUp = () => answer([]);
    const sink = {
      accept: answer,
      fail: (error: unknown) => {
        finish();
        reject(error);
      },
    };
    const pump = new FeedPump(hub, reader, sink, limit);
    const listener: Listener = { tick: () => {}, end: giveUp };
    hub.join(listener);
    let timer = after(waitMs, () => {
      if (pump.isBehind) timer = after(searchMs, giveUp);
      else giveUp();
    });
    signal.addEventListener("abort", giveUp, { once: true });
    pump.want();
  });
}
