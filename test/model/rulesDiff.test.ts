import { expect, test } from "bun:test";
import { noRules, type Rules } from "../../src/model/rules.ts";
import { rulesDiff } from "../../src/model/rulesDiff.ts";

const views: Rules["computed"][number] = { name: "views", aggregate: "count", event: "Product Viewed" };

test("names what was added, removed and changed, whatever the order", () => {
  const other: Rules["computed"][number] = { name: "other", aggregate: "lastAt", event: "Product Viewed" };
  const before: Rules = { ...noRules, computed: [views, other] };
  expect(rulesDiff(before, { ...noRules, computed: [other, views] })).toEqual([]);
  expect(
    rulesDiff(before, {
      ...noRules,
      computed: [
        { ...views, windowMs: 1_000 },
        { ...other, name: "third" },
      ],
    }),
  ).toEqual([
    { part: "computed", name: "other", kind: "removed" },
    { part: "computed", name: "third", kind: "added" },
    { part: "computed", name: "views", kind: "changed" },
  ]);
});
