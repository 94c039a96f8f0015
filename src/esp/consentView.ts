/** Consent and suppressions of a profile as they go over the wire (docs/protocol.md, "Consent"). Pure. */
import { consentChoices, suppressionsOf, type HasConsent } from "../model/consent.ts";
import type { ConsentStatus, SuppressionReason } from "../model/consentRule.ts";

/** By `channel.topic` or `channel`. */
export type ConsentView = Readonly<
  Record<
    string,
    {
      readonly status: ConsentStatus;
      readonly updatedAt: string | null;
      readonly source: string | null;
      readonly legalBasis: string | null;
      readonly eventMessageId: string | null;
    }
  >
>;

export interface SuppressionView {
  readonly channel: string;
  readonly reason: SuppressionReason;
  /** The only address that it is about; null: the whole channel. */
  readonly address: string | null;
  readonly since: string;
  readonly source: string;
  readonly eventMessageId: string;
}

/** What a profile says of both. */
export function consentView(state: HasConsent): {
  readonly consent: ConsentView;
  readonly suppressions: readonly SuppressionView[];
} {
  const consent: Record<string, ConsentView[string]> = {};
  for (const [key, { atMs, ...word }] of consentChoices(state))
    consent[key] = {
      status: word.status,
      updatedAt: atMs === null ? null : iso(atMs),
      source: word.source,
      legalBasis: word.legalBasis,
      eventMessageId: word.eventMessageId,
    };
  const suppressions = suppressionsOf(state).map(({ atMs, ...found }) => ({
    channel: found.channel,
    reason: found.reason,
    address: found.address,
    since: iso(atMs),
    source: found.source,
    eventMessageId: found.eventMessageId,
  }));
  return { consent, suppressions };
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
