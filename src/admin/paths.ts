/** Every path that is served, in one table: /openapi.json is made from it, and 405 answers know the methods by it. */
import { Type, type TSchema } from "@sinclair/typebox";
import { adminPaths } from "./api/adminPaths.ts";
import type { Scope } from "../model/key.ts";
import * as shapes from "./wireShapes.ts";

/** One path with one method. */
export interface PathEntry {
  readonly method: "GET" | "POST";
  /** `:name` stands for one segment. */
  readonly path: string;
  readonly summary: string;
  /** What a key must allow; null needs no key. */
  readonly scope: Scope | null;
  readonly query?: Readonly<Record<string, string>>;
  /** Request headers that change the answer. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: TSchema;
  /** Where it is not JSON; the schema is then that of a line. */
  readonly bodyType?: string;
  /** `status` is 200 unless given; `orSame`: 304 where the caller has it already. */
  readonly answer: {
    readonly contentType: string;
    readonly schema?: TSchema;
    readonly status?: number;
    readonly orSame?: true;
  };
  /** True where any well-formed Host is answered. */
  readonly anyHost?: boolean;
}

const json = (schema: TSchema) => ({ contentType: "application/json", schema });

function ingest(names: readonly string[], summary: string, body: TSchema): PathEntry[] {
  return names.map((name) => ({
    method: "POST",
    path: `/v1/${name}`,
    summary,
    scope: "write",
    query: { writeKey: "the write key, where no header and no body can carry it" },
    body,
    answer: json(shapes.Accepted),
    anyHost: true,
  }));
}

const filters = {
  traits: "only changes that touch one of these traits, comma-separated",
  segment: "only changes that enter or leave this segment",
  idType: "only profiles that have an identifier of this type",
} as const;
const resume = {
  cursor: "go on behind this cursor; earliest begins at the oldest change; none is from now",
} as const;
const resumeHeader = { "Last-Event-ID": "the same, and beats cursor" } as const;
const sameHeader = { "If-None-Match": "the ETag of an answer before" } as const;

