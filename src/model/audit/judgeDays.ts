/**
 * Judges what came: each source and each of its events today, against the same weekday of the weeks before. Where
 * today has too few events yet, yesterday is judged, so that a fault is not forgotten at midnight. The first day of a
 * source's history is no measure: it began somewhere in the middle. Pure.
 */
import type { EventCell } from "./cells.ts";
import { isSecret, otherName } from "./cells.ts";
import { dayMs, wholeSource } from "./dayTally.ts";
import { isIgnored, type AuditRules } from "./rules.ts";
import type { Draft } from "./finding.ts";
import { judgeProperties, type ValueText } from "./judgeProperties.ts";
import { judgeClock, judgeDuplicates } from "./judgeSource.ts";
import { judgeQuiet, judgeVolume, type Compared } from "./judgeVolume.ts";

/** The cells of the days before. */
export interface DayHistory {
  readonly sources: readonly string[];
  /** Names of a source's events, without the whole. */
  events(source: string): readonly string[];
  /** The first day of the source. */
  firstDay(source: string): number;
  cell(day: number, source: string, event: string): EventCell | null;
}

/** The weeks that are looked back. */
export const weeksBack = 4;

export function judgeDays(
  history: DayHistory,
  nowMs: number,
  rules: AuditRules,
  valueText: ValueText,
): Draft[] {
  return history.sources
    .flatMap((source) => judgeSource(history, source, nowMs, rules, valueText))
    .filter(({ key }) => !isIgnored(key, rules.ignore));
}

function judgeSource(
  history: DayHistory,
  source: string,
  nowMs: number,
  rules: AuditRules,
  valueText: ValueText,
): Draft[] {
  const whole = (day: number) => history.cell(day, source, wholeSource);
  const quiet = judgeQuiet(source, nowMs, history.firstDay(source), whole, rules);
  // A silence says it all.
  if (quiet !== null) return [quiet];
  const today = Math.floor(nowMs / dayMs);
  const days = [today, today - 1];
  const comparedAt = (event: string) => days.map((day) => compare(history, source, event, day));
  const volume = volumeOf(comparedAt(wholeSource), nowMs, rules);
  const events = history.events(source).filter((event) => event !== otherName && !isSecret(event));
  const perEvent = events.flatMap((event) => {
    const compared = comparedAt(event);
    const own = volume === null ? volumeOf(compared, nowMs, rules) : null;
    const judged = compared.find(({ cell }) => (cell?.looked ?? 0) >= rules.minEvents);
    return [
      ...(own === null ? [] : [own]),
      ...(judged === undefined ? [] : judgeProperties(judged, rules, valueText)),
    ];
  });
  const judged = comparedAt(wholeSource).find(({ cell }) => (cell?.looked ?? 0) >= rules.minEvents);
  const duplicates = judged === undefined ? null : judgeDuplicates(judged, rules);
  const clock = judged === undefined ? null : judgeClock(judged, rules);
  return [
    ...(volume === null ? [] : [volume]),
    ...perEvent,
    ...(duplicates === null ? [] : [duplicates]),
    ...(clock === null ? [] : [clock]),
  ];
}

/** Today's volume if today has enough to say something; else yesterday's. */
function volumeOf(compared: readonly Compared[], nowMs: number, rules: AuditRules): Draft | null {
  for (const each of compared) {
    const found = judgeVolume(each, nowMs, rules);
    if (found !== "tooFew") return found === "well" ? null : found;
  }
  return null;
}

function compare(history: DayHistory, source: string, event: string, day: number): Compared {
  const before: (EventCell | null)[] = [];
  for (let week = 1; week <= weeksBack; week += 1)
    if (day - 7 * week > history.firstDay(source)) before.push(history.cell(day - 7 * week, source, event));
  return { source, event, day, cell: history.cell(day, source, event), before };
}
