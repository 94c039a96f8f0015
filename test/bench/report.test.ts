/** Figures get into docs/performance.md through these functions only, so they must be right. */
import { describe, expect, test } from "bun:test";
import { Latencies } from "../../bench/load/latencies.ts";
import { conditionsOf, holds, table, type Measured } from "../../bench/support/report.ts";
import { median, ratios } from "../../bench/support/stats.ts";

const measured: Measured = {
  id: "single-64",
  work: "single POST",
  floor: "bare durable server",
  unit: "/s",
  ours: [80, 300, 90],
  floors: [100, 200, 100],
  aim: { kind: "atLeast", value: 0.8 },
  note: "",
  measuredAt: "2026-11-24",
  machine: "2 cores",
  flushMs: 0.2,
  pairs: 3,
  seconds: 2,
};

describe("the statistics", () => {
  test("the median is the middle, or the mean of the middle two", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(() => median([])).toThrow("no values");
  });

  test("pairs are divided one by one", () => expect(ratios([1, 6], [2, 3])).toEqual([0.5, 2]));

  test("percentiles are those of what was noted, whatever the number", () => {
    const latencies = new Latencies();
    latencies.note(9_999);
    latencies.clear();
    for (let value = 100_000; value >= 1; value -= 1) latencies.note(value);
    expect(latencies.summary()).toEqual({ count: 100_000, p50Ms: 50_000, p99Ms: 99_000, maxMs: 100_000 });
    expect(new Latencies().summary().count).toBe(0);
  });
});

describe("the table", () => {
  test("shows the median of the ratios, not the ratio of the medians, and their spread", () => {
    const [, , row = ""] = table([measured]).split("\n");
    expect(row).toBe(
      "| single POST | 90.0 /s | 100 /s: bare durable server | **0.90** (0.80 – 1.50) | ≥ 0.80 | holds |",
    );
  });

  test.each([
    ["at least, reached exactly", { kind: "atLeast", value: 0.9 } as const, true],
    ["at least, missed", { kind: "atLeast", value: 0.91 } as const, false],
    ["at most, reached exactly", { kind: "atMost", value: 0.9 } as const, true],
    ["at most, missed", { kind: "atMost", value: 0.89 } as const, false],
  ])("an aim %s", (_, aim, expected) => {
    const result = { ...measured, aim };
    expect(holds(result)).toBe(expected);
    expect(table([result])).toContain(expected ? "| holds |" : "| **short** |");
  });

  test("without a floor the aim is for the figure itself; without an aim it is reported", () => {
    const alone = { ...measured, floor: null, floors: null, ours: [5, 7, 6], unit: "KB" };
    expect(holds({ ...alone, aim: { kind: "atMost", value: 6 } })).toBe(true);
    expect(holds({ ...alone, aim: { kind: "atMost", value: 5 } })).toBe(false);
    expect(holds({ ...alone, aim: null })).toBeNull();
    expect(table([{ ...alone, aim: null }])).toContain("| 6.00 KB | – | (5.00 – 7.00) | – | reported |");
  });

  test("says once under which conditions rows were measured", () => {
    const lines = conditionsOf([
      measured,
      { ...measured, id: "batch", flushMs: 0.5 },
      { ...measured, id: "growth", pairs: 1 },
    ]).split("\n");
    expect(lines).toEqual([
      "- 2026-11-24: 2 cores; 3 pairs, loads of 2 s; an fdatasync of 4 KB took 0.20 – 0.50 ms. Rows: single-64, batch.",
      "- 2026-11-24: 2 cores; 1 run, loads of 2 s; an fdatasync of 4 KB took 0.20 ms. Rows: growth.",
    ]);
  });
});
