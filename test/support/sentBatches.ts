/** What a page sends to Freshet, as it leaves the browser. */
import type { Page, Request } from "playwright-core";

export interface SentEvent {
  readonly messageId: string;
  readonly type: string;
  readonly event?: string;
  readonly anonymousId?: string;
  readonly userId?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly context: Readonly<Record<string, unknown>>;
}

export interface SentBatch {
  /** How the browser sent it: `fetch` or `ping` (a beacon). */
  readonly by: string;
  readonly contentType: string;
  readonly events: readonly SentEvent[];
}

/** Collects every batch from here on, whether it arrives or not. */
export function watchBatches(page: Page): readonly SentBatch[] {
  const batches: SentBatch[] = [];
  page.context().on("request", (request) => {
    if (request.method() === "POST" && request.url().endsWith("/v1/batch")) batches.push(read(request));
  });
  return batches;
}

function read(request: Request): SentBatch {
  const body = request.postDataJSON() as { readonly batch: readonly SentEvent[] };
  return {
    by: request.resourceType(),
    contentType: request.headers()["content-type"] ?? "",
    events: body.batch,
  };
}
