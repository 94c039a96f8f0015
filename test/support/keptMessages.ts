/** How often each messageId stands in a server's change log, from its beginning. */
import type { TestServer } from "./server.ts";

interface Page {
  readonly changes: readonly { readonly event: { readonly messageId: string } | null }[];
  readonly nextCursor: string;
}

/** Reads the whole change log. Throws unless every page is answered with 200. */
export async function keptMessages(server: TestServer): Promise<Map<string, number>> {
  const kept = new Map<string, number>();
  for (let cursor = "earliest"; ;) {
    const answer = await server.get(`/v1/changes?cursor=${cursor}&limit=1000`);
    if (answer.status !== 200) throw new Error(`the change log answered ${answer.status}`);
    const page = (await answer.json()) as Page;
    for (const { event } of page.changes) {
      if (event !== null) kept.set(event.messageId, (kept.get(event.messageId) ?? 0) + 1);
    }
    if (page.changes.length === 0) return kept;
    cursor = page.nextCursor;
  }
}
