/** Are the properties of an event what they were on the same weekday before? Pure. */
import {
  isSecret,
  foundProperty,
  type EventCell,
  type PropertyCell,
  stepValue,
  valueTypes,
} from "./cells.ts";
import { dayMs, hourMs } from "./dayTally.ts";
import { distinctCount } from "./distinct.ts";
import { countWords, draft, instantText, percentText, type Draft } from "./finding.ts";
import type { Compared } from "./judgeVolume.ts";
import { inWords } from "./judgeVolume.ts";
import { certain, median, movement, shareDeviation, sum } from "./numbers.ts";
import type { AuditRules } from "./rules.ts";

/** One property on two days. */
interface Pair extends Pick<Compared, "source" | "event" | "day"> {
  readonly property: string;
  readonly cell: EventCell;
  readonly now: PropertyCell | undefined;
  readonly cellBefore: EventCell;
  readonly before: PropertyCell | undefined;
  readonly people: number;
  readonly peopleBefore: number;
}

/** Puts the text of a value that many events have into words; null: it is not said. */
export type ValueText = (hash: number, seq: number) => string | null;

/** Everything that is wrong with the properties; `compared.cell` has enough events to say so. */
export function judgeProperties(compared: Compared, rules: AuditRules, valueText: ValueText): Draft[] {
  const { cell } = compared;
  const cellBefore =
    compared.before.find((known) => known !== null && known.looked >= rules.minEvents) ?? null;
  if (cell === null || cellBefore === null || cell.looked < rules.minEvents) return [];
  const names = new Set([...Object.keys(cell.properties), ...Object.keys(cellBefore.properties)]);
  return [...names]
    .filter((name) => !isSecret(name))
    .flatMap((property) => {
      const pair: Pair = {
        ...compared,
        property,
        cell,
        now: foundProperty(cell, property),
        cellBefore,
        before: foundProperty(cellBefore, property),
        people: peopleOf(cell),
        peopleBefore: peopleOf(cellBefore),
      };
      const nulls = judgeNulls(pair, rules);
      if (nulls !== null) return [nulls];
      const types = judgeTypes(pair, rules);
      if (types !== null) return [types];
      const cardinality = judgeCardinality(pair, rules);
      if (cardinality !== null) return [cardinality];
      const values = judgeValues(pair, rules, valueText);
      return values === null ? [] : [values];
    });
}

/** How many people an observation rests on; where none are known, a tenth of the events. */
function peopleOf(cell: EventCell): number {
  const people = distinctCount(cell.people);
  return people > 0 ? Math.min(people, cell.looked) : cell.looked / 10;
}

function judgeNulls(pair: Pair, rules: AuditRules): Draft | null {
  const { cell, cellBefore, now, before, property, source, event } = pair;
  const missing = 1 - (now?.present ?? 0) / cell.looked;
  const missingBefore = 1 - (before?.present ?? 0) / cellBefore.looked;
  const rise = missing - missingBefore;
  const chance = shareDeviation(missing, pair.people, missingBefore, pair.peopleBefore);
  if (rise * 100 < rules.nullsPoints || rise < certain * chance) return null;
  const sinceMs = missingSince(pair, missingBefore + rise / 2);
  return draft({
    about: [source, event, property],
    kind: "nulls",
    sentence: `${property} of ${inWords(source, event)} is missing in ${percentText(missing)} of the ${countWords(cell.looked)} events of ${dateText(pair.day)} (${percentText(missingBefore)} on the same weekday before), since ${instantText(sinceMs)}.`,
    advice: `Look at what ${source} sends since then. Until it is mended, traits and segments that read ${property} go without it; a tracking plan with ${property} as required holds such events back.`,
    value: missing * 100,
    expected: missingBefore * 100,
    sinceMs,
    source,
    event,
    property,
    wanted: { source, event, property, is: { kind: "absent" }, sinceMs },
  });
}

