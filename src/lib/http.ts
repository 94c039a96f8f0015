/** The one place that makes outbound requests. */

/** A request to a server of this machine over a unix socket. `path` begins with a slash. */
export async function fetchUnix(
  socketPath: string,
  path: string,
  init: { readonly method: string; readonly body?: string; readonly signal?: AbortSignal },
): Promise<Response> {
  // Bun can't keep such a connection beyond its answer safely when the server restarts, so each request has its own.
  return fetch(`http://freshet${path}`, { ...init, unix: socketPath, keepalive: false, redirect: "manual" });
}

/**
 * Makes the process's first request, to itself: its threads and buffers then exist before file descriptors run out,
 * where a first fetch would end the process. False when nothing answered in time.
 */
export async function warmUp(origin: string, timeoutMs: number): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(`${origin}/healthz`, { keepalive: false, redirect: "manual", signal });
    return response.ok && (await response.text()) !== "";
  } catch {
    return false;
  }
}

/** What came of a request: an answer of any status, or none. */
export type HttpAnswer =
  | {
      readonly kind: "answer";
      readonly status: number;
      /** Of the Retry-After header, where it names seconds. */
      readonly retryAfterSeconds: number | null;
      /** Of the body, the first million characters. */
      readonly text: string;
    }
  | { readonly kind: "failed"; readonly why: string };

/** POSTs JSON text. Redirects are not followed; what fails is an outcome, not an exception. */
export async function postJson(
  url: string,
  body: string,
  init: {
    readonly headers: Readonly<Record<string, string>>;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  },
): Promise<HttpAnswer> {
  try {
    const headers = { "Content-Type": "application/json", ...init.headers };
    const signal = AbortSignal.any([init.signal, AbortSignal.timeout(init.timeoutMs)]);
    const response = await fetch(url, { method: "POST", body, headers, redirect: "manual", signal });
    const wait = response.headers.get("retry-after") ?? "";
    const retryAfterSeconds = /^\d{1,6}$/.test(wait) ? Number(wait) : null;
    return { kind: "answer", status: response.status, retryAfterSeconds, text: await beginningOf(response) };
  } catch (error) {
    return { kind: "failed", why: reasonOf(error) };
  }
}

const maxAnswerLength = 1_000_000;
/** Leaving the loop lets go of the rest. */
async function beginningOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body ?? [])
    if ((text += decoder.decode(chunk, { stream: true })).length > 1e6) break;
  return text.slice(0, maxAnswerLength);
}

/** A stream of server-sent events, that there is none any more (204), or why there is none now. */
export type EventStreamOpened =
  | { readonly kind: "open"; readonly body: ReadableStream<Uint8Array> }
  | { readonly kind: "over" }
  | Extract<HttpAnswer, { kind: "failed" }>;

/** Asks for server-sent events. Redirects are not followed. */
export async function openEventStream(
  url: string,
  init: { readonly headers: Headers; readonly signal: AbortSignal },
): Promise<EventStreamOpened> {
  try {
    const response = await fetch(url, { ...init, redirect: "manual", keepalive: false });
    const { status, body } = response;
    const type = response.headers.get("content-type") ?? "";
    if (status === 200 && /^text\/event-stream\b/i.test(type) && body !== null) return { kind: "open", body };
    await body?.cancel();
    if (status === 204) return { kind: "over" };
    const why = status === 200 ? "the answer is no event stream" : `it answered ${status}`;
    return { kind: "failed", why };
  } catch (error) {
    return { kind: "failed", why: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  return "code" in error && error.code !== "" ? String(error.code) : error.name;
}
