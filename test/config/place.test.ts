import { expect, test } from "bun:test";
import { placeOf, syntaxProblem } from "../../src/config/place.ts";

const text = `version: 1
sources:
  my.shop: { trust: server }
use:
  - engagement
  - ecommerce: { currency: eur }
`;

test.each([
  ["version", 1, 1],
  ["sources.my.shop.trust", 3, 14],
  ["sources.my.shop.writeKey", 3, 3],
  ["use.1.ecommerce.currency", 6, 18],
  ["use.1", 6, 5],
] as const)("%s stands at %i:%i", (path, line, column) => {
  expect(placeOf(text, path)).toEqual({ line, column });
});

test("what is not there has no place", () => {
  expect(placeOf(text, "segments.vip")).toBeNull();
  expect(placeOf("", "version")).toBeNull();
});

test("a text that is no YAML is told by its first wrong place", () => {
  expect(syntaxProblem(text)).toBeNull();
  expect(syntaxProblem("a: [1\nb: 2\n")).toMatchObject({ line: 2, column: 1 });
});
