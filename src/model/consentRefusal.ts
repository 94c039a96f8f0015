/** What an accepted event says about consent and is not taken: the event is kept without it, and that is said. */
import { eventError, type EventError } from "../errors.ts";
import { consentActsOf, isConsentEvent } from "./consentEvent.ts";
import type { ConsentRules } from "./consentRule.ts";
import type { Event, JsonObject } from "./event.ts";

/** The refused part, to be kept in the quarantine. */
export interface ConsentRefusal {
  readonly error: EventError;
  readonly part: JsonObject;
}

const untrusted = eventError(
  "forbidden",
  "A browser's key can't set consent; the event was accepted without it.",
);

/** Null: nothing is refused, which is so of nearly every event. */
export function consentRefusal(event: Event, rules: ConsentRules): ConsentRefusal | null {
  if (!isConsentEvent(event)) return null;
  const read = consentActsOf(event, rules);
  if (read.kind === "none") return null;
  if (read.kind === "problem")
    return { error: eventError("invalid_event", `Consent: ${read.detail}`), part: partOf(event) };
  return event.trusted ? null : { error: untrusted, part: partOf(event) };
}

/** Enough of the event to be sent again by whoever may. */
function partOf(event: Event): JsonObject {
  const { type, name, messageId, userId, anonymousId, properties, consentContext } = event;
  const preferences = consentContext?.preferences ?? null;
  return {
    type,
    event: name,
    // Of its own, since the event's is used up.
    messageId: `${messageId}~consent`,
    ...(userId === null ? {} : { userId }),
    ...(anonymousId === null ? {} : { anonymousId }),
    timestamp: new Date(event.timestampMs).toISOString(),
    properties,
    ...(preferences === null ? {} : { context: { consent: { categoryPreferences: preferences } } }),
  };
}
