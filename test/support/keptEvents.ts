/** What a server holds of a profile, as a test wants to see it. */
import type { TestServer } from "./server.ts";
import { until } from "./until.ts";

export interface KeptEvent {
  readonly messageId: string;
  readonly type: string;
  readonly name: string | null;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly context: Readonly<Record<string, unknown>>;
}

/** As the history has it: what the client sent lies in `event`. */
interface Listed extends Pick<KeptEvent, "messageId" | "type" | "name"> {
  readonly event: Pick<KeptEvent, "properties" | "context">;
}

/** Every event of a profile (of 1,000 at most), oldest first; none if there is no such profile. */
export async function keptEvents(server: TestServer, id: string): Promise<readonly KeptEvent[]> {
  const response = await server.get(`/v1/profiles/${id}/events?limit=1000`);
  if (response.status === 404) return [];
  const { events } = (await response.json()) as { readonly events: readonly Listed[] };
  return events.map(({ messageId, type, name, event }) => ({ ...event, messageId, type, name })).reverse();
}

/** Waits until a profile has an event of that name or type; all its events. */
export async function arrivalOf(server: TestServer, id: string, what: string): Promise<readonly KeptEvent[]> {
  return until(`${what} arrives`, async () => {
    const events = await keptEvents(server, id);
    return events.some(({ type, name }) => name === what || type === what) ? events : null;
  });
}
