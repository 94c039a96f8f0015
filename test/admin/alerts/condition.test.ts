import { describe, expect, test } from "bun:test";
import { conditionsOf, type AlertThresholds, type Reading } from "../../../src/admin/alerts/condition.ts";
import { Latency } from "../../../src/lib/metrics.ts";

const thresholds: AlertThresholds = {
  quietAfterMs: 60_000,
  quietAfterMsBySource: { shop: 10_000, staff: 0 },
  quarantinePercent: 5,
  latencyMs: 2_000,
  diskFreeBytes: 1024 ** 3,
};

const startMs = 1_000_000;

function counts(...durationsMs: readonly number[]): readonly number[] {
  const latency = new Latency();
  for (const durationMs of durationsMs) latency.note(durationMs);
  return latency.read().counts;
}

const well: Reading = {
  atMs: startMs,
  sources: [],
  taken: 0,
  quarantined: 0,
  overLimit: 0,
  groups: 0,
  visible: counts(),
  waitingRequests: 0,
  diskFreeBytes: 5 * 1024 ** 3,
  found: [],
};

/** Ids of what is wrong when the second reading comes after the first. */
function wrongIn(first: Partial<Reading>, then: Partial<Reading>): string[] {
  const readings = [
    { ...well, ...first },
    { ...well, atMs: startMs + 5_000, ...then },
  ];
  return conditionsOf(readings, startMs, thresholds).map(({ id }) => id);
}

test("nothing is wrong with nothing", () => {
  expect(conditionsOf([], startMs, thresholds)).toEqual([]);
  expect(wrongIn({}, {})).toEqual([]);
});

describe("a source", () => {
  const seen = (source: string, agoMs: number | null) => ({
    sources: [{ source, lastSeenMs: agoMs === null ? null : startMs - agoMs, follow: null }],
    atMs: startMs,
  });

  test.each([
    ["web", 59_999, []],
    ["web", 60_000, ["quiet:web"]],
    ["shop", 9_999, []],
    ["shop", 10_000, ["quiet:shop"]],
    ["staff", 99_999_999, []],
    ["constructor", 59_999, []],
    ["web", null, []],
  ] as const)("%s, last seen %p ms ago", (source, agoMs, expected) => {
    expect(wrongIn({}, seen(source, agoMs))).toEqual([...expected]);
  });

  test("that is named is expected to send from the start on", () => {
    expect(wrongIn({}, { ...seen("shop", null), atMs: startMs + 10_000 })).toEqual(["quiet:shop"]);
    expect(wrongIn({}, { ...seen("web", null), atMs: startMs + 900_000 })).toEqual([]);
  });

  test("that can't be followed is named with the reason", () => {
    const sources = [
      { source: "prices", lastSeenMs: startMs, follow: { failing: "answered 503" } },
      { source: "stock", lastSeenMs: startMs, follow: { failing: null } },
    ];
    const [condition, more] = conditionsOf([{ ...well, sources }], startMs, thresholds);
    expect(condition?.id).toBe("follow:prices");
    expect(condition?.sentence).toContain("answered 503");
    expect(more).toBeUndefined();
  });
});

describe("the quarantine's share", () => {
  test.each([
    [100, 5, []],
    [95, 5, ["quarantine"]],
    [4, 5, []],
    [0, 10, ["quarantine"]],
    [100, 0, []],
  ] as const)("of %d taken and %d refused", (taken, quarantined, expected) => {
    expect(
      wrongIn({ taken: 1_000, quarantined: 900 }, { taken: 1_000 + taken, quarantined: 900 + quarantined }),
    ).toEqual([...expected]);
  });
});

describe("latency", () => {
  test("is that of the time between the readings", () => {
    const slow = Array.from({ length: 50 }, () => 4_000);
    expect(wrongIn({ visible: counts() }, { visible: counts(...slow) })).toEqual(["latency"]);
    expect(wrongIn({ visible: counts(...slow) }, { visible: counts(...slow, 1, 1, 1) })).toEqual([]);
  });

  test("is wrong too when nothing is answered at all", () => {
    const waiting = { waitingRequests: 3, groups: 7 };
    expect(wrongIn(waiting, waiting)).toEqual(["latency"]);
    expect(wrongIn(waiting, { ...waiting, groups: 8 })).toEqual([]);
    expect(wrongIn({ ...waiting, waitingRequests: 0 }, waiting)).toEqual([]);
  });
});

test.each([
  [1024 ** 3, []],
  [1024 ** 3 - 1, ["disk"]],
  [null, []],
] as const)("a disk with %p bytes left", (diskFreeBytes, expected) => {
  expect(wrongIn({}, { diskFreeBytes })).toEqual([...expected]);
});

test("profiles that have too many identifiers", () => {
  expect(wrongIn({ overLimit: 4 }, { overLimit: 4 })).toEqual([]);
  expect(wrongIn({ overLimit: 4 }, { overLimit: 5 })).toEqual(["identity"]);
});
