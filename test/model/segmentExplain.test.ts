import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { compileRules, noRules } from "../../src/model/rules.ts";
import { segmentsAt } from "../../src/model/segment.ts";
import { explainSegment } from "../../src/model/segmentExplain.ts";
import type { SegmentRule } from "../../src/model/segmentRule.ts";
import { segmentInWords } from "../../src/model/segmentWords.ts";
import { eventWith } from "./arbitrary.ts";
import {
  compiled,
  computed,
  history,
  identifiers,
  lists,
  ruleOver,
  segments,
  stepMs,
  subjectOf,
  usual,
} from "./segmentArbitrary.ts";
import { expectedSegments } from "./segmentOracle.ts";

describe("an explanation of random segments", () => {
  test("says the same as the segment, and when it turns", () => {
    fc.assert(
      fc.property(history, segments, fc.integer({ min: -4, max: 200 }), (events, list, at) => {
        const definitions = compiled(list, usual);
        const subject = subjectOf(events, definitions);
        const tMs = at * stepMs;
        const { members, nextAtMs } = segmentsAt(subject, definitions, tMs, 1_000);
        const said = list.map(({ name }) => ({ name, why: explainSegment(subject, definitions, name, tMs) }));
        expect(said.filter(({ why }) => why?.isTrue).map(({ name }) => name)).toEqual([...members]);
        const turns = said.map(({ why }) => why?.turnsAtMs ?? Infinity);
        expect(Math.min(...turns)).toBe(nextAtMs ?? Infinity);
      }),
      { numRuns: 150 },
    );
  });

  test("has been right since it says, by what was known at each instant", () => {
    let known = 0;
    fc.assert(
      fc.property(history, ruleOver([]), fc.integer({ min: 120, max: 200 }), (events, rule, at) => {
        const list = [{ name: "a", rule }];
        const definitions = compiled(list, usual);
        const tMs = at * stepMs;
        const why = explainSegment(subjectOf(events, definitions), definitions, "a", tMs);
        if (why === null || why.sinceMs === null) return;
        known += 1;
        expect(why.sinceMs).toBeLessThanOrEqual(tMs);
        for (let thenMs = Math.ceil(why.sinceMs / stepMs) * stepMs; thenMs <= tMs; thenMs += stepMs) {
          const then = events.filter(({ timestampMs }) => timestampMs <= thenMs);
          const rules = { ...noRules, computed, segments: list };
          const expected = expectedSegments(
            { events: then, identifiers, rules, limits: usual, lists },
            thenMs,
          );
          expect(expected.includes("a")).toBe(why.isTrue);
        }
      }),
      { numRuns: 300 },
    );
    expect(known).toBeGreaterThan(30);
  });
});

test("the abandoned cart, clause by clause", () => {
  const minuteMs = 60_000;
  const abandoned: SegmentRule = {
    kind: "all",
    of: [
      { kind: "trait", path: ["cart", "count"], test: { condition: { atLeast: 1 } } },
      { kind: "trait", path: ["cart", "updatedAt"], test: { olderThanMs: 30 * minuteMs } },
      { kind: "not", of: { kind: "segment", name: "staff" } },
    ],
  };
  const staff: SegmentRule = {
    kind: "event",
    event: "Signed In",
    windowMs: 90 * minuteMs,
    times: { atLeast: 2 },
  };
  const definitions = compileRules({
    ...noRules,
    computed,
    segments: [
      { name: "abandoned", rule: abandoned },
      { name: "staff", rule: staff },
    ],
  });
  const startMs = Date.UTC(2026, 10, 24);
  const added = eventWith({ name: "Product Added", properties: { product_id: "P1" }, timestampMs: startMs });
  const signedIn = (id: string, timestampMs: number) =>
    eventWith({ name: "Signed In", messageId: id, timestampMs });
  const events = [added, signedIn("s-1", startMs - 80 * minuteMs), signedIn("s-2", startMs - minuteMs)];
  const why = explainSegment(
    subjectOf(events, definitions),
    definitions,
    "abandoned",
    startMs + 5 * minuteMs,
  );
  expect(why).toMatchObject({
    isTrue: false,
    words:
      "cart.count is at least 1 and cart.updatedAt is at least 30 minutes ago and is not in the segment staff",
    sinceMs: startMs - minuteMs,
    turnsAtMs: startMs + 30 * minuteMs,
    of: [
      { isTrue: true, seen: 1, sinceMs: startMs, turnsAtMs: null },
      {
        isTrue: false,
        seen: "2026-11-24T00:00:00.000Z",
        sinceMs: startMs,
        turnsAtMs: startMs + 30 * minuteMs,
      },
      {
        isTrue: false,
        turnsAtMs: startMs + 10 * minuteMs,
        of: [
          {
            kind: "segment",
            of: [{ words: "Signed In came at least 2 times in the last 90 minutes", seen: 2 }],
          },
        ],
      },
    ],
  });
  expect(explainSegment(subjectOf(events, definitions), definitions, "nobody", 0)).toBeNull();
});

const spender: SegmentRule = { kind: "trait", path: ["totalRevenue"], test: { condition: { atLeast: 500 } } };
const shoes: SegmentRule = {
  kind: "event",
  event: "Product Viewed",
  where: { category: { is: "shoes" } },
  windowMs: 86_400_000,
};

test.each<[SegmentRule, string]>([
  [spender, "totalRevenue is at least 500"],
  [shoes, "Product Viewed where category is shoes came at least once in the last 24 hours"],
  [{ kind: "event", event: "X", times: { atMost: 0 } }, "X came not once"],
  [
    { kind: "consent", channel: "email", topic: "marketing", is: "granted" },
    "consent to email.marketing is granted",
  ],
  [{ kind: "consent", channel: "sms", topic: null, is: "unknown" }, "consent to sms is unknown"],
  [{ kind: "event", event: "X", times: { atLeast: 2, atMost: 3 } }, "X came 2 to 3 times"],
  [
    { kind: "any", of: [spender, { kind: "all", of: [shoes, { kind: "segment", name: "staff" }] }] },
    "totalRevenue is at least 500 or (Product Viewed where category is shoes came at least once in the last 24 hours and is in the segment staff)",
  ],
  [{ kind: "not", of: spender }, "not (totalRevenue is at least 500)"],
  [
    { kind: "not", of: { kind: "list", file: "./staff.csv", match: "email", rows: 2, sha256: "" } },
    "its email is not in the list ./staff.csv",
  ],
  [
    {
      kind: "trait",
      path: ["lastOrderAt"],
      test: { afterMs: Date.UTC(2026, 0, 1), newerThanMs: 86_400_000 * 7 },
    },
    "lastOrderAt is less than 7 days ago and is not before 2026-01-01",
  ],
])("%j in words", (rule, words) => {
  expect(segmentInWords(rule)).toBe(words);
});
