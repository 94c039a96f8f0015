/**
 * An event as the fold sees it: checked, its times decided, its identifiers normalised.
 * Pure data; made by ingest (or read back from the journal) and never changed after.
 */
import type { Facts } from "./facts.ts";

/** Live and test data never meet: every identifier lives in one of the two. */
export type Namespace = "live" | "test";

/** The calls of the Segment HTTP Tracking API. */
export const eventTypes = ["track", "identify", "page", "screen", "group", "alias"] as const;
export type EventType = (typeof eventTypes)[number];

/**
 * What decides between two writes: (timestamp, receivedAt, index in request, messageId), the later wins.
 * Fixed when the event is accepted, stored with it.
 */
export type OrderKey = readonly [timestampMs: number, receivedAtMs: number, index: number, messageId: string];

/** Plain JSON, as it came. Objects may hold any key but `__proto__`. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** The parts of an event's context that consent is read from. */
export interface ConsentContext {
  /** `context.consent.categoryPreferences` */
  readonly preferences: JsonObject | null;
  /** `context.traits.email`, normalised. */
  readonly email: string | null;
}

/** One accepted event. `seq` is 0 until the writer has given it its place. */
export interface Event {
  readonly namespace: Namespace;
  /** The source's name, from its key or configuration. */
  readonly source: string;
  /** False for a browser source: it can't join two userIds. */
  readonly trusted: boolean;
  readonly type: EventType;
  /** track: `event`; page and screen: `name`; else null. */
  readonly name: string | null;
  readonly messageId: string;
  readonly userId: string | null;
  readonly anonymousId: string | null;
  /** alias only. */
  readonly previousId: string | null;
  /** group only. */
  readonly groupId: string | null;
  /** When it happened, corrected for the sender's clock (docs/protocol.md, "Time"). */
  readonly timestampMs: number;
  readonly receivedAtMs: number;
  /** Position in its request. */
  readonly index: number;
  /** track, page, screen: the event's properties; else {}. */
  readonly properties: JsonObject;
  /** identify: the profile's traits to set; else {}. (group traits belong to the group, not the profile.) */
  readonly traits: JsonObject;
  /** `context.externalIds`: names that other systems have for the person. */
  readonly externalIds?: readonly (readonly [type: string, value: string])[];
  /** What its context tells of consent; only with events that may say something about it (consentEvent.ts). */
  readonly consentContext?: ConsentContext;
  /** What was found out about it when it was accepted. */
  readonly facts?: Facts;
  /** Identifiers that came with it and don't count (guard.ts); those above are null then. */
  readonly ignored?: Readonly<Record<string, "blocked" | "limit" | "undone">>;
}

/** The event's order key. */
export function orderKeyOf(event: Event): OrderKey {
  return [event.timestampMs, event.receivedAtMs, event.index, event.messageId];
}

/** Negative, zero or positive: which of two order keys comes first. messageIds compare by UTF-16 code unit. */
export function compareOrderKeys(left: OrderKey, right: OrderKey): number {
  if (left[0] !== right[0]) return left[0] - right[0];
  if (left[1] !== right[1]) return left[1] - right[1];
  if (left[2] !== right[2]) return left[2] - right[2];
  if (left[3] === right[3]) return 0;
  return left[3] < right[3] ? -1 : 1;
}
