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
