/** What a feed request asks for, the same for all three envelopes. */
import { Refusal } from "../errors.ts";
import type { KeyInfo } from "../model/key.ts";
import type { FeedFilter } from "./changeView.ts";
import type { FeedStart } from "./feed.ts";
import { flagOf, queryOf, traitsOf } from "./query.ts";

/** Where to start: Last-Event-ID, which a reconnecting EventSource sends, beats ?cursor=. */
export function startOf(request: Request): FeedStart {
  const query = queryOf(request.url);
  const cursor = request.headers.get("last-event-id") || query.get("cursor") || null;
  return { cursor, snapshot: flagOf(query, "snapshot"), verbose: flagOf(query, "verbose") };
}

/** What the reader wants to see, and may. Throws Refusal invalid_request. */
export function filterOf(request: Request, key: KeyInfo, idTypes: ReadonlySet<string>): FeedFilter {
  const query = queryOf(request.url);
  const idType = query.get("idType");
  if (idType !== null && !idTypes.has(idType)) {
    throw new Refusal("invalid_request", { detail: `idType takes one of ${[...idTypes].join(", ")}.` });
  }
  return {
    namespace: key.namespace,
    traits: traitsOf(query),
    readable: key.readableTraits,
    segment: query.get("segment"),
    idType,
  };
}
