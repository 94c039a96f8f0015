/** `POST /v1/stream`: newline-delimited events in, an answer a line out, for as long as both sides like. */
import { Elysia } from "elysia";
import { Refusal } from "../errors.ts";
import { inflateStream } from "../lib/inflateStream.ts";
import type { Timers } from "../lib/timers.ts";
import { preflight, refusalAnswer, streamHeaders, type Audience } from "./answers.ts";
import { bodyOrQueryCredential, headerCredential, type Credential } from "./auth.ts";
import { EventStream } from "./eventStream.ts";
import { admit, type IngestDeps } from "./routes.ts";
import type { EventStreams } from "./streams.ts";

export interface StreamDeps extends Omit<IngestDeps, "bodies"> {
  readonly streams: EventStreams;
  readonly timers: Timers;
}

/** The path; its bodies have no end that a limit could be held against. */
export const streamPath = "/v1/stream";

/** The plugin; mounted by routes.ts. */
export function streamRoutes(deps: StreamDeps): Elysia {
  const app = new Elysia({ name: "stream" });
  app.post(streamPath, ({ request }) => open(deps, request), { parse: "none" });
  app.options(streamPath, () => preflight());
  return app;
}

function open(deps: StreamDeps, request: Request): Response {
  let audience: Audience = "page";
  try {
    const sender = admit(deps, credentialOf(deps, request), request);
    ({ audience } = sender);
    deps.streams.admit();
    const { limiter } = deps;
    const { bucket, key } = sender;
    const stream = new EventStream(decoded(request), {
      accept: deps.accept,
      streams: deps.streams,
      timers: deps.timers,
      nowMs: () => deps.clock.nowMs(),
      requestId: () => deps.ids.uuid(),
      origin: () => {
        if (credentialOf(deps, request).kind !== "key") throw new Refusal("unauthorized");
        return { source: key.source, namespace: key.namespace, trusted: key.trust === "server" };
      },
      charge: (events) => {
        if (bucket !== null) limiter.charge(bucket, events);
      },
      waitMs: () => (bucket === null ? 0 : waitMs(deps, request, key.id)),
    });
    return new Response(new ReadableStream<Uint8Array>(stream, { highWaterMark: 1 }), {
      headers: streamHeaders(audience),
    });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return refusalAnswer(error, audience, deps.ids);
  }
}

/** The key stands in a header or in the query: the body's lines belong to the events. */
function credentialOf({ keys }: StreamDeps, request: Request): Credential {
  const presented = headerCredential(keys, request.headers);
  return presented.kind === "absent"
    ? bodyOrQueryCredential(keys, new Uint8Array(0), request.url)
    : presented;
}

/** Looking the bucket up again fills it. */
function waitMs({ limiter, clientAddress }: StreamDeps, request: Request, keyId: string): number {
  return limiter.waitSeconds(limiter.bucket(keyId, clientAddress(request))) * 1_000;
}

function decoded(request: Request): ReadableStream<Uint8Array> | null {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  const { body } = request;
  if (encoding === "" || encoding === "identity" || body === null) return body;
  if (encoding !== "gzip" && encoding !== "x-gzip") throw new Refusal("unsupported_encoding");
  return inflateStream(
    body,
    () => new Refusal("invalid_json", { detail: "The body is not gzip, or inflates too much." }),
  );
}
