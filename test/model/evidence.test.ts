import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { canonicalState } from "../../src/model/canonical.ts";
import { readComputed, valueAt } from "../../src/model/computed.ts";
import {
  addProduct,
  addWhole,
  divided,
  fromProducts,
  fromScaled,
  noProducts,
  toScaled,
} from "../../src/model/decimal.ts";
import { compile } from "../../src/model/compile.ts";
import type { Definition, Definitions } from "../../src/model/definition.ts";
import type { Event, Json } from "../../src/model/event.ts";
import { fold } from "../../src/model/fold.ts";
import { emptyState, type ProfileState } from "../../src/model/profile.ts";
import { eventWith } from "./arbitrary.ts";

const dayMs = 86_400_000;

function foldAll(events: readonly Event[], definitions: Definitions): ProfileState {
  const state = emptyState();
  for (const one of events) fold(state, one, { refused: null }, definitions);
  return state;
}

function tracked(
  number: number,
  name: string,
  properties: Record<string, Json>,
  timestampMs = number * 1_000,
): Event {
  return eventWith({
    messageId: `m-${number}`,
    name,
    properties,
    timestampMs,
    receivedAtMs: timestampMs + 50,
  });
}

function valuesOf(
  events: readonly Event[],
  definitions: readonly Definition[],
  tMs: number,
): Record<string, Json> {
  const compiled = compile(definitions);
  return readComputed(foldAll(events, compiled), compiled, tMs);
}

describe("names that objects inherit", () => {
  test("as event, property, order and trait name are names like any other", () => {
    for (const name of ["constructor", "prototype", "toString", "hasOwnProperty", "valueOf"]) {
      const compiled = compile([
        { name, aggregate: "count", event: name },
        { name: `${name}2`, aggregate: "list", event: name, property: [name, "a"], keep: 2 },
        { name: `${name}3`, aggregate: "count", event: name, where: { [name]: { is: "x" } } },
      ]);
      expect(readComputed(JSON.parse(JSON.stringify(emptyState())) as ProfileState, compiled, 0)[name]).toBe(
        0,
      );
      const events = [tracked(1, name, { [name]: "x" }), tracked(2, name, { a: 1 }), tracked(3, name, {})];
      const state = JSON.parse(JSON.stringify(foldAll(events, compiled))) as ProfileState;
      const values = readComputed(state, compiled, 0);
      expect(values[name]).toBe(3);
      expect(JSON.stringify(values[`${name}2`])).toBe(JSON.stringify([{ a: 1 }, { [name]: "x" }]));
      expect(values[`${name}3`]).toBe(1);
    }
  });

  test("__proto__ is refused as a name and harmless as an id", () => {
    expect(() => compile([{ name: "a", aggregate: "count", event: "__proto__" }])).toThrow("__proto__");
    expect(() => compile([{ name: "__proto__", aggregate: "count", event: "a" }])).toThrow("__proto__");
    const events = [tracked(1, "Order Completed", { order_id: "__proto__", total: 5 })];
    expect(
      valuesOf(events, [{ name: "n", aggregate: "orders", measure: "count", currency: "EUR" }], 0)["n"],
    ).toBe(1);
    expect(({} as Record<string, unknown>)["n"]).toBeUndefined();
  });

  test("a trait name stands once", () => {
    expect(() =>
      compile([
        { name: "a", aggregate: "count", event: "x" },
        { name: "a", aggregate: "count", event: "y" },
      ]),
    ).toThrow("twice");
  });
});

