/** What an operator configures about consent, as plain data. */

export type ConsentStatus = "granted" | "denied" | "unknown";

/** Why a channel is not used, whatever the consent. */
export const suppressionReasons = ["unsubscribed", "bounced", "complained", "manual"] as const;
export type SuppressionReason = (typeof suppressionReasons)[number];

export interface ConsentRules {
  /** What holds where a profile says nothing, by `channel.topic` or `channel`; the closer one decides. */
  readonly defaults: Readonly<Record<string, "granted" | "denied">>;
  /** The same where none of them says anything. */
  readonly otherwise: "granted" | "denied";
  /** Topics that an unsubscription from the whole channel does not stop, such as receipts. */
  readonly transactional: readonly string[];
  /** Categories of a consent banner, each with the `channel` or `channel.topic` that it stands for. */
  readonly categories: Readonly<Record<string, readonly string[]>>;
}

/** Nothing configured: nobody is written to who has not agreed. */
export const noConsentRules: ConsentRules = {
  defaults: {},
  otherwise: "denied",
  transactional: [],
  categories: {},
};

/** A channel or a topic. */
export const consentName = /^[a-z][a-z0-9_-]{0,31}$/;

/** `email.marketing`; without a topic `email`. */
export function consentKey(channel: string, topic: string | null): string {
  return topic === null ? channel : `${channel}.${topic}`;
}

/** Whether the text is a `channel` or a `channel.topic`. */
export function isConsentKey(text: string): boolean {
  const parts = text.split(".");
  return parts.length <= 2 && parts.every((part) => consentName.test(part));
}

/** The entry under that key, safe for every key. */
export function entryAt<Value>(entries: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(entries, key) ? entries[key] : undefined;
}
