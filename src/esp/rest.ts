/** Reads over HTTP: a profile, many profiles, a profile's history, the trace of one event. */
import { Elysia } from "elysia";
import { Refusal } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { edgesOf, type Edge } from "../model/edge.ts";
import type { KeyInfo } from "../model/key.ts";
import type { ProfileMemory } from "../store/profileMemory.ts";
import type { Lookup, Profiles, StoredProfile } from "../store/profiles.ts";
import { maxRowsAt, type FindAt, type LookupAt } from "../store/profileAt.ts";
import { authorise, checkIdType, checkUnlimited, type FindKey } from "./authorise.ts";
import { renderEntry, renderTrace } from "./historyView.ts";
import { batchText, idsOf } from "./profileBatch.ts";
import { iso, visibilityOf, visibleIdentifiers } from "./profileView.ts";
import {
  decode,
  durationOf,
  flagOf,
  hasTag,
  instantOf,
  numberOf,
  parseIdentifier,
  queryOf,
  traitsOf,
} from "./query.ts";
import { serveProfile, serveVerboseProfile } from "./servedView.ts";

/** A rendered 200 answer. */
export interface CachedAnswer {
  readonly body: string;
  readonly etag: string;
  /** Headers made once: a server spends more on a dictionary of them than on anything else in an answer. */
  readonly headers: Headers;
  /** Those of an answer that says nothing changed. */
  readonly unchangedHeaders: Headers;
  /** Wall time at which the answer stops being true by itself; null: never. */
  readonly validUntilMs: number | null;
}

/** About what an answer takes beside its text. */
const answerBytes = 1_024;

export interface RestDeps {
  readonly profiles: Profiles;
  /** Rendered answers. */
  readonly answers: ProfileMemory<CachedAnswer>;
  readonly findAt: FindAt;
  readonly findKey: FindKey;
  readonly clock: Clock;
  /** Reads a bounded JSON body; throws Refusal. */
  readonly readJson: (request: Request) => Promise<unknown>;
  /** When a feed reader was first handed the change at that seq; null if none was since the start. */
  readonly fedAtMs: (seq: number) => number | null;
}

const profilesPath = "/v1/profiles/";
const eventsPath = "/v1/events/";
const fresh = "private, max-age=0";
/** Once the server can't be reached, an answer may be shown for so long at most. */
const maxStaleSeconds = 86_400;
const cacheControl = `${fresh}, stale-if-error=${maxStaleSeconds}`;
const jsonType = "application/json; charset=utf-8";
const unstoredJson = { "Content-Type": jsonType, "Cache-Control": "no-store" };
const rebuildRetrySeconds = 5;

/** The plugin; mounted by app.ts. */
export function restRoutes(deps: RestDeps) {
  return new Elysia({ name: "rest" })
    .get("/v1/profiles/:id", ({ request }) =>
      asksForPast(request.url) ? getPast(request, deps) : getProfile(request, deps),
    )
    .get("/v1/profiles/:id/events", ({ request }) => getHistory(request, deps))
    .get("/v1/profiles/:id/links", ({ request }) => getLinks(request, deps))
    .post("/v1/profiles/batch", ({ request }) => postBatch(request, deps), { parse: "none" })
    .get("/v1/events/:messageId", ({ request }) => getTrace(request, deps));
}

/**
 * Answers `GET /v1/profiles/{id}` and gives null for every other request: put before the router, which would take as
 * long to find the route as the route takes to answer.
 */
export function profileReads(deps: RestDeps): (request: Request) => Response | null {
  return (request) =>
    request.method === "GET" && isProfileUrl(request.url) && !asksForPast(request.url)
      ? getProfile(request, deps)
      : null;
}

function isProfileUrl(url: string): boolean {
  const pathAt = url.indexOf("/", "http://".length);
  if (!url.startsWith(profilesPath, pathAt)) return false;
  const idAt = pathAt + profilesPath.length;
  return idAt < url.length && url[idAt] !== "?" && url.indexOf("/", idAt) < 0;
}

function asksForPast(url: string): boolean {
  const queryAt = url.indexOf("?");
  return queryAt >= 0 && /[?&]at=/.test(url.slice(queryAt));
}

