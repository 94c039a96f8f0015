/** Why a profile's identifiers are one: the events that carried two of them at once. Pure. */
import { iso } from "../../esp/profileView.ts";
import type { Json, JsonObject } from "../../model/event.ts";
import { edgesOf } from "../../model/edge.ts";
import type { Identifier } from "../../model/identifier.ts";
import { builtInIdentity, type Identity } from "../../model/identity.ts";
import type { HistoryEntry } from "../../store/profiles.ts";
import type { IdentifierAnswer, JoinEvent } from "./profileWire.ts";

/** For each identifier the first event that carried it, and the first that tied it to another one. */
export function joinsOf(
  identifiers: readonly Identifier[],
  history: readonly HistoryEntry[],
  identity: Identity = builtInIdentity,
): readonly IdentifierAnswer[] {
  const oldestFirst = history.toSorted((left, right) => left.seq - right.seq);
  const carried = oldestFirst.map((entry) => ({ entry, ids: identifiersIn(entry, identity) }));
  return identifiers.map((identifier) => {
    const withIt = carried.filter(({ ids }) => ids.some((id) => isSame(id, identifier)));
    const joined = withIt.find(({ ids }) => ids.length > 1);
    const other = joined?.ids.find((id) => !isSame(id, identifier)) ?? null;
    return {
      ...identifier,
      firstSeen: withIt[0] === undefined ? null : eventOf(withIt[0].entry),
      joinedBy: joined === undefined ? null : eventOf(joined.entry),
      joinedTo: other,
    };
  });
}

/** The identifiers that an event carries; who it is about comes first. */
function identifiersIn(entry: HistoryEntry, identity: Identity): readonly Identifier[] {
  const { type, body } = entry;
  if (!isObject(body)) return [];
  const { userId, anonymousId, previousId } = body;
  const found: Identifier[] = [];
  add(found, "user_id", userId);
  add(found, "anonymous_id", anonymousId);
  // What an alias joins was an anonymousId as a rule, and a userId at times: it counts as the one the profile has.
  if (type === "alias") {
    add(found, "anonymous_id", previousId);
    add(found, "user_id", previousId);
  }
  for (const { by, standing, to } of edgesOf(entry, identity))
    if (by === "claim" && standing === "counts") add(found, to.type, to.value);
  return found;
}

function add(found: Identifier[], type: string, value: Json | undefined): void {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text === "string" && text !== "" && !found.some((id) => isSame(id, { type, value: text })))
    found.push({ type, value: text });
}

function isSame(left: Identifier, right: Identifier): boolean {
  return left.type === right.type && left.value === right.value;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function eventOf({ messageId, type, name, source, timestampMs }: HistoryEntry): JoinEvent {
  return { messageId, type, name, source, timestamp: iso(timestampMs) };
}
