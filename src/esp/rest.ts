/** Reads over HTTP: a profile, many profiles, a profile's history, the trace of one event. */
import { Elysia } from "elysia";
import { eventError, Refusal } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { KeyInfo } from "../model/key.ts";
import type { CachedAnswer, HistoryEntry, Lookup, Profiles, StoredProfile } from "../store/profiles.ts";
import { authorise, type FindKey } from "./authorise.ts";
import { iso, renderProfile, renderVerboseProfile, selectionOf } from "./profileView.ts";
import { decode, flagOf, numberOf, parseIdentifier, queryOf, traitsOf } from "./query.ts";

export interface RestDeps {
  readonly profiles: Profiles;
  readonly findKey: FindKey;
  readonly clock: Clock;
  /** Reads a bounded JSON body; throws Refusal. */
  readonly readJson: (request: Request) => Promise<unknown>;
  /** Notes when a change left through a feed; for the trace. Null where it has not. */
  readonly fedAtMs?: (seq: number) => number | null;
}

const profilesPath = "/v1/profiles/";
const eventsPath = "/v1/events/";
const cacheControl = "private, max-age=0, stale-if-error=86400";
const jsonType = "application/json; charset=utf-8";
const maxBatchIds = 1_000;
const rebuildRetrySeconds = 5;

/** The plugin; mounted by app.ts. */
export function restRoutes(deps: RestDeps) {
  return new Elysia({ name: "rest" })
    .get("/v1/profiles/:id", ({ request }) => getProfile(request, deps))
    .get("/v1/profiles/:id/events", ({ request }) => getHistory(request, deps))
    .post("/v1/profiles/batch", ({ request }) => postBatch(request, deps), { parse: "none" })
    .get("/v1/events/:messageId", ({ request }) => getTrace(request, deps));
}

function getProfile(request: Request, deps: RestDeps): Response {
  const key = authorise(request, deps.findKey, "read");
  const { url } = request;
  const tail = url.slice(url.indexOf(profilesPath) + profilesPath.length);
  const cacheKey = `${key.id} ${tail}`;
  const cached = deps.profiles.cached(cacheKey, deps.clock.nowMs());
  if (cached !== undefined) return answerCached(request, cached);
  const queryAt = tail.indexOf("?");
  const query = queryOf(url);
  const profile = find(deps, key, queryAt < 0 ? tail : tail.slice(0, queryAt));
  const selection = selectionOf(traitsOf(query), key.readableTraits);
  if (flagOf(query, "verbose")) return json(renderVerboseProfile(profile, selection, deps.clock.nowMs()));
  const body = JSON.stringify(renderProfile(profile, selection));
  const answer: CachedAnswer = { body, etag: etagOf(body), validUntilMs: null };
  deps.profiles.remember(cacheKey, profile.pid, answer);
  return answerCached(request, answer);
}

function answerCached(request: Request, answer: CachedAnswer): Response {
  const asked = request.headers.get("if-none-match");
  if (asked !== null && (asked === answer.etag || matches(asked, answer.etag))) {
    return new Response(null, { status: 304, headers: { ETag: answer.etag, "Cache-Control": cacheControl } });
  }
  return new Response(answer.body, {
    headers: { "Content-Type": jsonType, ETag: answer.etag, "Cache-Control": cacheControl },
  });
}

/** If-None-Match compares weakly (RFC 9110, 13.1.2): a list, W/ prefixes and * count. */
function matches(asked: string, etag: string): boolean {
  return (
    asked.trim() === "*" ||
    asked.split(",").some((candidate) => candidate.trim().replace(/^W\//, "") === etag)
  );
}

/** A hash of what is answered, so that it changes with anything a reader can see. */
function etagOf(body: string): string {
  return `"${Bun.hash.wyhash(body).toString(36)}"`;
}

function find(deps: RestDeps, key: KeyInfo, pathId: string): StoredProfile {
  const { type, value } = parseIdentifier(pathId, true);
  return found(deps.profiles.find(key.namespace, type, value));
}

function found(lookup: Lookup): StoredProfile {
  switch (lookup.kind) {
    case "found":
      return lookup.profile;
    case "missing":
      throw new Refusal("profile_not_found");
    case "rebuilding":
      throw new Refusal("profiles_rebuilding", { retryAfterSeconds: rebuildRetrySeconds });
  }
}

async function postBatch(request: Request, deps: RestDeps): Promise<Response> {
  const key = authorise(request, deps.findKey, "read");
  const query = queryOf(request.url);
  const selection = selectionOf(traitsOf(query), key.readableTraits);
  const ids = idsOf(await deps.readJson(request));
  const profiles = ids.map((id) => {
    try {
      const { type, value } = parseIdentifier(id, false);
      return renderProfile(found(deps.profiles.find(key.namespace, type, value)), selection);
    } catch (error) {
      if (!(error instanceof Refusal) || error.code === "profiles_rebuilding") throw error;
      return { id, error: eventError(error.code, error.detail) };
    }
  });
  return json({ profiles });
}

function idsOf(body: unknown): readonly string[] {
  const ids: unknown = typeof body === "object" && body !== null && "ids" in body ? body.ids : undefined;
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === "string")) {
    throw new Refusal("invalid_request", { detail: 'The body is {"ids":["type:value", …]}.' });
  }
  if (ids.length > maxBatchIds)
    throw new Refusal("batch_too_large", { detail: `Ask for at most ${maxBatchIds} profiles at once.` });
  return ids;
}

function getHistory(request: Request, deps: RestDeps): Response {
  const key = authorise(request, deps.findKey, "read");
  const { url } = request;
  const query = queryOf(url);
  const from = url.indexOf(profilesPath) + profilesPath.length;
  const profile = find(deps, key, url.slice(from, url.indexOf("/", from)));
  const page = deps.profiles.history(
    profile.pid,
    query.get("cursor"),
    numberOf(query, "limit", 100, 1, 1_000),
  );
  return json({ events: page.events.map((entry) => renderEntry(entry, key)), nextCursor: page.nextCursor });
}

async function getTrace(request: Request, deps: RestDeps): Promise<Response> {
  const key = authorise(request, deps.findKey, "read");
  const { url } = request;
  const queryAt = url.indexOf("?");
  const from = url.indexOf(eventsPath) + eventsPath.length;
  const messageId = decode(queryAt < 0 ? url.slice(from) : url.slice(from, queryAt));
  const traces = await deps.profiles.trace(key.namespace, messageId);
  if (traces.length === 0) throw new Refusal("event_not_found");
  return json({
    events: traces.map(({ entry, profileId, folded }) => {
      const fedAtMs = folded ? (deps.fedAtMs?.(entry.seq) ?? null) : null;
      return { ...renderEntry(entry, key), profileId, folded, fedAt: fedAtMs === null ? null : iso(fedAtMs) };
    }),
  });
}

/** An event as stored. A key that may read some traits only does not see the raw event, which may hold others. */
function renderEntry(entry: HistoryEntry, key: KeyInfo): Record<string, unknown> {
  return {
    seq: entry.seq,
    messageId: entry.messageId,
    type: entry.type,
    name: entry.name,
    source: entry.source,
    timestamp: iso(entry.timestampMs),
    receivedAt: iso(entry.receivedAtMs),
    committedAt: iso(entry.committedAtMs),
    event: key.readableTraits === null ? entry.body : null,
  };
}

function json(value: unknown): Response {
  return new Response(JSON.stringify(value), {
    headers: { "Content-Type": jsonType, "Cache-Control": "no-store" },
  });
}
