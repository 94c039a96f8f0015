import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { ConfigError } from "../../src/config/configError.ts";
import { loadServeSettings, type ServeSettings } from "../../src/config/settings.ts";
import { listSetOf } from "../../src/lib/digestList.ts";
import type { SegmentRule } from "../../src/model/segmentRule.ts";
import { tempFolder } from "../support/tempFolder.ts";

/** Settings with these segments; `lists` by file name, in a folder lists beside freshet.yaml. */
function load(segments: string, lists: Readonly<Record<string, string>> = {}, more = ""): ServeSettings {
  using folder = tempFolder();
  mkdirSync(folder.at("lists"));
  for (const [name, text] of Object.entries(lists)) writeFileSync(folder.at(`lists/${name}`), text);
  writeFileSync(
    folder.at("freshet.yaml"),
    `version: 1\nsegments:\n${segments.replace(/^/gm, "  ")}\n${more}\n`,
  );
  return loadServeSettings({ config: folder.at("freshet.yaml") }, {});
}

function rule(clause: string): SegmentRule | undefined {
  return load(`x: ${clause}`).rules.segments[0]?.rule;
}

function problems(...given: Parameters<typeof load>): string[] {
  try {
    load(...given);
  } catch (error) {
    if (error instanceof ConfigError)
      return error.problems.map((problem) => problem.replace(/^\S*freshet\.yaml: /, ""));
    throw error;
  }
  return [];
}

describe("clauses", () => {
  test.each<[string, SegmentRule]>([
    [
      "{ trait: totalRevenue, atLeast: 500 }",
      { kind: "trait", path: ["totalRevenue"], test: { condition: { atLeast: 500 } } },
    ],
    [
      "{ trait: cart.updatedAt, olderThan: 30m, newerThan: 7d }",
      {
        kind: "trait",
        path: ["cart", "updatedAt"],
        test: { olderThanMs: 1_800_000, newerThanMs: 604_800_000 },
      },
    ],
    [
      "{ trait: plan, missing: true }",
      { kind: "trait", path: ["plan"], test: { condition: { exists: false } } },
    ],
    [
      "{ trait: lastOrderAt, after: 2026-11-01, before: 2026-12-01T00:00:00+01:00 }",
      {
        kind: "trait",
        path: ["lastOrderAt"],
        test: { afterMs: Date.UTC(2026, 10, 1), beforeMs: Date.UTC(2026, 10, 30, 23) },
      },
    ],
    [
      "{ event: Order Completed, within: 90d, times: { atLeast: 2 } }",
      { kind: "event", event: "Order Completed", windowMs: 7_776_000_000, times: { atLeast: 2 } },
    ],
    [
      "{ consent: email.marketing, is: granted }",
      { kind: "consent", channel: "email", topic: "marketing", is: "granted" },
    ],
    ["{ consent: sms, is: denied }", { kind: "consent", channel: "sms", topic: null, is: "denied" }],
    [
      "{ event: Product Viewed, where: { category: { is: shoes } } }",
      { kind: "event", event: "Product Viewed", where: { category: { is: "shoes" } } },
    ],
    [
      "{ any: [{ trait: a, is: 1 }, { not: { all: [{ trait: b, oneOf: [x, 2] }] } }] }",
      {
        kind: "any",
        of: [
          { kind: "trait", path: ["a"], test: { condition: { is: 1 } } },
          {
            kind: "not",
            of: {
              kind: "all",
              of: [{ kind: "trait", path: ["b"], test: { condition: { oneOf: ["x", 2] } } }],
            },
          },
        ],
      },
    ],
  ])("%s", (clause, expected) => {
    expect(rule(clause)).toEqual(expected);
  });
});

describe("lists", () => {
  test.each<[string, string, string]>([
    ["the column that is named so", "Name,E-Mail\nAnn, Ann@Example.com \nBob,bob@example.com\n", "email"],
    ["the first column where none is", "ann@example.com\r\nbob@example.com;Bob\r\n", "email"],
    [
      "quoted cells, a mark of byte order and blank rows",
      '\uFEFF"userId"\n"ann@example.com"\n\nbob@example.com',
      "user_id",
    ],
  ])("take %s", (_, text, match) => {
    const { rules, lists } = load(`staff: { list: ./lists/a.csv, match: ${match} }`, { "a.csv": text });
    const known = rules.segments[0]?.rule;
    if (known?.kind !== "list") throw new Error("it should be a list");
    expect({ ...known, sha256: "" }).toEqual({
      kind: "list",
      file: "./lists/a.csv",
      match,
      rows: 2,
      sha256: "",
    });
    const set = listSetOf(lists.get(known.sha256) ?? new Uint8Array());
    expect(
      ["ann@example.com", "bob@example.com", "eve@example.com", "Name"].map((value) => set.has(value)),
    ).toEqual([true, true, false, false]);
  });

  test("of equal content are one, whatever order they are in", () => {
    const { lists } = load(
      "a: { list: lists/a.csv, match: email }\nb: { not: { list: lists/b.csv, match: email } }",
      {
        "a.csv": "ann@example.com\nbob@example.com",
        "b.csv": "bob@example.com\nann@example.com\nbob@example.com",
      },
    );
    expect(lists.size).toBe(1);
  });

  test.each([
    ["nothing.csv", "there is no file"],
    ["bad.csv", "row 2, column 1: not an e-mail address"],
    ["latin.csv", "not a CSV file in UTF-8"],
  ])("%s is refused", (file, why) => {
    const found = problems(`x: { list: ./lists/${file}, match: email }`, {
      "bad.csv": "email\nann at example",
      "latin.csv": '"open',
    });
    expect(found).toHaveLength(1);
    expect(found[0]).toStartWith(`segments: the list ./lists/${file}: ${why}`);
  });
});

