/** Whether a person may be reached on a channel about a topic: address, suppression, consent. Pure. */
import { consentOf, suppressionsOf, type ConsentReading, type HasConsent } from "./consent.ts";
import { consentKey, entryAt, type ConsentRules, type SuppressionReason } from "./consentRule.ts";
import { normaliseEmail } from "./identifier.ts";
import { childOf, valueOf, type TraitChildren } from "./trait.ts";

/** The part of a profile's state that decides it. */
export interface Reachable extends HasConsent {
  readonly traits?: TraitChildren;
}

export type UnreachableReason =
  /** On the channel email: the profile has no address. */
  "no_address" | SuppressionReason | "consent_denied" | "consent_unknown";

export type ReachVerdict =
  | { readonly kind: "allow" }
  /** `since`: milliseconds; null where it was always so. */
  | { readonly kind: "deny"; readonly reason: UnreachableReason; readonly since: number | null };

const allow: ReachVerdict = { kind: "allow" };

/** The part of the gate that is the person's: address, suppression, consent. */
export function mayReach(
  state: Reachable,
  { channel, topic, now }: { readonly channel: string; readonly topic: string | null; readonly now: number },
  rules: ConsentRules,
): ReachVerdict {
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
function emailOf({ traits }: Reachable): string | null {
  const node = traits === undefined ? undefined : childOf(traits, "email");
  return normaliseEmail(node === undefined ? undefined : valueOf(node));
}

function deny(reason: UnreachableReason, since: number | null): ReachVerdict {
  return { kind: "deny", reason, since };
}
