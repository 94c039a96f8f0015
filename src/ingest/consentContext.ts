/** The parts of `context` that consent is read from, of the few events that may say something about it. */
import { isConsentEvent } from "../model/consentEvent.ts";
import type { Event, Json } from "../model/event.ts";
import { normaliseEmail } from "../model/identifier.ts";
import { isObject, type Envelope } from "./normalise.ts";

/** The event with them; the event itself where there are none. `shared`: the context beside its batch. */
export function withConsentContext(
  event: Event,
  { context }: Envelope,
  shared: () => Json | undefined,
): Event {
  if (!isConsentEvent(event)) return event;
  const preferences = partOf(context, shared, "consent", "categoryPreferences");
  const email = normaliseEmail(partOf(context, shared, "traits", "email"));
  if (!isObject(preferences) && email === null) return event;
  return { ...event, consentContext: { preferences: isObject(preferences) ? preferences : null, email } };
}

/** The event's own word goes before the batch's. */
function partOf(context: unknown, shared: () => Json | undefined, part: string, key: string): unknown {
  const own = isObject(context) ? context[part] : undefined;
  if (isObject(own) && own[key] !== undefined) return own[key];
  const around = shared();
  const beside = isObject(around) ? around[part] : undefined;
  return isObject(beside) ? beside[key] : undefined;
}

/** The context beside the batch that an event came in, as it is stored with it. */
export function sharedContextIn(extra: string | null): () => Json | undefined {
  return () =>
    extra?.includes('"context"') === true
      ? (JSON.parse(extra) as { readonly context?: Json }).context
      : undefined;
}