test("a list may hold configured identifiers, written as they are, and no others", () => {
  const config = "x: { list: lists/a.csv, match: phone }\nidentity: { phone: { normalise: phone } }".split(
    "\n",
  );
  const text = "phone\n0049 (30) 123456\n+49 30 123456\n";
  const known = load(config[0] ?? "", { "a.csv": text }, config[1]).rules.segments[0]?.rule;
  expect(known).toMatchObject({ kind: "list", match: "phone", rows: 1 });
  expect(problems("x: { list: lists/a.csv, match: fone }", { "a.csv": text }, config[1])).toEqual([
    "segments: the list lists/a.csv: match: there is no identifier fone; did you mean phone?",
  ]);
});

test.each([
  ["x: { consent: email.marketing, is: yes }", "segments.x.is: expected granted, denied or unknown"],
  [
    "x: { consent: email marketing, is: granted }",
    "segments.x.consent: expected a channel or a channel and a topic, such as email.marketing",
  ],
  [
    "x: 1",
    "segments.x: expected a clause: a map with one of trait, event, consent, segment, list, all, any, not",
  ],
  ["x: { trat: plan, is: pro }", "segments.x: trat is unknown; did you mean trait?"],
  [
    "x: { trait: plan }",
    "segments.x: says nothing of the trait; add one of is, isNot, oneOf, atLeast, atMost, above, below, between, contains, startsWith, exists, missing, olderThan, newerThan, before, after",
  ],
  ["x: { trait: plan, atleast: 1 }", "segments.x.atleast is unknown; did you mean atLeast?"],
  ["x: { trait: plan, atLeast: many }", "segments.x.atLeast: expected a number"],
  ["x: { trait: a..b, is: 1 }", "segments.x.trait: expected the name of a trait, such as plan or cart.count"],
  [
    "x: { trait: a, exists: true, missing: false }",
    "segments.x: exists and missing say the same thing; keep one",
  ],
  [
    "x: { all: [{ trait: a, olderThan: 30 minutes }] }",
    "segments.x.all.0.olderThan: expected a duration from 1s to 3660d, such as 30m or 90d",
  ],
  ["x: { not: { any: [] } }", "segments.x.not.any: expected a list of 1 to 100 clauses"],
  [
    "x: { trait: a, is: 1, event: X }",
    "segments.x: trait and event are clauses of their own; put them under all or any",
  ],
  ["x: { event: X, times: 2 }", "segments.x.times: expected { atLeast: 2 }, { atMost: 0 } or both"],
  [
    "x: { list: a.csv }",
    "segments.x.match is missing: expected the type of an identifier, such as email or user_id",
  ],
  [
    "x: { trait: a, before: 24.11.2026 }",
    "segments.x.before: expected a day or a time, such as 2026-11-24 or 2026-11-24T08:00:00Z",
  ],
  [
    "a b: { trait: a, is: 1 }",
    "segments.a b: a name has at most 64 letters, digits, _ . - and begins with a letter or a digit",
  ],
  [
    "staff: { trait: a, is: 1 }\nx: { segment: stuff }",
    "segments.x: there is no segment stuff; did you mean staff?",
  ],
  [
    "a: { segment: b }\nb: { not: { segment: a } }",
    "segments: they ask for each other in a circle: a → b → a",
  ],
  [
    `x: ${"{ not: ".repeat(8)}{ trait: a, is: 1 }${" }".repeat(8)}`,
    `segments.x${".not".repeat(8)}: nested deeper than 8`,
  ],
  [
    `x: { all: [${"{ any: [{ trait: a, is: 1 }, { trait: b, is: 1 }] },".repeat(40)}] }`,
    "segments.x: more than 100 clauses; make segments of parts of it",
  ],
])("%s", (segments, problem) => {
  expect(problems(segments)).toEqual([problem]);
});
