import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Limits } from "../../src/model/evidencePlan.ts";
import { fold } from "../../src/model/fold.ts";
import { emptyState } from "../../src/model/profile.ts";
import { compileRules, noRules } from "../../src/model/rules.ts";
import { segmentsAt } from "../../src/model/segment.ts";
import type { SegmentDefinition, SegmentRule } from "../../src/model/segmentRule.ts";
import { eventWith } from "./arbitrary.ts";
import {
  compiled,
  computed,
  history,
  identifiers,
  lists,
  segments,
  stepMs,
  subjectOf,
  usual,
} from "./segmentArbitrary.ts";
import { expectedSegments, type Known } from "./segmentOracle.ts";

const horizonMs = 26 * 60_000;

describe("segments of random histories", () => {
  test("are those that the whole history gives, and turn when it is said", () => {
    fc.assert(
      fc.property(history, segments, fc.integer({ min: -4, max: 200 }), (events, list, at) => {
        const known: Known = {
          events,
          identifiers,
          rules: { ...noRules, computed, segments: list },
          limits: usual,
          lists,
        };
        const subject = subjectOf(events, compiled(list, usual));
        const tMs = at * stepMs;
        const { members, nextAtMs } = segmentsAt(subject, compiled(list, usual), tMs, 1_000);
        expect([...members]).toEqual(expectedSegments(known, tMs));
        expect(turnAfter(known, tMs)).toBe(nextAtMs);
        if (nextAtMs === null) return;
        const then = segmentsAt(subject, compiled(list, usual), nextAtMs).members;
        expect([...then]).toEqual(expectedSegments(known, nextAtMs));
      }),
      { numRuns: 250 },
    );
  });

  test("never turn before it is said where events are pressed", () => {
    const limits: Limits = { ...usual, items: 3, minutes: 4 };
    fc.assert(
      fc.property(history, segments, fc.integer({ min: -4, max: 200 }), (events, list, at) => {
        const known: Known = {
          events,
          identifiers,
          rules: { ...noRules, computed, segments: list },
          limits,
          lists,
        };
        const definitions = compiled(list, limits);
        const subject = subjectOf(events, definitions);
        const tMs = at * stepMs;
        const { members, nextAtMs } = segmentsAt(subject, definitions, tMs);
        expect([...members]).toEqual(expectedSegments(known, tMs));
        expect(turnAfter(known, tMs) ?? Infinity).toBeGreaterThanOrEqual(nextAtMs ?? Infinity);
      }),
      { numRuns: 150 },
    );
  });
});

/** The first step after `tMs` at which other segments hold, looked for one by one; null: none up to the horizon. */
function turnAfter(known: Known, tMs: number): number | null {
  const now = expectedSegments(known, tMs).join();
  for (let thenMs = tMs + stepMs; thenMs <= horizonMs + tMs; thenMs += stepMs)
    if (expectedSegments(known, thenMs).join() !== now) return thenMs;
  return null;
}

test("a clause within another turns when it is said before 1970, too", () => {
  const event = { kind: "event" as const, event: "Product Viewed", windowMs: 10_000, times: { atMost: 0 } };
  const definitions = compiled([{ name: "quiet", rule: { kind: "all", of: [event] } }], usual);
  const view = eventWith({ name: "Product Viewed", timestampMs: -20_000, receivedAtMs: 0 });
  const subject = subjectOf([view], definitions);
  expect(segmentsAt(subject, definitions, -15_000)).toEqual({ members: [], nextAtMs: -10_000 });
});

describe("what is refused", () => {
  const asks = (name: string, other: string): SegmentDefinition => ({
    name,
    rule: { kind: "not", of: { kind: "segment", name: other } },
  });

  test("segments that ask for each other in a circle, with the way around", () => {
    const circle = {
      ...noRules,
      computed: [],
      segments: [asks("x", "a"), asks("a", "b"), asks("b", "c"), asks("c", "a")],
    };
    expect(() => compileRules(circle)).toThrow("a → b → c → a");
  });

  test("a segment that is not there, one that stands twice, a list without content", () => {
    expect(() => compileRules({ ...noRules, computed: [], segments: [asks("a", "b")] })).toThrow(
      "there is no segment b",
    );
    const list: SegmentRule = { kind: "list", file: "staff.csv", sha256: "?", rows: 1, match: "email" };
    expect(() => compileRules({ ...noRules, computed: [], segments: [{ name: "a", rule: list }] })).toThrow(
      "staff.csv",
    );
    const twice = { name: "a", rule: { kind: "event", event: "x" } } as const;
    expect(() => compileRules({ ...noRules, computed: [], segments: [twice, twice] })).toThrow("twice");
  });
});

test("counts that clauses ask for are nobody's traits, and equal ones are kept once", () => {
  const rule: SegmentRule = { kind: "event", event: "Order Completed", windowMs: 1_000 };
  const definitions = compileRules({
    ...noRules,
    computed: [],
    segments: [
      { name: "a", rule },
      { name: "b", rule: { kind: "not", of: { ...rule, times: { atLeast: 3 } } } },
    ],
  });
  expect(definitions.hidden.size).toBe(1);
  expect(definitions.size).toBe(0);
  expect([...definitions.names]).toEqual([]);
  const result = fold(emptyState(), eventWith({ name: "Order Completed" }), {}, definitions);
  expect(result.changed).toBeNull();
});
