/** Stands before a server and notes what comes: also what a page sends while it goes away, which no page can tell. */
import type { SentEvent } from "./sentBatches.ts";

export interface RecordedBatch {
  readonly contentType: string;
  /** `cors` for a fetch, `no-cors` for a beacon. */
  readonly mode: string;
  readonly bytes: number;
  readonly events: readonly SentEvent[];
}

export interface RecordingProxy extends Disposable {
  readonly origin: string;
  /** Every batch so far. */
  readonly batches: readonly RecordedBatch[];
}

/** Opens a proxy before `target`, an origin. */
export function recordingProxy(target: string): RecordingProxy {
  const batches: RecordedBatch[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      const body = request.method === "POST" ? await request.text() : null;
      if (body !== null && pathname === "/v1/batch") {
        batches.push({
          contentType: request.headers.get("content-type") ?? "",
          mode: request.headers.get("sec-fetch-mode") ?? "",
          bytes: Buffer.byteLength(body),
          events: (JSON.parse(body) as { readonly batch: readonly SentEvent[] }).batch,
        });
      }
      return fetch(`${target}${pathname}${search}`, {
        method: request.method,
        body,
        headers: { "Content-Type": request.headers.get("content-type") ?? "" },
      });
    },
  });
  return {
    origin: `http://127.0.0.1:${server.port}`,
    batches,
    [Symbol.dispose]: () => {
      server.stop(true).catch(() => {});
    },
  };
}