describe("what lies beyond the limits", () => {
  const definitions: Definition[] = [
    { name: "all", aggregate: "count", event: "V" },
    { name: "sum", aggregate: "sum", event: "V", property: "n" },
    { name: "first", aggregate: "first", event: "V", property: "n" },
    { name: "day", aggregate: "count", event: "V", windowMs: dayMs },
    { name: "hour", aggregate: "count", event: "V", windowMs: 3_600_000 },
    { name: "unique", aggregate: "unique", event: "V", property: "n" },
  ];
  const compiled = compile(definitions);

  test("1,000 items are kept, older ones counted by the minute, and only windows that reach there are approximate", () => {
    // One event every ten seconds: 1,000 of them last two hours and three quarters.
    const events = Array.from({ length: 5_000 }, (_, at) => tracked(at, "V", { n: at }, at * 10_000));
    const state = foldAll(events, compiled);
    const nowMs = 4_999 * 10_000;
    const reading = (name: string) => {
      const trait = compiled.computed.find((candidate) => candidate.name === name);
      if (trait === undefined) throw new Error(name);
      return valueAt(state, trait, nowMs);
    };
    expect(reading("all")).toMatchObject({
      value: 5_000,
      eventCount: 5_000,
      approximate: false,
      nextChangeAtMs: null,
    });
    expect(reading("sum").value).toBe((4_999 * 5_000) / 2);
    expect(reading("first")).toMatchObject({ value: 0, approximate: false });
    expect(reading("hour")).toMatchObject({ value: 360, approximate: false });
    expect(reading("day")).toMatchObject({ value: 5_000, approximate: true });
    expect(reading("unique")).toMatchObject({ value: 1_000, approximate: true });
    expect(reading("all").eventMessageIds.length).toBe(100);
    expect(state.evidence?.events["V"]?.[0].length).toBe(1_000);
    expect(state.evidence?.events["V"]?.[1]?.minutes.length).toBe(667);
    expect(canonicalState(foldAll(events.toReversed(), compiled))).toBe(canonicalState(state));
  });

  test("at most 1,440 minutes are told apart", () => {
    const events = Array.from({ length: 4_000 }, (_, at) => tracked(at, "V", { n: 1 }, at * 60_000));
    const state = foldAll(events, compiled);
    expect(state.evidence?.events["V"]?.[1]?.minutes.length).toBe(1_440);
    // A pressed minute counts until its last instant has left the window: one more than the day has.
    expect(readComputed(state, compiled, 3_999 * 60_000)).toMatchObject({ all: 4_000, day: 1_441 });
    expect(canonicalState(foldAll(events.toReversed(), compiled))).toBe(canonicalState(state));
  });

  test("values that are no scalars, or very long, are not kept", () => {
    const values: Json[] = [{ a: 1 }, [1], null, "x".repeat(1_025), "x".repeat(1_024), true];
    const events = values.map((n, at) => tracked(at, "V", { n }));
    expect(valuesOf(events, definitions, 0)).toMatchObject({ all: 6, unique: 2 });
  });

  test("a cart of more acts than are kept says so, and is told anew by the next Cart Viewed", () => {
    const low = compile([{ name: "cart", aggregate: "cart", currency: "EUR" }], {
      items: 9,
      minutes: 9,
      cartActs: 3,
      orders: 9,
      spans: 1_000,
    });
    const added = (number: number) =>
      tracked(number, "Product Added", { product_id: `P${number}`, price: 1 });
    const trait = low.computed[0];
    if (trait === undefined) throw new Error("no cart");
    const many = [1, 2, 3, 4].map(added);
    expect(valueAt(foldAll(many, low), trait, 0)).toMatchObject({ approximate: true, value: { count: 3 } });
    expect(canonicalState(foldAll(many.toReversed(), low))).toBe(canonicalState(foldAll(many, low)));
    const viewed = tracked(5, "Cart Viewed", { products: [{ product_id: "P1", quantity: 2 }] });
    expect(valueAt(foldAll([...many, viewed], low), trait, 0)).toMatchObject({
      approximate: false,
      value: { count: 2 },
    });
  });

  test("of more orders than are kept number and revenue stay right", () => {
    const orders: Definition[] = [
      { name: "n", aggregate: "orders", measure: "count", currency: "EUR" },
      { name: "revenue", aggregate: "orders", measure: "revenue", currency: "EUR" },
      { name: "average", aggregate: "orders", measure: "average", currency: "EUR" },
    ];
    const low = compile(orders, { items: 9, minutes: 9, cartActs: 9, orders: 4, spans: 1_000 });
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ at: fc.nat({ max: 20 }), cents: fc.nat({ max: 9_999 }), cut: fc.nat({ max: 9 }) }),
          { maxLength: 12 },
        ),
        (list) => {
          const placed = list.map(({ at, cents }, number) =>
            tracked(
              number,
              "Order Completed",
              { order_id: number, total: cents / 100, ...(at % 3 === 0 ? { currency: "USD" } : {}) },
              at,
            ),
          );
          const state = foldAll(placed, low);
          const own = placed.filter((event) => event.properties["currency"] !== "USD");
          const sum = own.reduce(
            (total, event) => total + Math.round(Number(event.properties["total"]) * 1e6),
            0,
          );
          const values = readComputed(state, low, 0);
          expect(values).toMatchObject({ n: list.length, revenue: sum / 1e6 });
          expect(values["average"]).toBe(own.length === 0 ? null : Math.round(sum / own.length) / 1e6);
          expect(canonicalState(foldAll(placed.toReversed(), low))).toBe(canonicalState(state));
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("orders by example", () => {
  const revenue: Definition = { name: "revenue", aggregate: "orders", measure: "revenue", currency: "EUR" };
  const count: Definition = { name: "n", aggregate: "orders", measure: "count", currency: "EUR" };

  test("the page and the server tell one order, refunds subtract, a cancellation removes", () => {
    const page = tracked(1, "Order Completed", { order_id: "o1", revenue: 90 });
    const server = tracked(2, "Order Completed", {
      order_id: "o1",
      total: 100,
      revenue: 90,
      currency: "eur",
    });
    const part = tracked(3, "Order Refunded", { order_id: "o1", total: 30 });
    const all = tracked(4, "Order Refunded", { order_id: "o1" });
    const cancelled = tracked(5, "Order Cancelled", { order_id: "o1" });
    expect(valuesOf([server, page], [revenue, count], 0)).toMatchObject({ n: 1, revenue: 100 });
    expect(valuesOf([part, server, page], [revenue], 0)["revenue"]).toBe(70);
    expect(valuesOf([all, part, server, page], [revenue, count], 0)).toMatchObject({ n: 1, revenue: 0 });
    expect(valuesOf([cancelled, server, page], [revenue, count], 0)).toMatchObject({ n: 0, revenue: 0 });
    expect(valuesOf([part], [revenue, count], 0)).toMatchObject({ n: 0, revenue: 0 });
  });

  test("what is said to have made an amount is of its currency", () => {
    const average: Definition = { ...revenue, name: "average", measure: "average" };
    const definitions = compile([revenue, average, count]);
    const state = foldAll(
      ["EUR", null, "USD"].map((currency, at) =>
        tracked(at, "Order Completed", { order_id: `o${at}`, total: 10, currency }),
      ),
      definitions,
    );
    const made = (name: string) =>
      definitions.computed
        .filter((trait) => trait.name === name)
        .map((trait) => valueAt(state, trait, 0))
        .map(({ value, eventCount, updatedAtMs }) => [value, eventCount, updatedAtMs]);
    expect([...made("revenue"), ...made("average"), ...made("n")]).toEqual([
      [20, 2, 1_000],
      [10, 2, 1_000],
      [3, 3, 2_000],
    ]);
  });
});

describe("decimals", () => {
  test("sums are exact in any order, past 2^53 too", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e15, max: 1e15, noNaN: true }), { maxLength: 20 }), (list) => {
        const scaled = list.map(toScaled).filter((value) => value !== null);
        const exact = scaled.reduce((sum, value) => sum + BigInt(value), 0n);
        const forth = scaled.reduce<number | string>(addWhole, 0);
        const back = scaled.toReversed().reduce<number | string>(addWhole, 0);
        expect(BigInt(forth)).toBe(exact);
        expect(back).toBe(forth);
        expect(JSON.parse(JSON.stringify(forth)) as unknown).toBe(forth);
      }),
      { numRuns: 2_000 },
    );
  });

  test("cents come back as they went in", () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e11, max: 1e11 }), (cents) => {
        expect(fromScaled(toScaled(cents / 100) ?? 0)).toBe(cents / 100 + 0);
        expect(fromScaled(toScaled((cents / 100).toFixed(2)) ?? 0)).toBe(cents / 100 + 0);
      }),
      { numRuns: 2_000 },
    );
  });

  test("what is no amount is none", () => {
    for (const value of [
      "",
      " 1",
      "1e3",
      "0x10",
      "1,5",
      "12 EUR",
      "1.",
      ".5",
      true,
      null,
      {},
      [1],
      NaN,
      Infinity,
      1e16,
      "99999999999999999",
    ]) {
      expect(toScaled(value)).toBeNull();
    }
    expect(["-1.5", "007", 1e-7, -0].map(toScaled)).toEqual([-1_500_000, 7_000_000, 0, 0]);
  });

  test("products and quotients are rounded once", () => {
    const sumOf = (...pairs: [number, number][]) => {
      const sum = noProducts();
      for (const [left, right] of pairs) addProduct(sum, left, right);
      return fromProducts(sum);
    };
    expect(sumOf([333_333, 3_000_000], [1, 1_000_000])).toBe(1);
    expect([sumOf([1, 500_000]), sumOf([-1, 500_000]), sumOf([1, 499_999])]).toEqual([
      0.000001, -0.000001, 0,
    ]);
    expect(sumOf([1e21, 3_000_000], [-1e21, 2_000_000], [1_000_000, 1_500_000])).toBe(
      1_000_000_000_000_001.5,
    );
    expect([
      divided(2_000_000, 3),
      divided("20000000000000000000", 3),
      divided("-20000000000000000000", 3),
    ]).toEqual([0.666667, 20_000_000_000_000 / 3, -20_000_000_000_000 / 3]);
  });
});
