/**
 * What a track event says about consent and suppression. The names and properties are those that senders use
 * (Segment's e-mail spec, its consent event, what e-mail services send beside them) and two of our own; docs/protocol.md
 * has the table. Pure.
 */
import {
  consentName,
  entryAt,
  suppressionReasons,
  type ConsentRules,
  type ConsentStatus,
  type SuppressionReason,
} from "./consentRule.ts";
import type { Event, Json, JsonObject } from "./event.ts";
import { normaliseEmail } from "./identifier.ts";

export type ConsentAct =
  | {
      readonly kind: "choice";
      readonly channel: string;
      readonly topic: string | null;
      readonly status: ConsentStatus;
      readonly legalBasis: string | null;
    }
  | {
      readonly kind: "suppression";
      readonly channel: string;
      readonly reason: SuppressionReason;
      /** Null: whatever the address. */
      readonly address: string | null;
      readonly isOn: boolean;
    };

export type ConsentRead =
  | { readonly kind: "none" }
  | { readonly kind: "acts"; readonly acts: readonly ConsentAct[] }
  /** It means to say something and does not. */
  | { readonly kind: "problem"; readonly detail: string };

type Reader = (properties: JsonObject, event: Event, rules: ConsentRules) => ConsentRead;

const nothing: ConsentRead = { kind: "none" };
const maxBasisLength = 100;
const badTarget = problem(
  "channel and topic must be names of a-z, 0-9, _ and -, at most 32 characters, beginning with a letter.",
);
const badStatus = problem("status must be granted, denied or unknown.");
const badBasis = problem(`legalBasis must be a text of at most ${maxBasisLength} characters.`);
const badSuppression = problem(
  `suppressed must be true or false, and reason one of ${suppressionReasons.join(", ")}.`,
);

function problem(detail: string): ConsentRead {
  return { kind: "problem", detail };
}

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["Unsubscribed", readUnsubscribed],
  ["Email Unsubscribed", readUnsubscribed],
  ["Resubscribed", readResubscribed],
  ["Email Resubscribed", readResubscribed],
  ["Email Subscribed", readResubscribed],
  ["Email Bounced", readBounced],
  ["Email Hard Bounced", readBounced],
  ["Email Marked as Spam", readComplained],
  ["Email Marked As Spam", readComplained],
  ["Segment Consent Preference Updated", readPreferences],
  ["Consent Changed", readConsentChanged],
  ["Suppression Changed", readSuppressionChanged],
]);

/** Names of the track events that may say something about consent. */
export const consentEvents: readonly string[] = [...readers.keys()];

/** Whether an event may say something about consent: one look into a small map. */
export function isConsentEvent({ type, name }: Pick<Event, "type" | "name">): boolean {
  return type === "track" && name !== null && readers.has(name);
}

/** What the event says, whoever sent it. */
export function consentActsOf(event: Event, rules: ConsentRules): ConsentRead {
  const reader = event.type === "track" && event.name !== null ? readers.get(event.name) : undefined;
  return reader === undefined ? nothing : reader(event.properties, event, rules);
}

interface Target {
  readonly channel: string;
  readonly topic: string | null;
}

/** Null for names that can't be. */
function targetIn(properties: JsonObject, otherwise: string | null): Target | null {
  const channel = properties["channel"] ?? otherwise;
  const topic = properties["topic"] ?? null;
  if (typeof channel !== "string" || !consentName.test(channel)) return null;
  if (topic !== null && (typeof topic !== "string" || !consentName.test(topic))) return null;
  return { channel, topic };
}

function suppression(
  channel: string,
  reason: SuppressionReason,
  isOn: boolean,
  address: string | null = null,
): ConsentAct {
  return { kind: "suppression", channel, reason, address, isOn };
}

function acts(...list: readonly ConsentAct[]): ConsentRead {
  return { kind: "acts", acts: list };
}

function readUnsubscribed(properties: JsonObject): ConsentRead {
  const target = targetIn(properties, "email");
  if (target === null) return badTarget;
  if (target.topic === null) return acts(suppression(target.channel, "unsubscribed", true));
  return acts({ kind: "choice", ...target, status: "denied", legalBasis: null });
}

/** Who comes back agrees to what they come back to. */
function readResubscribed(properties: JsonObject): ConsentRead {
  const target = targetIn(properties, "email");
  if (target === null) return badTarget;
  const choice: ConsentAct = { kind: "choice", ...target, status: "granted", legalBasis: "consent" };
  return target.topic === null
    ? acts(suppression(target.channel, "unsubscribed", false), choice)
    : acts(choice);
}

/** Where services tell of what kind a bounce is. */
const bounceKinds = ["bounce_type", "bounceType", "type", "bounce_class", "bounceClass"] as const;
const passingBounce = /soft|transient|temporary|undetermined|delay/i;

/** A soft bounce passes; one that does not say is a hard one, as in Segment's e-mail spec. */
function readBounced(properties: JsonObject, event: Event): ConsentRead {
  const isPassing = bounceKinds.some((key) => {
    const kind = properties[key];
    return typeof kind === "string" && passingBounce.test(kind);
  });
  if (isPassing) return nothing;
  return acts(suppression("email", "bounced", true, addressIn(properties, event)));
}

const addressKeys = ["email", "recipient", "email_address", "to"] as const;

function addressIn(properties: JsonObject, event: Event): string | null {
  for (const key of addressKeys) {
    const address = normaliseEmail(properties[key]);
    if (address !== null) return address;
  }
  return event.consentContext?.email ?? null;
}

function readComplained(): ConsentRead {
  return acts(suppression("email", "complained", true));
}

/** A category may stand for several keys and a key belong to several categories: then one no is enough. */
function readPreferences(_properties: JsonObject, event: Event, rules: ConsentRules): ConsentRead {
  const preferences = event.consentContext?.preferences ?? {};
  const said = new Map<string, boolean>();
  for (const [category, keys] of Object.entries(rules.categories)) {
    const given = entryAt(preferences, category);
    if (typeof given !== "boolean") continue;
    for (const key of keys) said.set(key, given && said.get(key) !== false);
  }
  if (said.size === 0) return nothing;
  return acts(
    ...[...said].map(([key, isGranted]): ConsentAct => {
      const [channel = "", topic = null] = key.split(".");
      return {
        kind: "choice",
        channel,
        topic,
        status: isGranted ? "granted" : "denied",
        legalBasis: isGranted ? "consent" : null,
      };
    }),
  );
}

function readConsentChanged(properties: JsonObject): ConsentRead {
  const target = targetIn(properties, null);
  if (target === null) return badTarget;
  const { status } = properties;
  if (status !== "granted" && status !== "denied" && status !== "unknown") return badStatus;
  const legalBasis = properties["legalBasis"] ?? properties["legal_basis"] ?? null;
  if (legalBasis !== null && (typeof legalBasis !== "string" || legalBasis.length > maxBasisLength))
    return badBasis;
  return acts({ kind: "choice", ...target, status, legalBasis });
}

const reasons: ReadonlyMap<Json, SuppressionReason> = new Map<Json, SuppressionReason>(
  suppressionReasons.map((reason) => [reason, reason]),
);

function readSuppressionChanged(properties: JsonObject): ConsentRead {
  const target = targetIn({ channel: properties["channel"] ?? null }, null);
  if (target === null) return badTarget;
  const { suppressed } = properties;
  const reason = reasons.get(properties["reason"] ?? "manual");
  if (typeof suppressed !== "boolean" || reason === undefined) return badSuppression;
  return acts(suppression(target.channel, reason, suppressed, normaliseEmail(properties["address"])));
}
