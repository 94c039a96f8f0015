/** Is as much coming as on the same weekday before, and is a source silent? Pure. */
import { distinctCount } from "./distinct.ts";
import type { EventCell } from "./cells.ts";
import { dayMs, hourMs, wholeSource } from "./dayTally.ts";
import { countWords, draft, instantText, percentText, type Draft } from "./finding.ts";
import { certain, median, quotientDeviation, sum } from "./numbers.ts";
import type { AuditRules } from "./rules.ts";

/** The days that are compared: one, and the same weekday of up to four weeks before, the last one first. */
export interface Compared {
  readonly source: string;
  readonly event: string;
  readonly day: number;
  readonly cell: EventCell | null;
  readonly before: readonly (EventCell | null)[];
}

/** What is said of a source instead of each of its events. */
export function inWords(source: string, event: string): string {
  return event === wholeSource ? source : `${event} from ${source}`;
}

/** Full hours of a day that have passed. */
function fullHours(day: number, nowMs: number): number {
  return Math.max(0, Math.min(24, Math.floor((nowMs - day * dayMs) / hourMs)));
}

/**
 * Whether the day had another number of events than the days before, by its full hours. `tooFew`: so little was to be
 * expected that nothing can be said.
 */
export function judgeVolume(compared: Compared, nowMs: number, rules: AuditRules): Draft | "well" | "tooFew" {
  const { source, event, day, cell, before } = compared;
  const hours = fullHours(day, nowMs);
  const upTo = (counted: EventCell | null) => sum(counted?.hours.slice(0, hours) ?? []);
  if (before.length === 0 || hours === 0) return "tooFew";
  const expected = median(before.map(upTo));
  const actual = upTo(cell);
  if (Math.max(expected, actual) < rules.minEvents || expected < rules.minEvents / 5) return "tooFew";
  const people = expectedPeople(before, upTo, actual, cell);
  const spread = Math.max(quotientDeviation(people), ownSpread(before.map(upTo)));
  const quotient = Math.log((actual + 0.5) / (expected + 0.5));
  const fall = -Math.log(Math.max(0.01, 1 - rules.volumePercent / 100));
  const bound = Math.max(quotient < 0 ? fall : Math.max(fall, Math.LN2), certain * spread);
  if (Math.abs(quotient) < bound) return "well";
  const sinceMs = sinceOf(compared, hours, quotient < 0);
  const change = percentText(Math.abs(actual / Math.max(1, expected) - 1));
  const sentence = `${countWords(actual)} events of ${inWords(source, event)} came ${dayWords(day, hours)}, ${change} ${quotient < 0 ? "fewer" : "more"} than the ${countWords(expected)} of the same weekday before; it began at ${instantText(sinceMs)}.`;
  return draft({
    about: [source, event],
    kind: "volume",
    sentence,
    advice:
      quotient < 0
        ? `Look at what was released at that time in ${source}, and whether its requests are refused (quarantine, errors of the sender).`
        : `Look whether ${source} sends something twice or in a loop, or whether a campaign explains it.`,
    value: actual,
    expected,
    sinceMs,
    source,
    event: event === wholeSource ? null : event,
    wanted:
      event === wholeSource || actual === 0
        ? null
        : { source, event, property: null, is: { kind: "any" }, sinceMs },
  });
}

function dayWords(day: number, hours: number): string {
  const date = new Date(day * dayMs).toISOString().slice(0, 10);
  return hours === 24 ? `on ${date}` : `on ${date} up to ${String(hours).padStart(2, "0")}:00 UTC`;
}

/** People behind the expected events; the fewer, the more chance decides. */
function expectedPeople(
  before: readonly (EventCell | null)[],
  upTo: (cell: EventCell | null) => number,
  actual: number,
  cell: EventCell | null,
): number {
  const of = (counted: EventCell | null, part: number) =>
    counted === null || counted.count === 0 ? 0 : (distinctCount(counted.people) * part) / counted.count;
  const known = before.filter((counted) => counted !== null);
  return known.length === 0 ? of(cell, actual) : median(known.map((counted) => of(counted, upTo(counted))));
}

/** How far the days before lie apart themselves. */
function ownSpread(counts: readonly number[]): number {
  if (counts.length < 3) return 0;
  const middle = median(counts);
  return 1.4826 * median(counts.map((count) => Math.abs(Math.log((count + 0.5) / (middle + 0.5)))));
}

/** The first hour of the stretch, up to the last full one, that is as different. */
function sinceOf({ day, cell, before }: Compared, hours: number, isFall: boolean): number {
  let from = hours - 1;
  for (let hour = hours - 1; hour >= 0; hour -= 1) {
    const expected = median(before.map((counted) => counted?.hours[hour] ?? 0));
    const actual = cell?.hours[hour] ?? 0;
    if (expected >= 1 && (isFall ? actual > expected * 0.75 : actual < expected * 1.5)) break;
    from = hour;
  }
  return day * dayMs + Math.max(0, from) * hourMs;
}

/** Days that are looked back for the last event of a source. */
const quietDays = 8;

/**
 * Whether a source fell silent: nothing came for as long as, on the same weekdays before, many would have come.
 * `cellAt` gives the whole source's cell of a day.
 */
export function judgeQuiet(
  source: string,
  nowMs: number,
  firstDay: number,
  cellAt: (day: number) => EventCell | null,
  rules: AuditRules,
): Draft | null {
  const today = Math.floor(nowMs / dayMs);
  let lastAtMs = 0;
  for (let day = today; day > today - quietDays && lastAtMs === 0; day -= 1)
    lastAtMs = cellAt(day)?.lastAtMs ?? 0;
  if (lastAtMs === 0 || nowMs - lastAtMs < hourMs) return null;
  const expectations: number[] = [];
  const people: number[] = [];
  for (let week = 1; week <= 4; week += 1) {
    const found = cameBetween(lastAtMs, nowMs, week * 7, firstDay, cellAt);
    if (found === null) continue;
    expectations.push(found.count);
    people.push(found.people);
  }
  const expected = median(expectations);
  // A silence says something once several people's visits are missing.
  if (expected < Math.max(10, rules.minEvents / 2) || median(people) < 8) return null;
  return draft({
    about: [source],
    kind: "quiet",
    sentence: `Nothing came from ${source} since ${instantText(lastAtMs)}; in the same hours of the weeks before ${countWords(expected)} events came.`,
    advice: `Look whether ${source} still runs and reaches this server, and whether its key was revoked or its requests are refused.`,
    value: 0,
    expected,
    sinceMs: lastAtMs,
    source,
  });
}

/** What came in the full hours between two instants, so many days earlier; null where the history does not reach. */
function cameBetween(
  fromMs: number,
  toMs: number,
  daysEarlier: number,
  firstDay: number,
  cellAt: (day: number) => EventCell | null,
): { readonly count: number; readonly people: number } | null {
  const begin = Math.ceil((fromMs - daysEarlier * dayMs) / hourMs);
  const end = Math.floor((toMs - daysEarlier * dayMs) / hourMs);
  if (Math.floor(begin / 24) <= firstDay) return null;
  let count = 0;
  let people = 0;
  for (let hour = begin; hour < end; hour += 1) {
    const cell = cellAt(Math.floor(hour / 24));
    if (cell === null || cell.count === 0) continue;
    const came = cell.hours[hour % 24] ?? 0;
    count += came;
    people += (distinctCount(cell.people) * came) / cell.count;
  }
  return { count, people };
}
