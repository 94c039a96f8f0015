import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { DeclaredTrait } from "../../src/model/declared.ts";
import { served, type ServeOptions } from "../../src/model/freshness.ts";

const trait: DeclaredTrait = { name: "t", type: "string" };

function levels(declared: DeclaredTrait, options: Partial<ServeOptions> = {}): unknown[] {
  return [0, 10, 11, 15, 16].map((ageMs) => {
    const asked = { nowMs: 1_000 + ageMs, maxAgeMs: null, isIn: () => false, ...options };
    return served({ value: "x", updatedAtMs: 1_000 }, declared, asked).servedFrom;
  });
}

describe("a value is served", () => {
  test("as live for ever where nothing is declared or asked for", () => {
    expect(levels(trait)).toEqual(["live", "live", "live", "live", "live"]);
    expect(levels({ ...trait, default: "d" })).toEqual(["live", "live", "live", "live", "live"]);
  });

  test("as last known beyond its max age, and the asked one goes before the declared one", () => {
    const aged = { ...trait, maxAgeMs: 10 };
    expect(levels(aged)).toEqual(["live", "live", "lastKnown", "lastKnown", "lastKnown"]);
    expect(levels(aged, { maxAgeMs: 0 })).toEqual([
      "live",
      "lastKnown",
      "lastKnown",
      "lastKnown",
      "lastKnown",
    ]);
    expect(levels(aged, { maxAgeMs: 99 })).toEqual(["live", "live", "live", "live", "live"]);
  });

  test("no longer where it is staler than it may be: then by segment, then by default, then not at all", () => {
    const stale = { ...trait, maxAgeMs: 10, maxStaleMs: 5 };
    expect(levels(stale).at(-1)).toBeNull();
    expect(levels({ ...stale, default: "d" })).toEqual(["live", "live", "lastKnown", "lastKnown", "default"]);
    const bySegment = {
      ...stale,
      default: "d",
      defaultBySegment: [["vip", "v"] as const, ["b", "w"] as const],
    };
    expect(levels(bySegment).at(-1)).toBe("default");
    expect(levels(bySegment, { isIn: (name) => name === "b" }).at(-1)).toBe("segmentDefault");
  });

  test("by the first segment of the declaration that it is in", () => {
    const declared: DeclaredTrait = {
      ...trait,
      defaultBySegment: [
        ["b", "of b"],
        ["a", "of a"],
      ],
    };
    const asked = { nowMs: 0, maxAgeMs: null, isIn: () => true };
    expect(served({ value: null, updatedAtMs: null }, declared, asked).value).toBe("of b");
  });

  test("as live where it has no age, and a default of false or 0 is one", () => {
    const asked = { nowMs: 5_000, maxAgeMs: 0, isIn: () => false };
    expect(served({ value: 0, updatedAtMs: null }, trait, asked).servedFrom).toBe("live");
    const counted: DeclaredTrait = { name: "t", type: "number", default: 0 };
    expect(served({ value: null, updatedAtMs: 1 }, counted, asked)).toEqual({
      value: 0,
      servedFrom: "default",
      untilMs: null,
    });
  });

  test("the same until the instant that it tells, and another value from there on", () => {
    const declarations = fc.record(
      {
        maxAgeMs: fc.integer({ min: 0, max: 20 }),
        maxStaleMs: fc.integer({ min: 0, max: 20 }),
        default: fc.constant("d"),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(declarations, fc.integer({ min: 0, max: 60 }), (part, ageMs) => {
        const declared: DeclaredTrait = { ...trait, ...part };
        const at = (nowMs: number) =>
          served({ value: "x", updatedAtMs: 0 }, declared, { nowMs, maxAgeMs: null, isIn: () => false });
        const now = at(ageMs);
        const { untilMs } = now;
        for (let then = ageMs; then < 100; then += 1)
          if (untilMs === null || then < untilMs) expect(at(then).value).toBe(now.value);
        if (untilMs !== null) {
          expect(untilMs).toBeGreaterThan(ageMs);
          expect(at(untilMs).value).not.toBe(now.value);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
