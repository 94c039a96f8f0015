/** The feed as long poll: one page of changes, or an empty one when nothing came in time. */
import { Elysia } from "elysia";
import { Refusal } from "../errors.ts";
import { authorise, type FindKey } from "./authorise.ts";
import { FeedReader, isLost, type FeedDeps, type Frame } from "./feed.ts";
import type { FeedHub, Listener } from "./feedHub.ts";
import { filterOf, startOf } from "./feedRequest.ts";
import { numberOf, queryOf } from "./query.ts";

export interface LongPollDeps extends FeedDeps {
  readonly hub: FeedHub;
  readonly findKey: FindKey;
  /** Calls once after the delay, unless disposed before. */
  readonly after: (delayMs: number, run: () => void) => Disposable;
}

/** Longest wait; below the idle limit of common proxies. */
const maxWaitMs = 25_000;

/** The plugin; mounted by app.ts. */
export function longPollRoutes(deps: LongPollDeps) {
  return new Elysia({ name: "longPoll" }).get("/v1/changes", ({ request }) => poll(request, deps));
}

async function poll(request: Request, deps: LongPollDeps): Promise<Response> {
  const key = authorise(request, deps.findKey, "feed");
  const query = queryOf(request.url);
  const start = startOf(request);
  if (isLost(start.cursor, deps.changes)) throw new Refusal("cursor_expired");
  const limit = numberOf(query, "limit", 100, 1, 1_000);
  const waitMs = numberOf(query, "waitMs", 0, 0, maxWaitMs);
  const reader = new FeedReader(deps, filterOf(request, key), { cursor: start.cursor, snapshot: false });
  let frames = readUpTo(reader, limit);
  if (frames.length === 0 && waitMs > 0) frames = await waitFor(reader, limit, waitMs, request.signal, deps);
  const changes = frames.map(({ data }) => data).join(",");
  const body = `{"changes":[${changes}],"nextCursor":${JSON.stringify(reader.cursor)}}`;
  return new Response(body, {
    headers: { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store" },
  });
}

function readUpTo(reader: FeedReader, limit: number): Frame[] {
  const frames: Frame[] = [];
  while (!reader.idle && frames.length < limit) frames.push(...reader.read(limit - frames.length));
  return frames;
}

function waitFor(
  reader: FeedReader,
  limit: number,
  waitMs: number,
  signal: AbortSignal,
  deps: LongPollDeps,
): Promise<Frame[]> {
  return new Promise((resolve) => {
    const answer = (frames: Frame[]) => {
      deps.hub.leave(listener);
      timer[Symbol.dispose]();
      resolve(frames);
    };
    const listener: Listener = {
      wake: () => {
        const frames = readUpTo(reader, limit);
        if (frames.length > 0) answer(frames);
      },
      beat: () => {},
      end: () => answer([]),
    };
    const timer = deps.after(waitMs, () => answer([]));
    deps.hub.join(listener);
    signal.addEventListener("abort", () => answer([]), { once: true });
  });
}