/** What a read at an instant would have answered. Never remembered: an erasure changes the past too. */
async function getPast(request: Request, deps: RestDeps): Promise<Response> {
  const key = authorise(request, deps.findKey, "read");
  const { url } = request;
  const query = queryOf(url);
  const visible = { ...visibilityOf(traitsOf(query), key.readableTraits), idTypes: key.idTypes };
  const atMs = instantOf(query, "at", deps.clock.nowMs());
  const asked = { nowMs: atMs, maxAgeMs: durationOf(query, "maxAge") };
  const isVerbose = flagOf(query, "verbose");
  const pathId = beforeQuery(url.slice(url.indexOf(profilesPath) + profilesPath.length));
  const { type, value } = parseIdentifier(pathId, true, deps.profiles.definitions.identity.idTypes);
  checkIdType(key, type);
  const profile = foundAt(await deps.findAt(key.namespace, type, value, atMs));
  return json(
    JSON.stringify(
      isVerbose ? serveVerboseProfile(profile, visible, asked) : serveProfile(profile, visible, asked).view,
    ),
  );
}

function foundAt(lookup: LookupAt): StoredProfile {
  if (lookup.kind === "beforeHistory") throw new Refusal("before_history");
  if (lookup.kind === "busy") throw new Refusal("overloaded", { retryAfterSeconds: 1 });
  if (lookup.kind === "tooMany")
    throw new Refusal("too_large", {
      detail: `More than ${maxRowsAt} events are tied to the profile, and a read with at goes through no more.`,
    });
  return found(lookup);
}

/** The hot path: while nothing changed, an answer is one look into a map. */
function getProfile(request: Request, deps: RestDeps): Response {
  const key = authorise(request, deps.findKey, "read");
  const { url } = request;
  const tail = url.slice(url.indexOf(profilesPath) + profilesPath.length);
  const cacheKey = `${key.id} ${tail}`;
  const nowMs = deps.clock.nowMs();
  const cached = deps.answers.get(cacheKey, nowMs);
  if (cached !== undefined) return answerTo(request, cached, nowMs);
  const query = queryOf(url);
  const profile = find(deps, key, beforeQuery(tail));
  const visible = { ...visibilityOf(traitsOf(query), key.readableTraits), idTypes: key.idTypes };
  const asked = { nowMs, maxAgeMs: durationOf(query, "maxAge") };
  if (flagOf(query, "verbose")) return json(JSON.stringify(serveVerboseProfile(profile, visible, asked)));
  const { view, validUntilMs } = serveProfile(profile, visible, asked);
  const answer = cacheable(JSON.stringify(view), validUntilMs);
  deps.answers.keep(cacheKey, answer, {
    pid: profile.pid,
    bytes: answer.body.length + answerBytes,
    validUntilMs,
  });
  return answerTo(request, answer, nowMs);
}

function cacheable(body: string, validUntilMs: number | null): CachedAnswer {
  const etag = etagOf(body);
  const unchangedHeaders = new Headers({ ETag: etag, "Cache-Control": cacheControl });
  const headers = new Headers({ "Content-Type": jsonType, ETag: etag, "Cache-Control": cacheControl });
  return { body, etag, headers, unchangedHeaders, validUntilMs };
}

function answerTo(request: Request, answer: CachedAnswer, nowMs: number): Response {
  if (answer.validUntilMs !== null) limitStaleness(answer, answer.validUntilMs - nowMs);
  const asked = request.headers.get("if-none-match");
  if (asked !== null && hasTag(asked, answer.etag))
    return new Response(null, { status: 304, headers: answer.unchangedHeaders });
  return new Response(answer.body, answer);
}

/** An answer may not outlive the windows in it, and they move on while it is remembered. */
function limitStaleness({ headers, unchangedHeaders }: CachedAnswer, leftMs: number): void {
  const seconds = Math.min(maxStaleSeconds, Math.floor(leftMs / 1_000));
  const value = seconds > 0 ? `${fresh}, stale-if-error=${seconds}` : fresh;
  headers.set("Cache-Control", value);
  unchangedHeaders.set("Cache-Control", value);
}

/** A hash of what is answered, the version included, so it changes with anything that a reader can see. */
function etagOf(body: string): string {
  return `"${Bun.hash.wyhash(body).toString(36)}"`;
}

