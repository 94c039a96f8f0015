import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  isSecret,
  keptName,
  secretName,
  stepOf,
  stepValue,
  type EventCell,
} from "../../src/model/audit/cells.ts";
import { DayTally, wholeSource, type CellKey } from "../../src/model/audit/dayTally.ts";
import { distinctCount, noteDistinct, type Distinct } from "../../src/model/audit/distinct.ts";
import { hash32 } from "../../src/model/audit/hash32.ts";
import { FactsJudge, type FactPair } from "../../src/model/audit/judgeFacts.ts";
import { movement } from "../../src/model/audit/numbers.ts";
import { isIgnored, usualAuditRules, type AuditRules, type CrossCheck } from "../../src/model/audit/rules.ts";
import { emptyScan, judgeScan, noteTrait, type ScanCell } from "../../src/model/audit/traitCells.ts";
import type { Json } from "../../src/model/event.ts";

describe("the sketch of different values", () => {
  test("is exact up to what it keeps, whatever comes twice and in which order", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000_000), { maxLength: 120 }), (values) => {
        const sketch: Distinct = [];
        for (const value of [...values, ...values.toReversed()]) noteDistinct(sketch, hash32(String(value)));
        return distinctCount(sketch) === new Set(values).size;
      }),
      { numRuns: 50 },
    );
  });

  test.each([500, 5_000, 50_000])("is right to a third for %d", (count) => {
    const sketch: Distinct = [];
    for (let value = 0; value < count; value += 1) noteDistinct(sketch, hash32(`value ${value}`));
    expect(sketch.length).toBe(128);
    expect(Math.abs(distinctCount(sketch) / count - 1)).toBeLessThan(0.33);
  });
});

test("a step of the scale stands for a number near by, with its sign", () => {
  fc.assert(
    fc.property(fc.double({ min: -1e12, max: 1e12, noNaN: true }), (value) => {
      const back = stepValue(stepOf(value));
      if (Math.abs(value) < 1e-9) return Math.abs(back) < 1e-8;
      return Math.sign(back) === Math.sign(value) && Math.abs(Math.log2(back / value)) <= 0.26;
    }),
  );
});

test("a distribution that chance explains has not moved, one that changed has", () => {
  const shares = (one: number, two: number) =>
    new Map([
      ["a", one],
      ["b", two],
    ]);
  expect(movement(shares(50, 50), shares(45, 55), 100, 100)).toBe(0);
  expect(movement(shares(5, 95), shares(50, 50), 100, 100)).toBeGreaterThan(0.25);
  // The same shares of three people say nothing.
  expect(movement(shares(5, 95), shares(50, 50), 3, 3)).toBe(0);
});

test("names that may be a person's are said once three people have them", () => {
  const kept = new Map<string, EventCell>();
  const keyOf = ({ day, source, event }: CellKey) => JSON.stringify([day, source, event]);
  const take = (pid: number, times: number) => {
    const tally = new DayTally((key) => kept.get(keyOf(key)) ?? null);
    for (let index = 0; index < times; index += 1)
      tally.take(
        { seq: pid, source: "web", event: "constructor", receivedAtMs: 1_000, pid },
        {
          properties: { constructor: 1, color: "red", "ann@example.com": 1 },
          digest: `${pid} ${index}`,
          skewMs: 0,
        },
      );
    for (const { key, cell } of tally.cells())
      kept.set(keyOf(key), JSON.parse(JSON.stringify(cell)) as EventCell);
  };
  take(1, 5);
  take(2, 1);
  const events = () => [...kept.keys()].map((key) => (JSON.parse(key) as [number, string, string])[2]);
  expect(events()).toEqual([wholeSource, secretName("constructor")]);
  expect(JSON.stringify([...kept])).not.toMatch(/color|constructor|ann@/);
  take(3, 1);
  take(3, 1);
  expect(events()).toContain("constructor");
  const cell = kept.get(keyOf({ day: 0, source: "web", event: "constructor" }));
  expect(cell?.count).toBe(8);
  expect(Object.keys(cell?.properties ?? {}).sort()).toEqual(["color", "constructor"]);
  expect(cell?.properties["color"]?.present).toBe(8);
  expect([keptName("ann@example.com"), keptName("order 1234567"), isSecret(keptName("~abc"))]).toEqual([
    "(other)",
    "(other)",
    false,
  ]);
});

test.each([
  ["volume:web:Order Completed", "volume:web:*", true],
  ["volume:web:", "volume:web:*", true],
  ["volume:website:", "volume:web:*", false],
  ["nulls:web:A (b):c", "nulls:web:A (b):c", true],
  ["nulls:web:A (b):c", "*:c", true],
  ["nulls:web:A (b):c", "nulls:web:A .b.:c", false],
])("of %s, %s ignores it: %p", (key, pattern, isMeant) => {
  expect(isIgnored(key, [pattern])).toBe(isMeant);
});

const maxAgeMs = 86_400_000;