/** The first hour of the stretch, up to the newest, in which more than that share is without a value. */
function missingSince({ cell, now, day }: Pair, share: number): number {
  let from = 23;
  for (let hour = 23; hour >= 0; hour -= 1) {
    const looked = cell.lookedHours[hour] ?? 0;
    if (looked === 0) continue;
    if (1 - (now?.hours[hour] ?? 0) / looked < share) break;
    from = hour;
  }
  return day * dayMs + from * hourMs;
}

function judgeTypes(pair: Pair, rules: AuditRules): Draft | null {
  const { now, before, property, source, event } = pair;
  if (now === undefined || before === undefined || before.present < 20) return null;
  for (const type of valueTypes) {
    const count = now.types[type] ?? 0;
    const share = count / now.present;
    const shareBefore = (before.types[type] ?? 0) / before.present;
    if (count < 5 || share * 100 < rules.typePercent || shareBefore > share / 10) continue;
    const usual = valueTypes.filter((other) => (before.types[other] ?? 0) > 0).join(" or ");
    const sinceMs = now.firstOf[type] ?? pair.day * dayMs;
    return draft({
      about: [source, event, property],
      kind: "types",
      sentence: `${property} of ${inWords(source, event)} came as ${type} in ${percentText(share)} of the ${countWords(now.present)} events of ${dateText(pair.day)} that have it, first at ${instantText(sinceMs)}; before it was ${usual}.`,
      advice: `Comparisons, sums and segments pass over values of another type. Mend ${source}, or cast the value with a mapping; a tracking plan with the type holds such events back.`,
      value: share * 100,
      expected: shareBefore * 100,
      sinceMs,
      source,
      event,
      property,
      wanted: { source, event, property, is: { kind: "type", type }, sinceMs },
    });
  }
  return null;
}

/** Different values of which fewer say nothing. */
const fewestDistinct = 10;

function judgeCardinality(pair: Pair, rules: AuditRules): Draft | null {
  const { now, before, property, source, event } = pair;
  if (now === undefined || before === undefined || Math.min(pair.people, pair.peopleBefore) < 20) return null;
  const count = distinctCount(now.distinct);
  const countBefore = distinctCount(before.distinct);
  const growth = now.present / Math.max(1, before.present);
  // More events may bring more values; fewer may bring fewer.
  const least = countBefore * Math.min(1, growth);
  const most = countBefore * Math.max(1, growth);
  const isFall = least >= fewestDistinct && count * rules.cardinalityTimes < least;
  const isRise = count >= most * rules.cardinalityTimes && count >= most + fewestDistinct;
  if (!isFall && !isRise) return null;
  const sinceMs = pair.day * dayMs;
  return draft({
    about: [source, event, property],
    kind: "cardinality",
    sentence: `${property} of ${inWords(source, event)} had ${countWords(count)} different values in ${countWords(now.present)} events of ${dateText(pair.day)}; on the same weekday before it had ${countWords(countBefore)} in ${countWords(before.present)}.`,
    advice: isFall
      ? `Many values became one: look whether ${source} sends a default or a placeholder.`
      : `Look whether ${source} puts something of its own into ${property}, such as an id or a time, where one of a few values belongs.`,
    value: count,
    expected: isFall ? least : most,
    sinceMs,
    source,
    event,
    property,
    wanted: { source, event, property, is: { kind: "any" }, sinceMs },
  });
}

/** Beyond so many different values their shares are too small to compare one by one. */
const maxCategories = 20;

function judgeValues(pair: Pair, rules: AuditRules, valueText: ValueText): Draft | null {
  const { now, before } = pair;
  if (now === undefined || before === undefined || now.present < rules.minEvents / 2) return null;
  const isCategory =
    distinctCount(now.distinct) <= maxCategories && distinctCount(before.distinct) <= maxCategories;
  return isCategory
    ? judgeCategories(pair, now, before, rules, valueText)
    : judgeNumbers(pair, now, before, rules);
}

