/**
 * Consent and suppression of a profile. Consent is the person's word on a channel, or on one topic of it; suppression
 * is a reason not to use the channel, whatever the word: it bounced, was complained about, unsubscribed from, or stopped
 * by hand. Of each only the newest mark is kept, by order key, so that any order, repetition or merge ends the same.
 */
import {
  entryAt,
  consentKey,
  type ConsentRules,
  type ConsentStatus,
  type SuppressionReason,
} from "./consentRule.ts";
import { consentActsOf, isConsentEvent, type ConsentAct } from "./consentEvent.ts";
import type { Event } from "./event.ts";
import { compareStamps } from "./stamp.ts";

/** A stamp and what was said: a status for consent; `on` or `off` for a suppression. */
export type Mark = [
  timestampMs: number,
  delayMs: number,
  index: number,
  messageId: string,
  source: string,
  word: ConsentStatus | "on" | "off",
  legalBasis: string | null,
];

export interface ConsentState {
  /** By `channel.topic` or `channel`. */
  choices: Record<string, Mark>;
  /** By `channel reason` or, bound to one address, `channel reason address`. */
  suppressions: Record<string, Mark>;
}

/** The part of a profile's state that is about consent; absent until the first word. */
export interface HasConsent {
  consent?: ConsentState;
}

/** Most marks of each kind that a profile keeps, the newest. */
export const maxConsentMarks = 200;

/** The person's word on a channel or topic, and where it is from; all null while it is unknown. */
export interface ConsentReading {
  readonly status: ConsentStatus;
  readonly atMs: number | null;
  readonly source: string | null;
  readonly legalBasis: string | null;
  readonly eventMessageId: string | null;
}

/** Why a channel is not used. */
export interface Suppression {
  readonly channel: string;
  readonly reason: SuppressionReason;
  /** The only address that it is about; null: the whole channel. */
  readonly address: string | null;
  readonly atMs: number;
  readonly source: string;
  readonly eventMessageId: string;
}

const unknown: ConsentReading = {
  status: "unknown",
  atMs: null,
  source: null,
  legalBasis: null,
  eventMessageId: null,
};

/**
 * The profile's consent to a topic of a channel, or (topic null) to the channel. A topic without a word of its own takes
 * the channel's; a newer no to the channel is a no to each topic, a newer yes to the channel lifts no topic's no.
 */
export function consentOf(state: HasConsent, channel: string, topic: string | null): ConsentReading {
  if (state.consent === undefined) return unknown;
  const { choices } = state.consent;
  const whole = entryAt(choices, channel);
  const own = topic === null ? undefined : entryAt(choices, consentKey(channel, topic));
  if (own === undefined) return readingOf(whole);
  if (whole !== undefined && whole[5] === "denied" && compareStamps(whole, own) > 0) return readingOf(whole);
  return readingOf(own);
}

function readingOf(mark: Mark | undefined): ConsentReading {
  if (mark === undefined) return unknown;
  return {
    status: mark[5] === "granted" || mark[5] === "denied" ? mark[5] : "unknown",
    atMs: mark[0],
    source: mark[4],
    legalBasis: mark[6],
    eventMessageId: mark[3],
  };
}

/** Every word on record, by `channel.topic` or `channel`, in order of these. */
export function consentChoices(state: HasConsent): readonly (readonly [key: string, ConsentReading])[] {
  return Object.entries(state.consent?.choices ?? {})
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, mark]) => [key, readingOf(mark)] as const);
}

/** Every suppression in force, in order of channel and reason. */
export function suppressionsOf(state: HasConsent): readonly Suppression[] {
  return Object.entries(state.consent?.suppressions ?? {})
    .filter(([, mark]) => mark[5] === "on")
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, mark]) => {
      const [channel = "", reason = "", address = null] = key.split(" ");
      return {
        channel,
        // Keys are made from reasons alone.
        reason: reason as SuppressionReason,
        address,
        atMs: mark[0],
        source: mark[4],
        eventMessageId: mark[3],
      };
    });
}

/** Every mark about a channel, newest first. */
export function consentMarks(state: HasConsent, channel: string): readonly Mark[] {
  const marks = [
    ...Object.entries(state.consent?.choices ?? {}),
    ...Object.entries(state.consent?.suppressions ?? {}),
  ];
  return marks
    .filter(([key]) => key.split(/[. ]/, 1)[0] === channel)
    .map(([, mark]) => mark)
    .sort((left, right) => compareStamps(right, left));
}

/** What readers of the feed see: each status by its key, each channel's reasons. */
export interface ShownConsent {
  readonly consent: Readonly<Record<string, ConsentStatus>>;
  readonly suppressions: Readonly<Record<string, readonly SuppressionReason[]>>;
}