/** So many profiles, of which some have the trait, some of those an old value, some a text. */
function scan(profiles: number, present: number, stale: number, texts = 0): ScanCell {
  const cell = emptyScan();
  cell.profiles = profiles;
  for (let index = 0; index < present; index += 1) {
    const value: Json = index < texts ? "3" : 3;
    const ageMs = index < stale ? 2 * maxAgeMs : 1_000;
    noteTrait(cell, { name: "score", value, ageMs, maxAgeMs }, false);
  }
  return cell;
}

describe("a scan of profiles", () => {
  const judged = (now: ScanCell, before: ScanCell | null, rules: Partial<AuditRules> = {}, segment = "") =>
    judgeScan(
      { segment, now, before, atMs: 2 * maxAgeMs, beforeAtMs: maxAgeMs },
      { ...usualAuditRules, ...rules },
    ).map(({ key, sentence }) => `${key} ${sentence}`);

  test("that is like the one before has no finding", () => {
    expect(judged(scan(1_000, 600, 60), scan(950, 580, 50))).toEqual([]);
    expect(judged(scan(1_000, 600, 60), null)).toEqual([]);
  });

  test("tells of a trait that fewer have", () => {
    expect(judged(scan(1_000, 300, 30), scan(1_000, 600, 60))).toEqual([
      "coverage:score 30 % of the 1,000 profiles have score at 1970-01-03 00:00 UTC; at 1970-01-02 00:00 UTC it were 60 %.",
    ]);
    expect(judged(scan(30, 3, 0), scan(30, 30, 0))).toEqual([]);
  });

  test("tells of values that nothing refreshes any more, and of other types", () => {
    const [stale, types] = judged(scan(1_000, 600, 300, 100), scan(1_000, 600, 60));
    expect(stale).toContain("stale:score 50 % of the 600 values of score are older than 24 h");
    expect(types).toContain("traitTypes:score score is text in 17 % of the 600 profiles that have it");
  });

  test("tells of a level that was declared, also the first time", () => {
    const traits = [
      { trait: "score", coveragePercent: 80, maxAgeMs: null, stalePercent: 5 },
      { trait: "absent", coveragePercent: 1, maxAgeMs: null, stalePercent: null },
    ];
    const [coverage, stale, absent] = judged(scan(1_000, 600, 60), null, { traits });
    expect(coverage).toContain(
      "60 % of the 1,000 profiles have score at 1970-01-03 00:00 UTC; at least 80 % are expected",
    );
    expect(stale).toContain("10 % of the 600 values of score are older than 24 h");
    expect(absent).toContain("0 % of the 1,000 profiles have absent");
  });

  test("tells of a segment that halved, and of what its members lack", () => {
    const found = judged(scan(200, 60, 0), scan(500, 300, 0), {}, "buyers");
    expect(found[0]).toContain("segment:buyers The segment buyers has 200 profiles at");
    expect(found[1]).toContain(
      "coverage:score:buyers 30 % of the 200 profiles in the segment buyers have score",
    );
    expect(judged(scan(200, 60, 0), scan(500, 300, 0), { ignore: ["*:buyers"] }, "buyers")).toEqual([]);
  });
});

describe("a cross-check", () => {
  const side = { source: "web", event: "Order Completed", property: "total" };
  const check: CrossCheck = {
    name: "orders",
    key: "order_id",
    left: side,
    right: { ...side, source: "shop" },
    tolerance: 0.01,
    withinMs: 1_000,
    mayDifferPercent: 1,
  };
  const told = (number: number | null, digest = String(number), atMs = 10_000) => ({
    number,
    digest,
    seq: 1,
    atMs,
  });
  const judged = (pairs: readonly Omit<FactPair, "key">[], nowMs = 20_000) => {
    const judge = new FactsJudge(check, nowMs);
    for (const [index, pair] of pairs.entries()) judge.take({ key: String(index), ...pair });
    return judge.finding(usualAuditRules)?.sentence ?? null;
  };
  const same = { left: told(10), right: told(10.005) };
  const other = { left: told(10), right: told(8) };
  const alone = { left: told(10), right: null };

  test("tells of what differs and of what one side alone told", () => {
    const sentence = judged([same, same, other, other, alone, alone, { left: null, right: told(3) }]);
    expect(sentence).toContain("Of 7 facts of orders in the last seven days 2 differ (shop ");
    expect(sentence).toContain("2 came from web alone, 1 came from shop alone (71 %)");
  });

  test("says nothing of what may still come, of a few, and of texts that are the same", () => {
    expect(judged([alone, alone, alone, alone], 10_500)).toBe(null);
    expect(judged([other, other, same])).toBe(null);
    const text = { left: told(null, "x"), right: told(null, "x") };
    expect(judged([text, text, text, text])).toBe(null);
    const texts = { left: told(null, "x"), right: told(null, "y") };
    expect(judged([texts, texts, texts])).toContain("3 differ");
    // What is long past is told no more.
    expect(judged([other, other, other], 8 * 86_400_000)).toBe(null);
  });
});