function judgeCategories(
  pair: Pair,
  now: PropertyCell,
  before: PropertyCell,
  rules: AuditRules,
  valueText: ValueText,
): Draft | null {
  const counts = new Map(now.top.map(([hash, count]) => [hash, count]));
  const countsBefore = new Map(before.top.map(([hash, count]) => [hash, count]));
  const moved = movement(counts, countsBefore, pair.people, pair.peopleBefore);
  if (moved * 100 < rules.distribution) return null;
  const total = sum(counts.values());
  const totalBefore = sum(countsBefore.values());
  const grown = now.top
    .map(([hash, count, seq]) => ({
      hash,
      seq,
      share: count / total,
      was: (countsBefore.get(hash) ?? 0) / totalBefore,
    }))
    .sort((left, right) => right.share - right.was - (left.share - left.was))[0];
  const fallen = before.top
    .map(([hash, count, seq]) => ({
      hash,
      seq,
      share: (counts.get(hash) ?? 0) / total,
      was: count / totalBefore,
    }))
    .sort((left, right) => left.share - left.was - (right.share - right.was))[0];
  if (grown === undefined || fallen === undefined) return null;
  const { property, source, event } = pair;
  const named = (found: typeof grown) => valueText(found.hash, found.seq) ?? "one value";
  const sinceMs = pair.day * dayMs;
  return draft({
    about: [source, event, property],
    kind: "distribution",
    sentence: `${property} of ${inWords(source, event)} is ${named(grown)} in ${percentText(grown.share)} of the ${countWords(now.present)} events of ${dateText(pair.day)} (${percentText(grown.was)} on the same weekday before), and ${named(fallen)} in ${percentText(fallen.share)} (${percentText(fallen.was)} before).`,
    advice: `Look whether ${source} changed what it sends as ${property}. If the change is meant, look at the traits, segments and content that compare it.`,
    value: grown.share * 100,
    expected: grown.was * 100,
    sinceMs,
    source,
    event,
    property,
    wanted: { source, event, property, is: { kind: "value", hash: grown.hash }, sinceMs },
  });
}

function judgeNumbers(pair: Pair, now: PropertyCell, before: PropertyCell, rules: AuditRules): Draft | null {
  const steps = new Map(Object.entries(now.numbers));
  const stepsBefore = new Map(Object.entries(before.numbers));
  if (sum(steps.values()) < now.present / 2 || sum(stepsBefore.values()) < before.present / 2) return null;
  const moved = movement(steps, stepsBefore, pair.people, pair.peopleBefore);
  if (moved * 100 < rules.distribution) return null;
  const { property, source, event } = pair;
  const sinceMs = pair.day * dayMs;
  const middle = stepMedian(steps);
  const middleBefore = stepMedian(stepsBefore);
  return draft({
    about: [source, event, property],
    kind: "distribution",
    sentence: `The numbers in ${property} of ${inWords(source, event)} moved on ${dateText(pair.day)}: the middle one is about ${plain(middle)}, on the same weekday before about ${plain(middleBefore)}.`,
    advice: `Look whether ${source} changed the unit (cents for euros, say), the currency, or what it counts.`,
    value: middle,
    expected: middleBefore,
    sinceMs,
    source,
    event,
    property,
    wanted: { source, event, property, is: { kind: "any" }, sinceMs },
  });
}

function stepMedian(steps: ReadonlyMap<string, number>): number {
  const sorted = [...steps].map(([step, count]) => [stepValue(step), count] as const);
  sorted.sort(([left], [right]) => left - right);
  const half = sum(steps.values()) / 2;
  let passed = 0;
  for (const [value, count] of sorted) {
    passed += count;
    if (passed >= half) return value;
  }
  return median(sorted.map(([value]) => value));
}

function plain(value: number): string {
  return Number(value.toPrecision(2)).toLocaleString("en-US");
}

function dateText(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10);
}
