/**
 * When an event happened (docs/protocol.md, "Time"):
 *
 *   1. `timestamp` as given;
 *   2. else `originalTimestamp`, and with `sentAt` corrected for the sender's clock: receivedAt − (sentAt − originalTimestamp);
 *   3. else the time of receipt;
 *   4. what lies more than 5 minutes after the receipt becomes the time of receipt, and the given text is kept.
 */
import { eventError, type EventError } from "../errors.ts";
import { maxFutureMs } from "./limits.ts";

/** The times of an event as its sender wrote them. */
export interface GivenTimes {
  readonly timestamp?: unknown;
  readonly originalTimestamp?: unknown;
  readonly sentAt?: unknown;
}

/** `setAside` is the given time where rule 4 did not believe it. */
export type EventTime =
  | { readonly kind: "time"; readonly timestampMs: number; readonly setAside: string | null }
  | { readonly kind: "problem"; readonly error: EventError };

const unreadable: EventTime = {
  kind: "problem",
  error: eventError(
    "invalid_event",
    "timestamp, originalTimestamp and sentAt must be ISO 8601 texts from 1970 on.",
  ),
};

/** Decides an event's time; `batchSentAt` stands in for a missing sentAt. */
export function decideTime(given: GivenTimes, batchSentAt: unknown, receivedAtMs: number): EventTime {
  if (isGiven(given.timestamp)) return bounded(given.timestamp, parseIsoTime(given.timestamp), receivedAtMs);
  if (!isGiven(given.originalTimestamp)) return { kind: "time", timestampMs: receivedAtMs, setAside: null };
  const originalMs = parseIsoTime(given.originalTimestamp);
  const sentAt = isGiven(given.sentAt) ? given.sentAt : batchSentAt;
  if (!isGiven(sentAt)) return bounded(given.originalTimestamp, originalMs, receivedAtMs);
  const delayMs = parseIsoTime(sentAt) - originalMs;
  return bounded(given.originalTimestamp, Math.max(0, receivedAtMs - delayMs), receivedAtMs);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}

function bounded(given: unknown, timestampMs: number, receivedAtMs: number): EventTime {
  if (!(timestampMs >= 0)) return unreadable;
  if (timestampMs <= receivedAtMs + maxFutureMs) return { kind: "time", timestampMs, setAside: null };
  return { kind: "time", timestampMs: receivedAtMs, setAside: String(given) };
}

const isoForm =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:([Zz])|([+-])(\d{2}):?(\d{2})?)?)?$/;

/**
 * Milliseconds since 1970 of an ISO 8601 date or date and time; without a zone it is UTC; finer than milliseconds is
 * cut off. NaN for everything else, numbers too: whether 1795504080 means seconds or milliseconds can't be known.
 */
export function parseIsoTime(value: unknown): number {
  if (typeof value !== "string" || value.length > 40) return Number.NaN;
  if (value.length === 24 && value.charCodeAt(23) === 0x5a) {
    const timeMs = parseCommonForm(value);
    if (timeMs >= 0) return timeMs;
  }
  const match = isoForm.exec(value);
  if (match === null) return Number.NaN;
  const [, year, month, day, hour, minute, second, fraction, , sign, zoneHour, zoneMinute] = match;
  const ms = fraction === undefined ? 0 : Number(fraction.padEnd(3, "0").slice(0, 3));
  const localMs = utcMs(
    Number(year),
    Number(month),
    Number(day),
    Number(hour ?? 0),
    Number(minute ?? 0),
    Number(second ?? 0),
    ms,
  );
  const offsetMinutes = Number(zoneHour ?? 0) * 60 + Number(zoneMinute ?? 0);
  if (offsetMinutes > 24 * 60) return Number.NaN;
  return localMs - (sign === "-" ? -offsetMinutes : offsetMinutes) * 60_000;
}

/** `2026-11-24T07:08:00.862Z`, which is what nearly every client writes; NaN if it is something else. */
function parseCommonForm(text: string): number {
  const separated =
    text.charCodeAt(4) === 0x2d &&
    text.charCodeAt(7) === 0x2d &&
    text.charCodeAt(10) === 0x54 &&
    text.charCodeAt(13) === 0x3a &&
    text.charCodeAt(16) === 0x3a &&
    text.charCodeAt(19) === 0x2e;
  if (!separated) return Number.NaN;
  return utcMs(
    twoDigits(text, 0) * 100 + twoDigits(text, 2),
    twoDigits(text, 5),
    twoDigits(text, 8),
    twoDigits(text, 11),
    twoDigits(text, 14),
    twoDigits(text, 17),
    twoDigits(text, 20) * 10 + (twoDigits(text, 21) % 10),
  );
}

/** The number that two digits spell, NaN where they are none. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 0x30;
  const ones = text.charCodeAt(at + 1) - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

/** NaN where a part is out of its range; second 60 is a leap second and runs over. */
function utcMs(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  ms: number,
): number {
  const inRange =
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= daysIn(year, month) &&
    hour <= 23 &&
    minute <= 59 &&
    second <= 60;
  return inRange && year >= 1969 ? Date.UTC(year, month - 1, day, hour, minute, second, ms) : Number.NaN;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
