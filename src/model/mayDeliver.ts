/**
 * The one gate for every way out: may this person be written to, through that destination, on that channel, about that
 * topic, at that time? Asked again at the moment of sending. Pure.
 */
import { consentOf, suppressionsOf, type ConsentReading } from "./consent.ts";
import { consentKey, entryAt, type ConsentRules, type SuppressionReason } from "./consentRule.ts";
import type { Namespace } from "./event.ts";
import { normaliseEmail } from "./identifier.ts";
import type { ProfileState } from "./profile.ts";
import { childOf, valueOf } from "./trait.ts";

/** A profile as the gate sees it; a StoredProfile is one. */
export interface DeliverySubject {
  readonly namespace: Namespace;
  readonly state: ProfileState;
  readonly definitions: { readonly consent: ConsentRules };
}

export interface DeliveryAsked {
  /** `isLive`: it reaches people; test profiles never go there. */
  readonly destination: { readonly isLive: boolean };
  readonly channel: string;
  /** Null: about nothing in particular. */
  readonly topic: string | null;
  /** Milliseconds. A yes that is dated later does not count yet. */
  readonly now: number;
}

export type DenyReason =
  | "erased"
  | "test_profile"
  /** On the channel email: the profile has no address. */
  | "no_address"
  | SuppressionReason
  | "consent_denied"
  | "consent_unknown";

export type DeliveryVerdict =
  | { readonly kind: "allow" }
  /** `since`: milliseconds; null where it was always so. */
  | { readonly kind: "deny"; readonly reason: DenyReason; readonly since: number | null };

const allow: DeliveryVerdict = { kind: "allow" };

/** The gate. `profile` null: it was erased. */
export function mayDeliver(profile: DeliverySubject | null, asked: DeliveryAsked): DeliveryVerdict {
  if (profile === null) return deny("erased", null);
  if (profile.namespace === "test" && asked.destination.isLive) return deny("test_profile", null);
  return mayReach(profile.state, asked, profile.definitions.consent);
}

/** The part of the gate that is the person's: address, suppression, consent. */
export function mayReach(
  state: ProfileState,
  { channel, topic, now }: Pick<DeliveryAsked, "channel" | "topic" | "now">,
  rules: ConsentRules,
): DeliveryVerdict {
  const address = channel === "email" ? emailOf(state) : null;
  if (channel === "email" && address === null) return deny("no_address", null);
  const consent = consentOf(state, channel, topic);
  const isTransactional = topic !== null && rules.transactional.includes(topic);
  for (const found of suppressionsOf(state)) {
    if (found.channel !== channel || (found.address !== null && found.address !== address)) continue;
    if (found.reason === "unsubscribed" && (isTransactional || isTakenBack(consent, found.atMs))) continue;
    return deny(found.reason, found.atMs);
  }
  if (consent.status === "denied") return deny("consent_denied", consent.atMs);
  if (consent.status === "granted" && consent.atMs !== null && consent.atMs <= now) return allow;
  const usual = entryAt(rules.defaults, consentKey(channel, topic)) ?? entryAt(rules.defaults, channel);
  const isUsual = isTransactional || (usual ?? rules.otherwise) === "granted";
  return isUsual ? allow : deny("consent_unknown", consent.atMs);
}

/** Who unsubscribed from everything and later agreed to this wants this. */
function isTakenBack(consent: ConsentReading, unsubscribedAtMs: number): boolean {
  return consent.status === "granted" && consent.atMs !== null && consent.atMs > unsubscribedAtMs;
}

/** The address that the profile is written to. */
function emailOf(state: ProfileState): string | null {
  const node = childOf(state.traits, "email");
  return normaliseEmail(node === undefined ? undefined : valueOf(node));
}

function deny(reason: DenyReason, since: number | null): DeliveryVerdict {
  return { kind: "deny", reason, since };
}
