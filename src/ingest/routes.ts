/**
 * The front door of ingest: who sends, how much, then the bytes to the writer and its verdict back. The body is not
 * parsed on this thread, except to find a key that only it carries or to count the events of a browser's batch.
 */
import { Elysia } from "elysia";
import { Refusal } from "../errors.ts";
import type { BodyRead, BodyReader } from "../lib/body.ts";
import type { Clock } from "../lib/clock.ts";
import type { Ids } from "../lib/id.ts";
import type { KeyInfo } from "../model/key.ts";
import type { Accept, Frame, FrameSender } from "../store/accept.ts";
import type { Keyring } from "../store/keyring.ts";
import { answerTo, preflight, refusalAnswer, type Audience } from "./answers.ts";
import { bodyOrQueryCredential, headerCredential, type Credential } from "./auth.ts";
import { maxBatchEvents, maxSecretKeyBodyBytes, maxWriteKeyBodyBytes } from "./limits.ts";
import type { Bucket, RateLimiter } from "./rateLimit.ts";
import { scanBatch } from "./scan.ts";

export interface IngestDeps {
  readonly accept: Accept;
  readonly keys: Keyring;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly bodies: BodyReader;
  /** Applies to keys of browser sources. */
  readonly limiter: RateLimiter;
  /** The address to count a browser's requests by; asked for browser keys only. */
  readonly clientAddress: (request: Request) => string;
  /** Countries are looked up: a browser's address goes along with its events. */
  readonly needsAddress: boolean;
}

type Call = Frame["call"];

const calls: readonly (readonly [Call, ...paths: string[]])[] = [
  ["track", "/v1/track", "/v1/t"],
  ["identify", "/v1/identify", "/v1/i"],
  ["page", "/v1/page", "/v1/p"],
  ["screen", "/v1/screen", "/v1/s"],
  ["group", "/v1/group", "/v1/g"],
  ["alias", "/v1/alias", "/v1/a"],
  // The last one is where RudderStack's client sends its beacons.
  ["batch", "/v1/batch", "/v1/b", "/beacon/v1/batch"],
  ["import", "/v1/import"],
];

/** Every path of ingest. */
export const ingestPaths: readonly string[] = calls.flatMap(([, ...paths]) => paths);

/** The routes of ingest; to be used by the app. */
export function ingestRoutes(deps: IngestDeps): Elysia {
  const app = new Elysia({ name: "ingest" });
  for (const [call, ...paths] of calls) {
    for (const path of paths) {
      // "none": the body is ours to read, whatever its content type says.
      app.post(path, ({ request }) => handle(deps, call, request), { parse: "none" });
      app.options(path, () => preflight());
    }
  }
  return app;
}

const callsByPath: ReadonlyMap<string, Call> = new Map(
  calls.flatMap(([call, ...paths]) => paths.map((path) => [path, call] as const)),
);

/**
 * Takes a POST to a path of ingest and gives null for every other request: put before the router, whose own work
 * would be a tenth of what an event costs on this thread.
 */
export function ingestCalls(deps: IngestDeps): (request: Request) => Promise<Response> | null {
  return (request) => {
    if (request.method !== "POST") return null;
    const { url } = request;
    const queryAt = url.indexOf("?");
    const path = url.slice(url.indexOf("/", "http://".length), queryAt < 0 ? url.length : queryAt);
    const call = callsByPath.get(path);
    return call === undefined ? null : handle(deps, call, request);
  };
}

/** Who sends, once that is known. */
export interface Sender {
  readonly key: KeyInfo;
  readonly audience: Audience;
  /** What a browser's events are paid from; null for servers. */
  readonly bucket: Bucket | null;
}

async function handle(deps: IngestDeps, call: Call, request: Request): Promise<Response> {
  let sender: Sender | null = null;
  try {
    const presented = headerCredential(deps.keys, request.headers);
    if (presented.kind !== "absent") sender = admit(deps, presented, request);
    const secret = sender !== null && sender.key.kind === "secret";
    const read = await deps.bodies.read(request, secret ? maxSecretKeyBodyBytes : maxWriteKeyBodyBytes);
    if (read.kind !== "body") throw unreadable[read.kind];
    sender ??= admit(deps, bodyOrQueryCredential(deps.keys, read.bytes, request.url), request);
    if (sender.bucket !== null) deps.limiter.charge(sender.bucket, eventsIn(call, read.bytes));
    const answer = await deps.accept.submit({
      ...frameOf(call, sender.key, read.bytes, deps.clock.nowMs()),
      sender: sender.bucket === null ? undefined : senderOf(deps, request),
    });
    return answerTo(answer, sender.audience, deps.ids);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return refusalAnswer(error, sender?.audience ?? "page", deps.ids);
  }
}

/** What a browser's request tells about who sent it. */
function senderOf(
  { needsAddress, clientAddress }: Pick<IngestDeps, "needsAddress" | "clientAddress">,
  request: Request,
): FrameSender {
  return {
    userAgent: request.headers.get("user-agent"),
    address: needsAddress ? clientAddress(request) : null,
  };
}

function frameOf(call: Call, key: KeyInfo, body: Uint8Array, receivedAtMs: number): Frame {
  return {
    call,
    source: key.source,
    namespace: key.namespace,
    trusted: key.trust === "server",
    receivedAtMs,
    lane: call === "import" ? "import" : "live",
    body,
  };
}

/** Lets a request in if its key may write and, for a browser's, has not sent too much from there lately. */
export function admit(deps: Omit<IngestDeps, "bodies">, credential: Credential, request: Request): Sender {
  if (credential.kind !== "key") throw new Refusal("unauthorized");
  const { key } = credential;
  if (!key.scopes.includes("write")) throw new Refusal("forbidden");
  const audience = key.kind === "secret" ? "server" : "page";
  if (key.trust === "server") return { key, audience, bucket: null };
  const bucket = deps.limiter.bucket(key.id, deps.clientAddress(request));
  const retryAfterSeconds = deps.limiter.waitSeconds(bucket);
  if (retryAfterSeconds > 0) throw new Refusal("rate_limited", { retryAfterSeconds });
  return { key, audience, bucket };
}

/** How many events a browser pays for. A broken body costs one. */
function eventsIn(call: Call, body: Uint8Array): number {
  if (call !== "batch" && call !== "import") return 1;
  return Math.max(1, scanBatch(body, maxBatchEvents)?.elements.length ?? 1);
}

/** What is said of a body that could not be read. */
const unreadable: Readonly<Record<Exclude<BodyRead["kind"], "body">, Refusal>> = {
  tooLarge: new Refusal("too_large"),
  unsupported: new Refusal("unsupported_encoding"),
  corrupt: new Refusal("invalid_json", {
    detail: "The body is not the gzip stream that its Content-Encoding says.",
  }),
  late: new Refusal("invalid_request", { detail: "The body did not arrive in time." }),
  gone: new Refusal("invalid_request", { detail: "The body did not arrive." }),
};
