/**
 * Spans: stretches of time in which something happened again and again.
 *
 *   sessions            moments, in milliseconds; two that are less than the idle time apart are of one session
 *   streak              days of a calendar; two that follow each other are of one run
 *   lastAt, timeSince   without a window: all moments are of one span, of which only the end matters
 *
 * Only the ends of a span are kept, and the stamp of its newest event. That is enough, whatever comes late: a moment
 * inside changes nothing, one near an end moves that end, one near two joins them. So what is kept is a function of
 * the set of events; an event seen twice changes nothing; and cutting a session at the edge of a window leaves one
 * session. The newest 1,000 spans are kept; of older ones there is a number, and answers that they would be part of
 * say `approximate`.
 */
import type { Event, Json } from "./event.ts";
import type { SpansMeasure, SpansPlan, SpansTrait } from "./evidencePlan.ts";
import { nextUnitMs, readingOf, unitsSince, type ComputedReading } from "./reading.ts";
import { meetsWhere, saidBy } from "./selector.ts";
import { compareStamps } from "./stamp.ts";

/** The stamp of the newest event, then the ends. Never changed once made. */
export type Span = readonly [
  timestampMs: number,
  delayMs: number,
  index: number,
  messageId: string,
  source: string,
  first: number,
  last: number,
];

/** Oldest first, and how many older ones there were. */
export type Spans = [kept: Span[], lost: number];

/** The span of one event alone; null when the event doesn't count. */
export function spanOf(event: Event, { where, days }: SpansPlan): Span | null {
  if (where !== null && !meetsWhere(where, saidBy(event), event.facts)) return null;
  const { timestampMs, receivedAtMs, index, messageId, source } = event;
  const at = days === null ? timestampMs : days.dayOf(timestampMs);
  return [timestampMs, receivedAtMs - timestampMs, index, messageId, source, at, at];
}

/** Adds a span, joining what it bridges. */
export function addSpan(spans: Spans, span: Span, plan: SpansPlan, maxSpans: number): void {
  const [kept] = spans;
  let end = kept.length;
  while (end > 0 && (kept[end - 1]?.[5] ?? 0) - span[6] >= plan.joinsBelow) end -= 1;
  let start = end;
  let joined = span;
  for (; start > 0; start -= 1) {
    const other = kept[start - 1];
    if (other === undefined || joined[5] - other[6] >= plan.joinsBelow) break;
    joined = union(joined, other);
  }
  if (end === kept.length && start === end) kept.push(joined);
  else kept.splice(start, end - start, joined);
  const surplus = kept.length - maxSpans;
  if (surplus <= 0) return;
  kept.splice(0, surplus);
  spans[1] += surplus;
}

function union(left: Span, right: Span): Span {
  const newest = compareStamps(left, right) >= 0 ? left : right;
  const [timestampMs, delayMs, index, messageId, source] = newest;
  return [
    timestampMs,
    delayMs,
    index,
    messageId,
    source,
    Math.min(left[5], right[5]),
    Math.max(left[6], right[6]),
  ];
}

/** Joins two lists into `into`; what is lost adds up, so the caller makes sure that they are of different profiles. */
export function mergeSpans(into: Spans, from: Spans, plan: SpansPlan, maxSpans: number): void {
  into[1] += from[1];
  for (const span of from[0]) addSpan(into, span, plan, maxSpans);
}

/** The value alone. */
export function spansValue(spans: Spans | undefined, { measure, windowMs }: SpansTrait, tMs: number): Json {
  const [kept, lost] = spans ?? none;
  const newest = kept.at(-1);
  switch (measure.of) {
    case "sessions":
      return windowMs === null ? kept.length + lost : kept.length - firstIn(kept, tMs - windowMs);
    case "streak":
      return newest === undefined ? 0 : runNow(newest, measure.days.dayOf(tMs));
    case "lastAt":
      return newest === undefined ? null : new Date(newest[0]).toISOString();
    case "timeSince":
      return newest === undefined ? null : unitsSince(newest[0], measure.unitMs, tMs);
  }
}

const none: Spans = [[], 0];

/** Place of the first session that reaches beyond that moment. */
function firstIn(kept: readonly Span[], sinceMs: number): number {
  let at = kept.length;
  while (at > 0 && (kept[at - 1]?.[6] ?? sinceMs) > sinceMs) at -= 1;
  return at;
}

/** Days of a run; 0 when neither today nor yesterday is of it. */
function runNow(newest: Span, today: number): number {
  return newest[6] < today - 1 ? 0 : newest[6] - newest[5] + 1;
}

/** The value and where it is from: the newest event of each span that went in. */
export function readSpans(spans: Spans | undefined, trait: SpansTrait, tMs: number): ComputedReading {
  const value = spansValue(spans, trait, tMs);
  const [kept, lost] = spans ?? none;
  const { measure, windowMs } = trait;
  if (measure.of !== "sessions") {
    const newest = value === 0 && measure.of === "streak" ? undefined : kept.at(-1);
    const nextChangeAtMs = newest === undefined ? null : endOf(newest, measure, tMs);
    return readingOf(value, newest === undefined ? [] : [newest], { nextChangeAtMs });
  }
  const from = windowMs === null ? 0 : firstIn(kept, tMs - windowMs);
  const counted = kept.slice(from).reverse();
  const oldest = counted.at(-1);
  return readingOf(value, counted, {
    approximate: lost > 0 && from === 0,
    nextChangeAtMs: windowMs === null || oldest === undefined ? null : oldest[6] + windowMs,
  });
}

/** When a value over the newest span changes by itself; null: never. */
function endOf(newest: Span, measure: SpansMeasure, tMs: number): number | null {
  if (measure.of === "streak") return measure.days.startOf(newest[6] + 2);
  return measure.of === "timeSince" ? nextUnitMs(newest[0], measure.unitMs, tMs) : null;
}
