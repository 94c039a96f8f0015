/** How often each messageId stands in a server's change log. */
import type { TestServer } from "./server.ts";

export async function changesByMessage(server: TestServer): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (let cursor = "earliest"; ;) {
    const page = (await (await server.get(`/v1/changes?cursor=${cursor}&limit=1000`)).json()) as {
      readonly changes: readonly { readonly event: { readonly messageId: string } }[];
      readonly nextCursor: string;
    };
    for (const { event } of page.changes) counts.set(event.messageId, (counts.get(event.messageId) ?? 0) + 1);
    if (page.changes.length === 0) return counts;
    cursor = page.nextCursor;
  }
}
