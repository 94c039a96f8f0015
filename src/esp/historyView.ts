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
    event: readable === null ? entry.body : withoutHiddenTraits(entry.body, readable),
  };
}

/** One event's way through the house. `fedAtMs`: when the first feed reader was handed its change; null if none was since the start. */
export function renderTrace(trace: Trace, readable: TraitSelection, fedAtMs: number | null) {
  const { event, ...entry } = renderEntry(trace.entry, readable);
  const { profileId, folded } = trace;
  return { ...entry, profileId, folded, fedAt: folded && fedAtMs !== null ? iso(fedAtMs) : null, event };
}

/** The event as sent, without the traits that the reader's key may not see: those set, and those that context repeats. */
function withoutHiddenTraits(body: Json, readable: readonly string[]): Json {
  if (!isObject(body)) return body;
  const shown = selectTraits(body, readable);
  const context = shown["context"];
  return isObject(context) ? { ...shown, context: selectTraits(context, readable) } : shown;
}

function selectTraits(holder: JsonObject, readable: readonly string[]): JsonObject {
  const traits = holder["traits"];
  if (traits === undefined) return holder;
  return { ...holder, traits: isObject(traits) ? select(traits, readable) : null };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
