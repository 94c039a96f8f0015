/** Edges of the identity graph: what single events say about which identifiers are one person's. Pure. */
import type { EventType, Json, JsonObject } from "./event.ts";
import type { Ignored } from "./guard.ts";
import type { Identifier } from "./identifier.ts";
import { normaliseValue, type Identity } from "./identity.ts";

/** An event as history tells it. */
export interface ToldEvent {
  readonly seq: number;
  readonly messageId: string;
  readonly type: string;
  readonly source: string;
  readonly timestampMs: number;
  readonly receivedAtMs: number;
  /** False for a browser source. */
  readonly trusted: boolean;
  /** Identifiers of it that don't count. */
  readonly ignored: Ignored;
  /** As it came; null once erased. */
  readonly body: Json;
}

/** Why an edge counts or doesn't. */
export type EdgeStanding = "counts" | "blocked" | "limit" | "untrusted" | "undone";

/** One event tied two identifiers. */
export interface Edge {
  readonly from: Identifier;
  readonly to: Identifier;
  /** `link`: both ids in one event; `alias`: userIds said to be one; `claim`: a trait. */
  readonly by: "link" | "alias" | "claim";
  readonly standing: EdgeStanding;
  readonly seq: number;
  readonly messageId: string;
  readonly type: EventType;
  readonly source: string;
  readonly timestampMs: number;
  readonly receivedAtMs: number;
}

/** The edges that one event makes, those that don't count among them. */
export function edgesOf(event: ToldEvent, { claimed }: Identity): readonly Edge[] {
  const { body } = event;
  if (!isObject(body)) return [];
  const user = idOf("user_id", body["userId"]);
  const device = idOf("anonymous_id", body["anonymousId"]);
  const edges: Edge[] = [];
  if (user !== null && device !== null)
    edges.push(edge(event, "link", user, device, standingOf(event, "user_id", "anonymous_id")));
  const previous = event.type === "alias" ? idOf("user_id", body["previousId"]) : null;
  if (user !== null && previous !== null && previous.value !== user.value) {
    const standing = standingOf(event, "user_id", "previous_id");
    const untrusted = standing === "counts" && !event.trusted ? "untrusted" : standing;
    edges.push(edge(event, "alias", user, previous, untrusted));
    edges.push(edge(event, "link", user, { ...previous, type: "anonymous_id" }, standing));
  }
  const owner = event.ignored["user_id"] === undefined ? (user ?? device) : device;
  if (owner === null) return edges;
  for (const type of claimed)
    for (const given of claimsIn(body, event.type, type.type)) {
      const value = normaliseValue(type, given);
      if (value === null) continue;
      const standing = event.ignored[`${type.type}:${value}`] ?? "counts";
      edges.push(edge(event, "claim", owner, { type: type.type, value }, standing));
    }
  return edges;
}

function standingOf({ ignored }: ToldEvent, ...names: readonly string[]): EdgeStanding {
  for (const name of names) {
    const reason = ignored[name];
    if (reason !== undefined) return reason;
  }
  return "counts";
}

function edge(
  event: ToldEvent,
  by: Edge["by"],
  from: Identifier,
  to: Identifier,
  standing: EdgeStanding,
): Edge {
  const { seq, messageId, source, timestampMs, receivedAtMs } = event;
  const type = event.type as EventType;
  return { from, to, by, standing, seq, messageId, type, source, timestampMs, receivedAtMs };
}

function claimsIn(body: JsonObject, call: string, type: string): readonly Json[] {
  const context = isObject(body["context"]) ? body["context"] : {};
  const traits = call === "identify" ? (body["traits"] ?? context["traits"]) : null;
  const trait = isObject(traits) && Object.hasOwn(traits, type) ? traits[type] : undefined;
  const given = context["externalIds"];
  const outside = type === "email" || !Array.isArray(given) ? [] : (given as readonly Json[]);
  const ids = outside.flatMap((id) => (isObject(id) && id["type"] === type ? [id["id"] ?? null] : []));
  return trait === undefined ? ids : [trait, ...ids];
}

function idOf(type: string, value: Json | undefined): Identifier | null {
  const text = typeof value === "number" ? String(value) : value;
  return typeof text === "string" && text !== "" ? { type, value: text } : null;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
