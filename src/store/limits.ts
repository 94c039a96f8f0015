/**
 * How many identifiers of a type a profile takes. What would give it more is not done: a link, an alias or a claim
 * that goes beyond the limit doesn't count, and the event's row says so. Limits act in the order of the journal.
 */
import type { Event } from "../model/event.ts";
import type { Ignored } from "../model/guard.ts";
import { identifierKey, identifierOf, type IdentifierKey } from "../model/identifier.ts";
import type { Identity } from "../model/identity.ts";
import type { HotProfile } from "./hotProfile.ts";

/** Finds the profile that a user_id or anonymous_id leads to now. */
type ProfileOf = (key: IdentifierKey) => HotProfile | undefined;

/** What of an event's own identifiers goes beyond a limit; null when nothing does. */
export function overLimit(event: Event, profileOf: ProfileOf, identity: Identity): Ignored | null {
  const { namespace, userId, anonymousId, previousId } = event;
  if (userId === null || (anonymousId === null && previousId === null)) return null;
  const profile = profileOf(identifierKey(namespace, "user_id", userId));
  // A profile that is not there yet has room; what joins it has passed its own limits.
  if (profile === undefined) return null;
  const ignored: Record<string, "limit"> = {};
  if (anonymousId !== null) {
    const key = identifierKey(namespace, "anonymous_id", anonymousId);
    const home = profileOf(key);
    const brought = home !== undefined && isAnonymous(home) ? home.identifiers : [];
    if (!hasRoom(profile, [key, ...brought], identity)) ignored["anonymous_id"] = "limit";
  }
  if (previousId !== null && previousId !== userId) {
    const brought = broughtByAlias(event, previousId, profileOf);
    if (!hasRoom(profile, brought, identity)) ignored["previous_id"] = "limit";
  }
  return Object.keys(ignored).length === 0 ? null : ignored;
}

function broughtByAlias(event: Event, previousId: string, profileOf: ProfileOf): IdentifierKey[] {
  const { namespace, trusted } = event;
  const home = profileOf(identifierKey(namespace, "anonymous_id", previousId));
  const anonymous = home !== undefined && isAnonymous(home) ? home.identifiers : [];
  if (!trusted) return anonymous;
  const userKey = identifierKey(namespace, "user_id", previousId);
  return [...anonymous, ...(profileOf(userKey)?.identifiers ?? [userKey])];
}

/** A profile without a userId joins whole; one with a userId keeps its own. */
function isAnonymous(profile: HotProfile): boolean {
  return !profile.identifiers.some((key) => identifierOf(key).type === "user_id");
}

/** Whether the profile takes these identifiers too. */
export function hasRoom(profile: HotProfile, more: readonly IdentifierKey[], identity: Identity): boolean {
  const fresh = new Set(more.filter((key) => !profile.identifiers.includes(key)));
  if (fresh.size === 0) return true;
  const grown = new Map<string, number>();
  for (const key of fresh) {
    const { type } = identifierOf(key);
    grown.set(type, (grown.get(type) ?? 0) + 1);
  }
  return [...grown].every(
    ([type, count]) => countOf(profile, type) + count <= (identity.types.get(type)?.limit ?? 0),
  );
}

function countOf(profile: HotProfile, type: string): number {
  return profile.identifiers.reduce((sum, key) => sum + (identifierOf(key).type === type ? 1 : 0), 0);
}
