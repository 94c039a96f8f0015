import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { ConfigError } from "../../src/config/configError.ts";
import { loadServeSettings } from "../../src/config/settings.ts";
import type { DeclaredTrait } from "../../src/model/declared.ts";
import { tempFolder } from "../support/tempFolder.ts";

/** The declarations of a file with these sections. */
function load(yaml: string): readonly DeclaredTrait[] {
  using folder = tempFolder();
  const config = folder.at("freshet.yaml");
  writeFileSync(config, `version: 1\n${yaml}`);
  return loadServeSettings({ config }, {}).rules.traits;
}

function problems(yaml: string): string[] {
  try {
    load(yaml);
  } catch (error) {
    if (error instanceof ConfigError)
      return error.problems.map((problem) => problem.replace(/^\S*freshet\.yaml: /, ""));
    throw error;
  }
  return [];
}

describe("the section traits", () => {
  test("becomes declarations, times in milliseconds", () => {
    expect(
      load(`traits:
  firstName: { type: string, maxLength: 80, default: there }
  plan: { type: string, oneOf: [free, pro], setBy: [shop] }
  weather: { type: string, maxAge: 1h, maxStale: 5h }
  "first name": { type: list, items: number, default: [] }`),
    ).toEqual([
      { name: "firstName", type: "string", maxLength: 80, default: "there" },
      { name: "plan", type: "string", oneOf: ["free", "pro"], setBy: ["shop"] },
      { name: "weather", type: "string", maxAgeMs: 3_600_000, maxStaleMs: 18_000_000 },
      { name: "first name", type: "list", items: "number", default: [] },
    ]);
  });

  test.each([
    ["traits: []", "traits: expected a map of traits"],
    ["traits: { a: string }", "traits.a: expected a map such as { type: string, maxLength: 80 }"],
    [
      "traits: { a: {} }",
      "traits.a.type is missing: expected one of string, number, boolean, date, money, list, object",
    ],
    [
      "traits: { a: { type: text } }",
      "traits.a.type: expected one of string, number, boolean, date, money, list, object",
    ],
    [
      "traits: { a: { type: string, maxLenght: 3 } }",
      "traits.a.maxLenght is unknown; did you mean maxLength?",
    ],
    [
      "traits: { a: { type: number, maxLength: 3 } }",
      "traits.a.maxLength: a number does not take it; known here: type, setBy, protected, default, defaultBySegment, maxAge, maxStale, min, max, oneOf, coerce",
    ],
    ["traits: { a: { type: number, min: 3, max: 2 } }", "traits.a.min: is greater than max"],
    [
      "traits: { segments: { type: list } }",
      "traits.segments: the name is reserved; nobody can set the trait",
    ],
    ["traits: { a: { type: number, min: 3, default: 2 } }", "traits.a.default: breaks min"],
    ["traits: { a: { type: number, default: x } }", "traits.a.default: breaks type"],
    ["traits: { a: { type: number, maxAge: soon } }", "traits.a.maxAge: expected a duration such as 30d"],
    ["traits: { a: { type: number, maxStale: 1d } }", "traits.a.maxStale: needs maxAge beside it"],
    [
      "traits: { a: { type: number, defaultBySegment: { vip: 1 } } }",
      "traits.a.defaultBySegment.vip: there is no segment of that name",
    ],
    [
      "use: [{ ecommerce: { currency: EUR } }]\ntraits: { views24h: { type: number, setBy: [web] } }",
      "traits.views24h.setBy: the trait is computed; nobody sets it",
    ],
  ])("%p is refused", (yaml, expected) => {
    expect(problems(yaml)).toEqual([expected]);
  });

  test("takes type, default and ages of a computed trait", () => {
    const [trait] = load(
      "use: [{ ecommerce: { currency: EUR } }]\ntraits: { views24h: { type: number, default: 0, maxAge: 1d } }",
    );
    expect(trait).toEqual({ name: "views24h", type: "number", default: 0, maxAgeMs: 86_400_000 });
  });
});
