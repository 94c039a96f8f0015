/** `context.externalIds`: names that other systems have for the person, as Segment's clients send them. */
import type { Event } from "../model/event.ts";
import { isObject, readId, type Envelope } from "./normalise.ts";

/** More than anybody has; what comes after is passed over. */
const maxExternalIds = 50;

/**
 * The event with its external ids; the event itself where there are none. Each is `{"id","type","collection":"users",
 * "encoding":"none"}`; those of other collections or encodings, and what is no identifier, are passed over.
 */
export function withExternalIds(event: Event, { context }: Envelope): Event {
  const given = isObject(context) ? context["externalIds"] : undefined;
  if (!Array.isArray(given) || given.length === 0) return event;
  const found = given.slice(0, maxExternalIds).flatMap(readExternalId);
  return found.length === 0 ? event : { ...event, externalIds: found };
}

function readExternalId(value: unknown): [type: string, value: string][] {
  if (!isObject(value)) return [];
  const { type, collection = "users", encoding = "none" } = value;
  if (typeof type !== "string" || collection !== "users" || encoding !== "none") return [];
  const id = readId(value["id"]);
  return typeof id === "string" ? [[type, id]] : [];
}
