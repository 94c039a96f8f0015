import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { maxRetryAfterMs, retryAfterMs, retryWaitMs } from "../../../src/model/delivery/backoff.ts";
import {
  afterFailure,
  afterSuccess,
  closedBreaker,
  tryThrough,
} from "../../../src/model/delivery/breaker.ts";
import { isTooOld } from "../../../src/model/delivery/delivery.ts";
import {
  differenceOf,
  whileOpen,
  withAudience,
  withFields,
  type Acknowledged,
} from "../../../src/model/delivery/difference.ts";
import { asType, valueAtPath } from "../../../src/model/delivery/fieldMapping.ts";
import { Pacer, silenceOf } from "../../../src/model/delivery/pacing.ts";
import { errorClass } from "../../../src/model/delivery/verdict.ts";

describe("pacing", () => {
  test("no stretch of a window's length ever holds more than is allowed, wherever it begins", () => {
    const step = fc.record({
      afterMs: fc.integer({ min: 0, max: 400 }),
      rows: fc.integer({ min: 1, max: 30 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const pacer = new Pacer([{ perMs: 1_000, requests: 10, rows: 100 }]);
        const sent: { atMs: number; rows: number }[] = [];
        let nowMs = 0;
        for (const { afterMs, rows } of steps) {
          nowMs += afterMs;
          if (pacer.admit({ rows, bytes: 1 }, "transactional", nowMs) === 0) sent.push({ atMs: nowMs, rows });
        }
        for (const { atMs } of sent) {
          const within = sent.filter((one) => one.atMs >= atMs && one.atMs < atMs + 1_000);
          expect(within.length).toBeLessThanOrEqual(10);
          expect(within.reduce((sum, { rows }) => sum + rows, 0)).toBeLessThanOrEqual(100);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("who waits as long as is said gets through, unless others were faster", () => {
    const pacer = new Pacer([{ perMs: 1_000, requests: 1 }]);
    expect(pacer.admit({ rows: 1, bytes: 1 }, "transactional", 0)).toBe(0);
    const waitMs = pacer.admit({ rows: 1, bytes: 1 }, "transactional", 10);
    expect(pacer.admit({ rows: 1, bytes: 1 }, "transactional", 10 + waitMs)).toBe(0);
  });

  test("the batch lane leaves a fifth of a window to the others", () => {
    const pacer = new Pacer([{ perMs: 60_000, requests: 10 }]);
    const admitted = (lane: "batch" | "behavioural" | "transactional") => {
      let count = 0;
      while (pacer.admit({ rows: 1, bytes: 1 }, lane, 5) === 0) count += 1;
      return count;
    };
    expect([admitted("batch"), admitted("behavioural"), admitted("transactional")]).toEqual([8, 1, 1]);
  });

  test("is silent for as long as it was asked to", () => {
    const pacer = new Pacer([]);
    pacer.silence(500, 100);
    expect(pacer.admit({ rows: 1, bytes: 1 }, "transactional", 200)).toBe(400);
    expect(pacer.admit({ rows: 1, bytes: 1 }, "transactional", 600)).toBe(0);
  });

  test.each([
    [{ "ratelimit-remaining": "0", "ratelimit-reset": "7" }, 7_000],
    [{ "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000010" }, 10_000],
    [{ "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000002500" }, 2_500],
    [{ "x-ratelimit-remaining": "3", "x-ratelimit-reset": "7" }, null],
    [{ "ratelimit-remaining": "0" }, null],
    [{ "ratelimit-remaining": "0", "ratelimit-reset": "soon" }, null],
  ])("rate headers %j ask for silence of %p ms", (headers, wanted) => {
    expect(silenceOf(headers as Record<string, string>, 1_700_000_000_000)).toBe(wanted);
  });
});

describe("the breaker", () => {
  test("opens after several failures in a row, lets one try, and closes when it is answered", () => {
    let breaker = closedBreaker;
    for (let at = 0; at < 4; at += 1) breaker = afterFailure(breaker, 0, 0.5);
    expect(tryThrough(breaker, 0).kind).toBe("go");
    breaker = afterFailure(breaker, 0, 0.5);
    const held = tryThrough(breaker, 0);
    if (held.kind !== "wait") throw new Error("it is closed");
    const trial = tryThrough(breaker, held.waitMs);
    if (trial.kind !== "go") throw new Error("nobody may try");
    expect(tryThrough(trial.breaker, held.waitMs).kind).toBe("wait");
    const again = afterFailure(trial.breaker, held.waitMs, 0.5);
    const longer = tryThrough(again, held.waitMs);
    expect(longer.kind === "wait" && longer.waitMs > held.waitMs).toBe(true);
    expect(tryThrough(afterSuccess(), 0).kind).toBe("go");
  });
});

describe("backoff", () => {
  test("is exponential with full jitter, and honours what was asked", () => {
    expect(retryWaitMs(1, null, 0.999)).toBeLessThan(2_000);
    expect(retryWaitMs(3, null, 0)).toBe(0);
    expect(retryWaitMs(50, null, 0.9999)).toBeLessThanOrEqual(900_000);
    expect(retryWaitMs(9, 1_500, 0.5)).toBe(1_500);
    expect(retryWaitMs(1, 1e12, 0.5)).toBe(maxRetryAfterMs);
  });

  test.each([
    ["120", 120_000],
    ["1.5", 1_500],
    ["Tue, 14 Nov 2023 22:13:50 GMT", 30_000],
    ["Tue, 14 Nov 2023 22:13:00 GMT", 0],
    ["soon", null],
    [undefined, null],
  ])("Retry-After: %s is %p ms", (header, wanted) => {
    expect(retryAfterMs(header, 1_700_000_000_000)).toBe(wanted);
  });

  test("gives up by age alone, and not because a clock leapt", () => {
    const dayMs = 86_400_000;
    expect(isTooOld(0, 1_000, 2.9 * dayMs)).toBe(false);
    expect(isTooOld(0, 20, 3.1 * dayMs)).toBe(true);
    expect(isTooOld(0, 2, 400 * dayMs)).toBe(false);
  });
});

describe("the difference", () => {
  const print = (value: number) => `#${value}`;
  const fields = fc.dictionary(fc.constantFrom("a", "b", "c", "toString"), fc.integer({ min: 0, max: 3 }));
  const wanted = (of: Record<string, number>) => ({ fields: of, audiences: [], suppressions: {} });

  test("sent and acknowledged, nothing is left to be sent; lost on the way, all of it is, whatever comes then", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ fields, fate: fc.constantFrom("taken", "lost", "refused") })),
        (steps) => {
          let there: Record<string, number> = {};
          let known: Acknowledged = {};
          for (const step of [...steps, { fields: { a: 1 }, fate: "taken" }]) {
            const difference = differenceOf(wanted(step.fields), known, print);
            const after = withFields(known, difference, print);
            const isSent = Object.keys(difference.set).length + difference.clear.length > 0;
            if (!isSent) continue;
            known = whileOpen(known, after);
            if (step.fate !== "refused") {
              there = { ...there, ...difference.set };
              for (const name of difference.clear) delete there[name];
            }
            if (step.fate === "taken") known = after;
          }
          expect({ ...there }).toEqual({ a: 1 });
          const { set, clear } = differenceOf(wanted({ a: 1 }), known, print);
          expect([Object.keys(set), clear]).toEqual([[], []]);
        },
      ),
    );
  });

  test("an audience whose joining may or may not have been taken is joined again, or left", () => {
    const open = whileOpen({}, withAudience({}, "big", true));
    const of = (audiences: string[]) =>
      differenceOf({ fields: {}, audiences, suppressions: {} }, open, print);
    expect([of(["big"]).join, of(["big"]).leave]).toEqual([["big"], []]);
    expect([of([]).join, of([]).leave]).toEqual([[], ["big"]]);
  });
});

test("fields are found by path and turned into types, or are nothing", () => {
  const root = { cart: { value: 84, items: [{ id: "p7" }] }, "a.b": 1 };
  expect(valueAtPath(root, "cart.items.0.id")).toBe("p7");
  expect(valueAtPath(root, "a.b")).toBe(1);
  expect(valueAtPath(root, "cart.constructor")).toBeNull();
  expect(asType("84", "number")).toBe(84);
  expect(asType(" ", "number")).toBeNull();
  expect(asType("2026-11-30T10:00:00Z", "date")).toBe("2026-11-30T10:00:00.000Z");
  expect(asType("never", "date")).toBeNull();
  expect(asType({ a: 1 }, "string")).toBe('{"a":1}');
  expect(asType("yes", "boolean")).toBeNull();
});

test("statuses have their usual meaning, unless a destination means another one", () => {
  expect([200, 301, 400, 401, 404, 418, 429, 500, 599].map((status) => errorClass(status))).toEqual([
    "done",
    "stop",
    "split",
    "refresh",
    "stop",
    "split",
    "retry",
    "retry",
    "retry",
  ]);
  expect(errorClass(409, { 409: "done" })).toBe("done");
});
