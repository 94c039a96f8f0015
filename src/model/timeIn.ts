/** Times as clients write them into values. */
import type { Json } from "./event.ts";

const isoForm =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:?\d{2})?)?$/i;

/** Numbers below this are seconds since the epoch, others milliseconds: 1973 in milliseconds, 5138 in seconds. */
const leastMilliseconds = 1e11;
const leastSeconds = 1e8;
/** The end of the year 9999: what lies beyond is no time that somebody means, and an age added to it may be no date. */
const largestMs = 253_402_300_799_999;

/**
 * Milliseconds since the epoch of an ISO 8601 text (a day alone is its first instant, without a zone it is UTC), of
 * seconds or of milliseconds; null when the value is none of these.
 */
export function timeIn(value: Json): number | null {
  if (typeof value === "number") {
    if (!(value >= leastSeconds && value <= largestMs)) return null;
    return Math.round(value < leastMilliseconds ? value * 1_000 : value);
  }
  if (typeof value !== "string" || value.length > 40) return null;
  const match = isoForm.exec(value);
  if (match === null) return null;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", zone = "Z"] = match;
  const isReal =
    isDay(Number(year), Number(month), Number(day)) &&
    Number(hour) <= 23 &&
    Number(minute) <= 59 &&
    // A leap second runs over into the next minute, as in timestamps.
    Number(second) <= 60;
  const offsetMs = isReal ? zoneOffset(zone) : null;
  if (offsetMs === null) return null;
  const wholeMs = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  // Date.UTC takes the years 0 to 99 for 1900 to 1999; nobody means either.
  return Number(year) < 100 ? null : wholeMs + Number(fraction.slice(0, 3).padEnd(3, "0")) - offsetMs;
}

function isDay(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false;
  return day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** Milliseconds that local time is ahead of UTC; null: no such zone. */
function zoneOffset(zone: string): number | null {
  if (zone.toUpperCase() === "Z") return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(-2));
  if (hours > 14 || minutes > 59) return null;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
