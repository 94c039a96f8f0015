/**
 * The one gate for every way out: may this person be written to, through that destination, on that channel, about that
 * topic, at that time? Asked again at the moment of sending. Pure.
 */
import type { ConsentRules } from "./consentRule.ts";
import type { Namespace } from "./event.ts";
import type { ProfileState } from "./profile.ts";
import { mayReach, type UnreachableReason } from "./mayReach.ts";

/** A profile as the gate sees it; a StoredProfile is one. */
export interface DeliverySubject {
  readonly namespace: Namespace;
  readonly state: ProfileState;
  readonly definitions: { readonly consent: ConsentRules };
}

export interface DeliveryAsked {
  /** `isLive`: it reaches people; test profiles never go there. */
  readonly destination: { readonly isLive: boolean };
  /** Null: nobody is written to, only what is known of the person goes there. */
  readonly channel: string | null;
  /** Null: about nothing in particular. */
  readonly topic: string | null;
  /** Milliseconds. A yes that is dated later does not count yet. */
  readonly now: number;
}

export type DenyReason = "erased" | "test_profile" | UnreachableReason;

export type DeliveryVerdict =
  | { readonly kind: "allow" }
  /** `since`: milliseconds; null where it was always so. */
  | { readonly kind: "deny"; readonly reason: DenyReason; readonly since: number | null };

/** The gate. `profile` null: it was erased. */
export function mayDeliver(profile: DeliverySubject | null, asked: DeliveryAsked): DeliveryVerdict {
  if (profile === null) return deny("erased", null);
  if (profile.namespace === "test" && asked.destination.isLive) return deny("test_profile", null);
  const { channel } = asked;
  if (channel === null) return { kind: "allow" };
  return mayReach(profile.state, { ...asked, channel }, profile.definitions.consent);
}

function deny(reason: DenyReason, since: number | null): DeliveryVerdict {
  return { kind: "deny", reason, since };
}