/** The table, in the order of the docs. */
export const paths: readonly PathEntry[] = [
  ...ingest(["track", "t"], "What somebody did", shapes.Track),
  ...ingest(["identify", "i"], "Who somebody is: sets traits", shapes.Identify),
  ...ingest(["page", "p"], "Which page somebody saw", shapes.Page),
  ...ingest(["screen", "s"], "Which screen of an app somebody saw", shapes.Page),
  ...ingest(["group", "g"], "What group somebody belongs to", shapes.Group),
  ...ingest(["alias", "a"], "That two ids are the same person", shapes.Alias),
  ...ingest(["batch", "b"], "Many events at once", shapes.Batch),
  ...ingest(["import"], "Many old events; live ones go first", shapes.Batch),
  {
    method: "POST",
    path: "/beacon/v1/batch",
    summary: "Many events at once, as RudderStack's browser client sends beacons",
    scope: "write",
    query: { writeKey: "the write key, since a beacon has no headers of its own" },
    body: shapes.Batch,
    answer: json(shapes.Accepted),
    anyHost: true,
  },
  {
    method: "GET",
    path: "/v1/freshet.js",
    summary: "The browser snippet",
    scope: null,
    answer: { contentType: "text/javascript" },
    anyHost: true,
  },
  {
    method: "GET",
    path: "/v1/projects/:writeKey/settings",
    summary: "What analytics.js asks for before it sends",
    scope: null,
    answer: { contentType: "application/json" },
    anyHost: true,
  },
  {
    method: "GET",
    path: "/sourceConfig/",
    summary:
      "What RudderStack's browser client asks for before it sends; the write key is the Basic user name",
    scope: null,
    query: { writeKey: "instead of the Authorization header" },
    answer: { contentType: "application/json" },
    anyHost: true,
  },
  {
    method: "POST",
    path: "/v1/stream",
    summary: "Events for as long as you like, a line each; an answer a line, each after its commit",
    scope: "write",
    body: shapes.BatchEvent,
    bodyType: "application/x-ndjson",
    answer: { contentType: "application/x-ndjson", schema: shapes.LineAnswer },
    anyHost: true,
  },
  {
    method: "GET",
    path: "/v1/profiles/:id",
    summary: "One profile, by type:value",
    scope: "read",
    query: {
      traits: "only these traits, comma-separated",
      verbose: "true: where each value came from",
      maxAge: "how old a value may be to count as live, such as 15m",
      at: "an instant: what a read would have answered then",
    },
    headers: sameHeader,
    answer: { ...json(Type.Union([shapes.Profile, shapes.VerboseProfile])), orSame: true },
  },
  {
    method: "POST",
    path: "/v1/profiles/batch",
    summary: "Up to 1,000 profiles",
    scope: "read",
    body: shapes.ProfileBatchRequest,
    answer: json(shapes.ProfileBatch),
  },
  {
    method: "GET",
    path: "/v1/profiles/:id/events",
    summary: "A profile's events, newest first",
    scope: "read",
    query: { limit: "at most 1,000", cursor: "the nextCursor of the page before" },
    answer: json(shapes.History),
  },
  {
    method: "GET",
    path: "/v1/profiles/:id/links",
    summary: "Why a profile's identifiers are one: the ties that its events make",
    scope: "read",
    query: { limit: "events looked at, at most 1,000", cursor: "the nextCursor of the page before" },
    answer: json(shapes.Links),
  },
  {
    method: "GET",
    path: "/v1/content/:block",
    summary: "A content block for one recipient, as JSON, .html or .txt; always something that can be sent",
    scope: "content",
    query: {
      id: "whom it is for, as type:value; without it the block is rendered for everybody",
      token: "instead of a key: a content token, which names its profile and blocks itself",
      expires: "with key and signature: a signed link, good until then (seconds since 1970)",
      key: "of a signed link: the id of the key that signed it",
      signature: "of a signed link",
    },
    headers: sameHeader,
    answer: { ...json(shapes.Content), orSame: true },
  },
  {
    method: "POST",
    path: "/v1/content/:block",
    summary: "The same for up to 100 recipients",
    scope: "content",
    body: shapes.ContentRequest,
    answer: json(shapes.Contents),
  },
  {
    method: "POST",
    path: "/v1/content/:block/preflight",
    summary: "What a send of the block would be: coverage, ages, levels, the worst rows, samples, load",
    scope: "content",
    body: shapes.PreflightRequest,
    answer: json(shapes.Preflight),
  },
  {
    method: "GET",
    path: "/v1/receipts",
    summary: "What was sent, newest first: receipts of content",
    scope: "read",
    query: {
      id: "whom it was for, as type:value; without it everybody",
      block: "of this block only",
      from: "not before this time",
      to: "before this time",
      limit: "at most 1,000",
      cursor: "the nextCursor of the page before",
    },
    answer: json(shapes.Receipts),
  },
  {
    method: "GET",
    path: "/v1/receipts/:receipt",
    summary: "One receipt; with render=true also what was sent, made again from history",
    scope: "read",
    query: { render: "true makes the answer again and says whether it is the same" },
    answer: json(shapes.Receipt),
  },
  {
    method: "POST",
    path: "/oauth/token",
    summary: "An access token for content, for a client that is a key (RFC 6749, client credentials)",
    scope: null,
    body: Type.Object({
      grant_type: Type.Literal("client_credentials"),
      client_id: Type.Optional(Type.String()),
      client_secret: Type.Optional(Type.String()),
      scope: Type.Optional(Type.Literal("content")),
    }),
    bodyType: "application/x-www-form-urlencoded",
    answer: { contentType: "application/json" },
  },
  {
    method: "GET",
    path: "/.well-known/jwks.json",
    summary: "The keys that access tokens are verified with",
    scope: null,
    answer: { contentType: "application/jwk-set+json" },
  },
  {
    method: "GET",
    path: "/v1/events/:messageId",
    summary: "The way of one event through the house",
    scope: "read",
    answer: { contentType: "application/json" },
  },
  {
    method: "GET",
    path: "/v1/feed",
    summary: "Changes as server-sent events",
    scope: "feed",
    query: {
      ...resume,
      ...filters,
      snapshot: "true: all profiles first",
      verbose: "true: in the snapshot, where each value came from",
      token: "instead of a key: follow the one profile that it was made for",
    },
    headers: resumeHeader,
    answer: { contentType: "text/event-stream" },
  },
  {
    method: "POST",
    path: "/v1/feed/tokens",
    summary: "A short token that lets a page follow one profile",
    scope: "feed",
    body: shapes.FeedTokenRequest,
    answer: json(shapes.FeedToken),
  },
  {
    method: "GET",
    path: "/v1/changes",
    summary: "Changes by long poll",
    scope: "feed",
    query: {
      ...resume,
      ...filters,
      snapshot: "true: all profiles first",
      limit: "at most so many changes, up to 1,000",
      waitMs: "wait so long for a first one, up to 25,000",
    },
    headers: resumeHeader,
    answer: json(shapes.ChangePage),
  },
  {
    method: "GET",
    path: "/v1/feed/ws",
    summary: "Changes over a WebSocket",
    scope: "feed",
    query: { ...resume, ...filters, snapshot: "true: all profiles first" },
    headers: resumeHeader,
    answer: { contentType: "application/json", schema: shapes.ChangeShape, status: 101 },
  },
  {
    method: "GET",
    path: "/",
    summary: "Leads to the demo, or to the admin page where there is none",
    scope: null,
    answer: { contentType: "text/html", status: 302 },
  },
  {
    method: "GET",
    path: "/healthz",
    summary: "Alive",
    scope: null,
    answer: json(shapes.Alive),
    anyHost: true,
  },
  {
    method: "GET",
    path: "/readyz",
    summary: "Able to answer reads",
    scope: null,
    answer: json(shapes.Readiness),
    anyHost: true,
  },
  {
    method: "GET",
    path: "/metrics",
    summary: "Prometheus metrics; from this machine, or with an admin key",
    scope: null,
    answer: { contentType: "text/plain" },
  },
  {
    method: "GET",
    path: "/openapi.json",
    summary: "This description",
    scope: null,
    answer: { contentType: "application/json" },
  },
  {
    method: "GET",
    path: "/docs",
    summary: "The paths and error codes as a page",
    scope: null,
    answer: { contentType: "text/html" },
  },
  ...adminPaths,
];

const patterns = [...new Set(paths.map((entry) => entry.path))].map((path) => ({
  path,
  // A path of two patterns (/v1/profiles/batch) takes the methods of both.
  form: new RegExp(`^${path.replace(/:[A-Za-z]+/g, "[^/]+")}$`),
}));

const anyHost = new Set(paths.filter((entry) => entry.anyHost === true).map((entry) => entry.path));

/** Paths that any well-formed Host may use: what clients of ingest ask for, and the probes (docs/protocol.md, "Hosts"). */
export const anyHostPaths: { readonly has: (path: string) => boolean } = {
  has: (path) =>
    anyHost.has(path) || patterns.some((known) => anyHost.has(known.path) && known.form.test(path)),
};

/** The methods that a path takes; empty where there is no such path. */
export function methodsOf(path: string): readonly string[] {
  const matching = new Set(patterns.filter(({ form }) => form.test(path)).map((pattern) => pattern.path));
  return [...new Set(paths.filter((entry) => matching.has(entry.path)).map((entry) => entry.method))];
}
