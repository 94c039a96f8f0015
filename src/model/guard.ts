/**
 * Guards: identifiers of an event that don't count. What names nobody, and what a profile has too many of, is taken
 * from the event before anything is decided by it. What was taken is written down with the event, so that every later
 * reading of it decides the same, whatever the lists and limits are then.
 */
import type { Event } from "./event.ts";
import { blockedClaims, isBlocked, type Identity } from "./identity.ts";

/** Why an identifier doesn't count. */
export type IgnoredFor = "blocked" | "limit" | "undone";

/**
 * What doesn't count of one event: `user_id`, `anonymous_id`, `previous_id`, or a claim written `phone:+4912345`, each
 * with the reason.
 */
export type Ignored = Readonly<Record<string, IgnoredFor>>;

/** The event without what names nobody; the event itself where nothing does. */
export function withoutBlocked(event: Event, identity: Identity): Event {
  const user = identity.types.get("user_id");
  const anonymous = identity.types.get("anonymous_id");
  if (user === undefined || anonymous === undefined) return event;
  const { userId, anonymousId, previousId } = event;
  const ignored: Record<string, IgnoredFor> = {};
  if (userId !== null && isBlocked(user, userId)) ignored["user_id"] = "blocked";
  if (anonymousId !== null && isBlocked(anonymous, anonymousId)) ignored["anonymous_id"] = "blocked";
  // It may be a userId or an anonymousId: the wire doesn't say.
  if (previousId !== null && (isBlocked(user, previousId) || isBlocked(anonymous, previousId)))
    ignored["previous_id"] = "blocked";
  for (const { type, value } of blockedClaims(event, identity)) ignored[`${type}:${value}`] = "blocked";
  return withoutIgnored(event, ignored);
}

/** The event without these; the event itself where there are none. */
export function withoutIgnored(event: Event, ignored: Ignored): Event {
  let isAny = false;
  for (const _name in ignored) isAny = true;
  if (!isAny) return event;
  const lacksUser = ignored["user_id"] !== undefined;
  return {
    ...event,
    userId: lacksUser ? null : event.userId,
    anonymousId: ignored["anonymous_id"] === undefined ? event.anonymousId : null,
    // An alias without its user says nothing of anybody.
    previousId: lacksUser || ignored["previous_id"] !== undefined ? null : event.previousId,
    ignored: { ...event.ignored, ...ignored },
  };
}

/** What a row's `extra` says was taken from its event. */
export function ignoredIn(extra: string | null): Ignored {
  if (extra?.includes('"ignored"') !== true) return {};
  return (JSON.parse(extra) as { readonly ignored?: Ignored }).ignored ?? {};
}