/** The part of a change that is about consent. */
export interface ConsentChanges {
  readonly consent: Readonly<Record<string, { readonly old: ConsentStatus; readonly new: ConsentStatus }>>;
  readonly suppressions: Readonly<
    Record<string, { readonly old: readonly SuppressionReason[]; readonly new: readonly SuppressionReason[] }>
  >;
}

export function shownConsent(state: HasConsent): ShownConsent {
  const consent = Object.fromEntries(consentChoices(state).map(([key, { status }]) => [key, status]));
  const suppressions: Record<string, SuppressionReason[]> = {};
  for (const { channel, reason } of suppressionsOf(state)) {
    const reasons = Object.hasOwn(suppressions, channel) ? suppressions[channel] : undefined;
    if (reasons === undefined) suppressions[channel] = [reason];
    else if (!reasons.includes(reason)) reasons.push(reason);
  }
  return { consent, suppressions };
}

/** What is another now; null: nothing is. */
export function consentChanges(was: ShownConsent, is: ShownConsent): ConsentChanges | null {
  const consent: Record<string, { old: ConsentStatus; new: ConsentStatus }> = {};
  for (const key of keysOf(was.consent, is.consent)) {
    const before = entryAt(was.consent, key) ?? "unknown";
    const after = entryAt(is.consent, key) ?? "unknown";
    if (before !== after) consent[key] = { old: before, new: after };
  }
  const suppressions: Record<
    string,
    { old: readonly SuppressionReason[]; new: readonly SuppressionReason[] }
  > = {};
  for (const channel of keysOf(was.suppressions, is.suppressions)) {
    const before = entryAt(was.suppressions, channel) ?? [];
    const after = entryAt(is.suppressions, channel) ?? [];
    if (before.join() !== after.join()) suppressions[channel] = { old: before, new: after };
  }
  const isNothing = Object.keys(consent).length === 0 && Object.keys(suppressions).length === 0;
  return isNothing ? null : { consent, suppressions };
}

function keysOf(left: object, right: object): ReadonlySet<string> {
  return new Set([...Object.keys(left), ...Object.keys(right)]);
}

/** Takes in what an event says about consent, in place; of a source that isn't trusted nothing. Null: nothing changed. */
export function foldConsent(state: HasConsent, event: Event, rules: ConsentRules): ConsentChanges | null {
  if (!isConsentEvent(event) || !event.trusted) return null;
  const read = consentActsOf(event, rules);
  if (read.kind !== "acts") return null;
  const before = shownConsent(state);
  const consent = (state.consent ??= { choices: {}, suppressions: {} });
  for (const act of read.acts) applyAct(consent, act, event);
  limit(consent);
  return consentChanges(before, shownConsent(state));
}

function applyAct(consent: ConsentState, act: ConsentAct, event: Event): void {
  const word = act.kind === "choice" ? act.status : act.isOn ? "on" : "off";
  const mark: Mark = [
    event.timestampMs,
    event.receivedAtMs - event.timestampMs,
    event.index,
    event.messageId,
    event.source,
    word,
    act.kind === "choice" ? act.legalBasis : null,
  ];
  if (act.kind === "choice") put(consent.choices, consentKey(act.channel, act.topic), mark);
  else put(consent.suppressions, suppressionKey(act.channel, act.reason, act.address), mark);
}

/** Where a suppression is kept. */
function suppressionKey(channel: string, reason: SuppressionReason, address: string | null): string {
  return address === null ? `${channel} ${reason}` : `${channel} ${reason} ${address}`;
}

function put(marks: Record<string, Mark>, key: string, mark: Mark): void {
  const standing = entryAt(marks, key);
  if (standing === undefined || compareStamps(mark, standing) > 0) marks[key] = mark;
}

/** Joins what two profiles say into `into`, in place; `from` is only read. Commutative, associative, idempotent. */
export function mergeConsent(into: HasConsent, from: HasConsent): void {
  if (from.consent === undefined) return;
  const consent = (into.consent ??= { choices: {}, suppressions: {} });
  for (const [key, mark] of Object.entries(from.consent.choices)) put(consent.choices, key, mark);
  for (const [key, mark] of Object.entries(from.consent.suppressions)) put(consent.suppressions, key, mark);
  limit(consent);
}

/** A mark that gave way had as many newer ones beside it, and marks only get newer: so the order does not matter. */
function limit(consent: ConsentState): void {
  consent.choices = newest(consent.choices);
  consent.suppressions = newest(consent.suppressions);
}

function newest(marks: Record<string, Mark>): Record<string, Mark> {
  const entries = Object.entries(marks);
  if (entries.length <= maxConsentMarks) return marks;
  entries.sort(
    ([leftKey, left], [rightKey, right]) => compareStamps(right, left) || (leftKey < rightKey ? -1 : 1),
  );
  return Object.fromEntries(entries.slice(0, maxConsentMarks));
}
