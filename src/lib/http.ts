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
    const response = await fetch(`${origin}/healthz`, {
      keepalive: false,
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.arrayBuffer();
    return response.ok;
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
    const response = await fetch(url, {
      method: "POST",
      body,
      headers: { "Content-Type": "application/json", ...init.headers },
      redirect: "manual",
      signal: AbortSignal.any([init.signal, AbortSignal.timeout(init.timeoutMs)]),
    });
    const wait = response.headers.get("retry-after") ?? "";
    const retryAfterSeconds = /^\d{1,6}$/.test(wait) ? Number(wait) : null;
    return { kind: "answer", status: response.status, retryAfterSeconds, text: await response.text() };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    return { kind: "failed", why: code || (error instanceof Error ? error.name : "unknown") };
  }
}
