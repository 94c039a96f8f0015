/** What ingest says over HTTP (docs/protocol.md, "What answers what"). */
import { errorBody, errorCatalogue, type ErrorCode, type Refusal } from "../errors.ts";
import type { Ids } from "../lib/id.ts";
import type { Answer } from "../store/accept.ts";

/** Clients take any answer but exactly this for a failure. */
const acceptedText = JSON.stringify({ success: true });

/** Whether a page may read the answer: yes, except for one to a secret key, which has no place in a page. */
export type Audience = "page" | "server";

const plain = {
  "Content-Type": "application/json; charset=utf-8",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
};
const open = { ...plain, "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After" };
/** Made once: a dictionary costs a server 2 µs an answer. */
const acceptedInit: Readonly<Record<Audience, { readonly headers: Headers }>> = {
  page: {
    headers: new Headers({
      "Content-Type": "application/json; charset=utf-8",
      "Access-Control-Allow-Origin": "*",
    }),
  },
  server: { headers: new Headers({ "Content-Type": "application/json; charset=utf-8" }) },
};

/** Any page may ask to send: a write key is all it needs, and no cookies or other credentials of the browser are used. */
const preflightHeaders = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "POST",
  "Access-Control-Allow-Headers":
    "Authorization, Content-Type, Content-Encoding, X-Write-Key, AnonymousId, *",
  "Access-Control-Max-Age": "86400",
};

/** The answer to OPTIONS. */
export function preflight(): Response {
  return new Response(null, { status: 204, headers: preflightHeaders });
}

/** The answer to a frame that went to the writer. */
export function answerTo(answer: Answer, audience: Audience, ids: Ids): Response {
  switch (answer.kind) {
    case "accepted":
      if (answer.rejected.length === 0) return new Response(acceptedText, acceptedInit[audience]);
      return respond(200, { success: true, rejected: answer.rejected }, audience, {});
    case "rejected": {
      const { code, message } = answer.error;
      return respond(
        answer.status,
        { ...errorBody(code, ids.uuid(), message), rejected: answer.rejected },
        audience,
        {},
      );
    }
    case "unavailable":
      return errorAnswer(answer.code, undefined, answer.retryAfterSeconds, audience, ids.uuid());
  }
}

/** The headers of an answer that goes on for as long as its request does. */
export function streamHeaders(audience: Audience): Readonly<Record<string, string>> {
  const base = audience === "page" ? open : plain;
  // nginx and others hold answers back unless told not to.
  return { ...base, "Content-Type": "application/x-ndjson; charset=utf-8", "X-Accel-Buffering": "no" };
}

/** The answer to a request that was not handed on. */
export function refusalAnswer(refusal: Refusal, audience: Audience, ids: Ids): Response {
  return errorAnswer(refusal.code, refusal.detail, refusal.retryAfterSeconds, audience, ids.uuid());
}

function errorAnswer(
  code: ErrorCode,
  detail: string | undefined,
  retryAfterSeconds: number | undefined,
  audience: Audience,
  requestId: string,
): Response {
  const headers: Record<string, string> = {};
  if (retryAfterSeconds !== undefined) headers["Retry-After"] = String(Math.ceil(retryAfterSeconds));
  // Bearer, since a Basic challenge makes browsers ask the visitor for a password.
  if (code === "unauthorized") headers["WWW-Authenticate"] = 'Bearer realm="freshet"';
  // The rest of a body that did not come in time must not hold the connection.
  if (code === "invalid_request") headers["Connection"] = "close";
  return respond(errorCatalogue[code].status, errorBody(code, requestId, detail), audience, headers);
}

function respond(
  status: number,
  body: unknown,
  audience: Audience,
  headers: Readonly<Record<string, string>>,
): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...(audience === "page" ? open : plain), ...headers },
  });
}
