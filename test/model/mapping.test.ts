import { expect, test } from "bun:test";
import { compileExpression, ExpressionProblem } from "../../src/lib/expression.ts";
import { applyMapping, noMapping } from "../../src/model/mapping.ts";
import { FakeClock } from "../support/fakeClock.ts";

const event = {
  type: "track",
  properties: { total_price: "84.50", paid: "yes", at: 1_764_000_000, list: [1], nested: { a: 1 } },
};

test("renames, casts and fills, in this order, and leaves the input as it is", () => {
  const before = structuredClone(event);
  expect(
    applyMapping(event, {
      rename: { "properties.total_price": "properties.total", "properties.nested.a": "properties.b.c" },
      cast: { "properties.total": "number", "properties.paid": "boolean", "properties.at": "date" },
      default: { "properties.currency": "EUR", "properties.paid": false },
    }),
  ).toEqual({
    type: "track",
    properties: {
      total: 84.5,
      paid: true,
      at: "2025-11-24T16:00:00.000Z",
      list: [1],
      nested: {},
      b: { c: 1 },
      currency: "EUR",
    },
  });
  expect(event).toEqual(before);
});

test("what can't be cast, and a path through what is no object, stay as they are", () => {
  expect(
    applyMapping(event, {
      ...noMapping,
      rename: { "properties.paid": "properties.list.x" },
      cast: { "properties.nested": "number", "properties.list": "string" },
      default: { "properties.list.y": 1, "toString.x": 2 },
    }),
  ).toMatchObject({ properties: { nested: { a: 1 }, list: [1] } });
});

test("an expression is bounded in time and depth", async () => {
  const clock = new FakeClock();
  const evaluate = compileExpression("$merge([$, {'n': properties.a + 1}])", () => clock.nowMs());
  expect(await evaluate({ properties: { a: 1 } })).toEqual({ properties: { a: 1 }, n: 2 });
  const endless = compileExpression("($f := function($n) { $f($n + 1) + 1 }; $f(1))", () => clock.nowMs());
  expect(await endless({}).catch((error: unknown) => error)).toBeInstanceOf(ExpressionProblem);
  const slow = compileExpression("[1..1000].($ * 2)", () => {
    clock.advance(1);
    return clock.nowMs();
  });
  expect(await slow({}).catch((error: unknown) => error)).toBeInstanceOf(ExpressionProblem);
  expect(() => compileExpression("$merge([", () => 0)).toThrow(ExpressionProblem);
});
