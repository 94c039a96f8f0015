/** Events as `export` gives them, for holding them against a plan. */
import type { Event, JsonObject } from "../model/event.ts";

/** An event as `export` gives it. */
export interface ExportedEvent {
  readonly type: Event["type"];
  readonly event?: string;
  readonly messageId: string;
  readonly source: string;
  readonly timestamp: string;
  readonly properties?: JsonObject;
  readonly traits?: JsonObject;
}

/** As much of an event as a plan looks at. */
export function eventOf({
  type,
  event,
  messageId,
  source,
  timestamp,
  properties,
  traits,
}: ExportedEvent): Event {
  const timestampMs = Date.parse(timestamp);
  return {
    namespace: "live",
    source,
    trusted: true,
    type,
    name: event ?? null,
    messageId,
    userId: null,
    anonymousId: null,
    previousId: null,
    groupId: null,
    timestampMs,
    receivedAtMs: timestampMs,
    index: 0,
    properties: properties ?? {},
    traits: traits ?? {},
  };
}
