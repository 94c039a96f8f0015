/** `POST /v1/stream`: newline-delimited events in, an answer a line out, for as long as both sides like. */
import { Elysia } from "elysia";
import { Refusal } from "../errors.ts";
import { inflateStream } from "../lib/inflateStream.ts";
import type { Timers } from "../lib/timers.ts";
import { preflight, refusalAnswer, streamHeaders, type Audience } from "./answers.ts";
import { bodyOrQueryCredential, headerCredential, type Credential } from "./auth.ts";
import { EventStream, type EventStreamDeps } from "./eventStream.ts";
import { admit, type IngestDeps, type Sender } from "./routes.ts";
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
    // The server forgets the request once it has its answer; what is needed later is taken out of it now.
    const { headers, url } = request;
    const sender = admit(deps, credentialOf(deps, headers, url), request);
    ({ audience } = sender);
    deps.streams.admit();
    const stream = new EventStream(decoded(request), {
      ...rateOf(deps, sender, request),
      accept: deps.accept,
      streams: deps.streams,
      timers: deps.timers,
      nowMs: () => deps.clock.nowMs(),
      requestId: () => deps.ids.uuid(),
      origin: () => {
        if (credentialOf(deps, headers, url).kind !== "key") throw new Refusal("unauthorized");
        const { source, namespace, trust } = sender.key;
        return { source, namespace, trusted: trust === "server" };
      },
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
function credentialOf({ keys }: StreamDeps, headers: Headers, url: string): Credential {
  const presented = headerCredential(keys, headers);
  return presented.kind === "absent" ? bodyOrQueryCredential(keys, new Uint8Array(0), url) : presented;
}

/** What a browser's events cost it; servers send as they like. */
function rateOf(
  { limiter, clientAddress }: StreamDeps,
  { key, bucket }: Sender,
  request: Request,
): Pick<EventStreamDeps, "charge" | "waitMs"> {
  if (bucket === null) return { charge: () => {}, waitMs: () => 0 };
  const address = clientAddress(request);
  // Looking the bucket up again fills it.
  const current = () => limiter.bucket(key.id, address);
  return {
    charge: (events) => limiter.charge(current(), events),
    waitMs: () => limiter.waitSeconds(current()) * 1_000,
  };
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
