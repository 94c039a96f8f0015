/** Rules of segments in words, for people: short sentences without a subject, which is the profile. */
import { formatDuration } from "../lib/duration.ts";
import { consentKey } from "./consentRule.ts";
import type { Condition } from "./condition.ts";
import type { EventRule, SegmentRule } from "./segmentRule.ts";
import type { ValueTest } from "./valueTest.ts";

/** The rule in words: `cart.count is at least 1 and cart.updatedAt is at least 30 minutes ago`. */
export function segmentInWords(rule: SegmentRule): string {
  switch (rule.kind) {
    case "all":
      return joined(rule.of, "and");
    case "any":
      return joined(rule.of, "or");
    case "not":
      return negated(rule.of);
    case "trait":
      return traitInWords(rule.path.join("."), rule.test);
    case "event":
      return eventInWords(rule);
    case "consent":
      return `consent to ${consentKey(rule.channel, rule.topic)} is ${rule.is}`;
    case "segment":
      return `is in the segment ${rule.name}`;
    case "list":
      return `its ${rule.match} is in the list ${rule.file}`;
  }
}

function joined(rules: readonly SegmentRule[], word: "and" | "or"): string {
  const parts = rules.map((one) => {
    const isGroup = (one.kind === "all" || one.kind === "any") && one.of.length > 1;
    return isGroup && rules.length > 1 ? `(${segmentInWords(one)})` : segmentInWords(one);
  });
  return parts.join(` ${word} `);
}

function negated(rule: SegmentRule): string {
  if (rule.kind === "segment") return `is not in the segment ${rule.name}`;
  if (rule.kind === "list") return `its ${rule.match} is not in the list ${rule.file}`;
  if (rule.kind === "not") return segmentInWords(rule.of);
  return `not (${segmentInWords(rule)})`;
}

function traitInWords(path: string, test: ValueTest): string {
  const asked = conditionInWords(test.condition ?? {});
  if (test.olderThanMs !== undefined) asked.push(`is at least ${durationInWords(test.olderThanMs)} ago`);
  if (test.newerThanMs !== undefined) asked.push(`is less than ${durationInWords(test.newerThanMs)} ago`);
  if (test.afterMs !== undefined) asked.push(`is not before ${instantInWords(test.afterMs)}`);
  if (test.beforeMs !== undefined) asked.push(`is before ${instantInWords(test.beforeMs)}`);
  return `${path} ${asked.join(" and ")}`;
}

/** Each thing that a condition asks, in words that follow a subject. */
function conditionInWords(condition: Condition): string[] {
  const asked: string[] = [];
  const { is, isNot, oneOf, atLeast, atMost, above, below, between, contains, startsWith, exists } =
    condition;
  if (is !== undefined) asked.push(`is ${is}`);
  if (isNot !== undefined) asked.push(`is not ${isNot}`);
  if (oneOf !== undefined) asked.push(`is one of ${oneOf.join(", ")}`);
  if (atLeast !== undefined) asked.push(`is at least ${atLeast}`);
  if (atMost !== undefined) asked.push(`is at most ${atMost}`);
  if (above !== undefined) asked.push(`is above ${above}`);
  if (below !== undefined) asked.push(`is below ${below}`);
  if (between !== undefined) asked.push(`is between ${between[0]} and ${between[1]}`);
  if (contains !== undefined) asked.push(`contains ${contains}`);
  if (startsWith !== undefined) asked.push(`starts with ${startsWith}`);
  if (exists !== undefined) asked.push(exists ? "is known" : "is not known");
  return asked;
}

function eventInWords({ event, where, windowMs, times }: EventRule): string {
  const conditions = Object.entries(where ?? {}).map(
    ([property, condition]) => `${property} ${conditionInWords(condition).join(" and ")}`,
  );
  const which = conditions.length === 0 ? "" : ` where ${conditions.join(" and ")}`;
  const when = windowMs === undefined ? "" : ` in the last ${durationInWords(windowMs)}`;
  return `${event}${which} came ${timesInWords(times ?? { atLeast: 1 })}${when}`;
}

function timesInWords({ atLeast = 0, atMost }: NonNullable<EventRule["times"]>): string {
  if (atMost === undefined) return atLeast === 1 ? "at least once" : `at least ${atLeast} times`;
  if (atMost === 0) return "not once";
  if (atLeast === atMost) return atMost === 1 ? "exactly once" : `exactly ${atMost} times`;
  if (atLeast === 0) return atMost === 1 ? "at most once" : `at most ${atMost} times`;
  return `${atLeast} to ${atMost} times`;
}

const units: Readonly<Record<string, string>> = {
  ms: "millisecond",
  s: "second",
  m: "minute",
  h: "hour",
  d: "day",
};

/** `30 minutes`, `1 day`. */
function durationInWords(durationMs: number): string {
  const [, n = "", unit = ""] = /^(\d+)(\D+)$/.exec(formatDuration(durationMs)) ?? [];
  return `${n} ${units[unit] ?? unit}${n === "1" ? "" : "s"}`;
}

/** The day alone where it is its first instant. */
function instantInWords(timeMs: number): string {
  return new Date(timeMs).toISOString().replace("T00:00:00.000Z", "");
}