function find(deps: RestDeps, key: KeyInfo, pathId: string): StoredProfile {
  const { type, value } = parseIdentifier(pathId, true, deps.profiles.definitions.identity.idTypes);
  checkIdType(key, type);
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
  const visible = { ...visibilityOf(traitsOf(query), key.readableTraits), idTypes: key.idTypes };
  const isVerbose = flagOf(query, "verbose");
  const maxAgeMs = durationOf(query, "maxAge");
  if (query.has("at"))
    throw new Refusal("invalid_request", { detail: "at is taken by GET /v1/profiles/{id} alone." });
  const ids = idsOf(await deps.readJson(request));
  return json(
    await underOne(deps.profiles, ({ identity }) =>
      batchText(
        ids,
        identity.idTypes,
        (type, value) => {
          checkIdType(key, type);
          return found(deps.profiles.find(key.namespace, type, value));
        },
        (profile) => {
          const asked = { nowMs: deps.clock.nowMs(), maxAgeMs };
          return isVerbose
            ? serveVerboseProfile(profile, visible, asked)
            : serveProfile(profile, visible, asked).view;
        },
      ),
    ),
  );
}

/** Definitions change seldom, and never twice while one answer is made. */
const readTries = 3;

/** What is read under the same definitions from its first to its last profile; others make it begin anew. */
async function underOne(
  profiles: Pick<Profiles, "definitions">,
  read: (definitions: Profiles["definitions"]) => Promise<string>,
): Promise<string> {
  for (let tries = 0; tries < readTries; tries += 1) {
    const { definitions } = profiles;
    const text = await read(definitions);
    if (profiles.definitions === definitions) return text;
  }
  throw new Refusal("overloaded", { retryAfterSeconds: 1 });
}

/** The links that the events of one page of history make; a page may have none. */
function getLinks(request: Request, deps: RestDeps): Response {
  const { key, page } = historyPage(request, deps);
  const { identity } = deps.profiles.definitions;
  const edges = page.events.flatMap((event) => edgesOf(event, identity));
  const visible = edges.filter(
    ({ from, to }) => visibleIdentifiers([from, to], key.readableTraits).length === 2,
  );
  return json(JSON.stringify({ links: visible.map(renderEdge), nextCursor: page.nextCursor }));
}

function renderEdge({ from, to, by, standing, messageId, type, source, timestampMs, receivedAtMs }: Edge) {
  return {
    from,
    to,
    by,
    standing,
    event: { messageId, type, source },
    timestamp: iso(timestampMs),
    receivedAt: iso(receivedAtMs),
  };
}

function historyPage(
  request: Request,
  deps: RestDeps,
): { readonly key: KeyInfo; readonly page: ReturnType<Profiles["history"]> } {
  const key = authorise(request, deps.findKey, "read");
  checkUnlimited(key);
  const { url } = request;
  const query = queryOf(url);
  const from = url.indexOf(profilesPath) + profilesPath.length;
  const profile = find(deps, key, url.slice(from, url.indexOf("/", from)));
  const limit = numberOf(query, "limit", 100, 1, 1_000);
  return { key, page: deps.profiles.history(profile.pid, query.get("cursor"), limit) };
}

function getHistory(request: Request, deps: RestDeps): Response {
  const { key, page } = historyPage(request, deps);
  const { events, nextCursor } = page;
  return json(
    JSON.stringify({ events: events.map((entry) => renderEntry(entry, key.readableTraits)), nextCursor }),
  );
}

async function getTrace(request: Request, deps: RestDeps): Promise<Response> {
  const key = authorise(request, deps.findKey, "read");
  checkUnlimited(key);
  const { url } = request;
  const messageId = decode(beforeQuery(url.slice(url.indexOf(eventsPath) + eventsPath.length)));
  const traces = await deps.profiles.trace(key.namespace, messageId);
  if (traces.length === 0) throw new Refusal("event_not_found");
  const events = traces.map((trace) => renderTrace(trace, key.readableTraits, deps.fedAtMs(trace.entry.seq)));
  return json(JSON.stringify({ events, nextCursor: null }));
}

function beforeQuery(text: string): string {
  const queryAt = text.indexOf("?");
  return queryAt < 0 ? text : text.slice(0, queryAt);
}

function json(text: string): Response {
  return new Response(text, { headers: unstoredJson });
}
