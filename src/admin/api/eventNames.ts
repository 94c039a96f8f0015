/** What the events are called that a profile's traits come from, in a bounded look. */
import type { HistoryEntry, Profiles, StoredProfile } from "../../store/profiles.ts";
import type { EventName } from "./profileWire.ts";

/** Events looked up one by one, where the newest of the profile don't hold them. */
const maxLookups = 50;

interface Origin {
  readonly source: string | null;
  readonly eventMessageId: string | null;
}

/** The name of each origin's event by `nameKey`: from the events at hand, the others looked up. */
export async function eventNames(
  profiles: Profiles,
  { namespace }: Pick<StoredProfile, "namespace">,
  origins: readonly Origin[],
  atHand: readonly HistoryEntry[],
): Promise<ReadonlyMap<string, EventName>> {
  const names = new Map<string, EventName>();
  const note = ({ source, messageId, type, name }: HistoryEntry) =>
    names.set(nameKey({ source, eventMessageId: messageId }), { type, name });
  for (const entry of atHand) note(entry);
  const missing = new Set(
    origins
      .filter((origin) => !names.has(nameKey(origin)))
      .flatMap(({ eventMessageId }) => eventMessageId ?? []),
  );
  for (const messageId of [...missing].slice(0, maxLookups))
    for (const { entry } of await profiles.trace(namespace, messageId)) note(entry);
  return names;
}

/** A messageId is unique in its source only. */
export function nameKey({ source, eventMessageId }: Origin): string {
  return JSON.stringify([source, eventMessageId]);
}
