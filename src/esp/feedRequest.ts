/** What a feed request asks for, the same for all three envelopes. */
import type { KeyInfo } from "../model/key.ts";
import type { FeedFilter } from "./changeView.ts";
import type { FeedStart } from "./feed.ts";
import { flagOf, queryOf, traitsOf } from "./query.ts";

/** Where to start: Last-Event-ID, which a reconnecting EventSource sends, beats ?cursor=. */
export function startOf(request: Request): FeedStart {
  const query = queryOf(request.url);
  return {
    cursor: request.headers.get("last-event-id") ?? query.get("cursor"),
    snapshot: flagOf(query, "snapshot"),
  };
}

/** What the reader wants to see, and may. */
export function filterOf(request: Request, key: KeyInfo): FeedFilter {
  const query = queryOf(request.url);
  return {
    namespace: key.namespace,
    traits: traitsOf(query),
    readable: key.readableTraits,
    segment: query.get("segment"),
    idType: query.get("idType"),
  };
}
