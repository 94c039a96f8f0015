/** A profile's history and the trace of an event as they go over the wire (docs/protocol.md, "Profiles"). Pure. */
import type { Json, JsonObject } from "../model/event.ts";
import type { HistoryEntry, Trace } from "../store/profiles.ts";
import { iso, select, type TraitSelection } from "./profileView.ts";

/** One event of a profile's history. */
export function renderEntry(entry: HistoryEntry, readable: TraitSelection) {
  return {
    seq: entry.seq,
    messageId: entry.messageId,
    type: entry.type,
    name: entry.name,
    source: entry.source,
    timestamp: iso(entry.timestampMs),
    receivedAt: iso(entry.receivedAtMs),
    committedAt: iso(entry.committedAtMs),
    ...(readable === null && entry.facts !== undefined ? { context: entry.facts } : {}),
    event: readable === null ? entry.body : withoutHidden(entry.body, readable),
  };
}

/** One event's way through the house. `fedAtMs`: when the first feed reader was handed its change; null if none was since the start. */
export function renderTrace(trace: Trace, readable: TraitSelection, fedAtMs: number | null) {
  const { event, ...entry } = renderEntry(trace.entry, readable);
  const { profileId, folded } = trace;
  return { ...entry, profileId, folded, fedAt: folded && fedAtMs !== null ? iso(fedAtMs) : null, event };
}

/** Of an event as sent, what tells who, what and when; anything else may hold what a reader may not see. */
const envelopeKeys: readonly string[] = (
  "type event name category messageId userId anonymousId previousId groupId " +
  "timestamp originalTimestamp sentAt"
).split(" ");
/** Where values stand under names of the sender's: a key that reads some names reads them here as well. */
const namedValues = ["traits", "properties"] as const;

/** The event as sent, as far as a key that may read these names sees it. */
function withoutHidden(body: Json, readable: readonly string[]): Json {
  if (!isObject(body)) return null;
  const context = body["context"];
  const shown = { ...select(body, envelopeKeys), ...named(body, readable) };
  return isObject(context) ? { ...shown, context: named(context, readable) } : shown;
}

function named(holder: JsonObject, readable: readonly string[]): JsonObject {
  const shown: Record<string, Json> = {};
  for (const key of namedValues) {
    const values = holder[key];
    if (isObject(values)) shown[key] = select(values, readable);
  }
  return shown;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
