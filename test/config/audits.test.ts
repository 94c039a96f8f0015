import { describe, expect, test } from "bun:test";
import { ConfigError } from "../../src/config/configError.ts";
import { readConfigText } from "../../src/config/configFile.ts";
import { auditSettings, freshnessTarget } from "../../src/config/audits.ts";
import { usualAuditRules } from "../../src/model/audit/rules.ts";

function read(lines: string) {
  return readConfigText({ name: "freshet.yaml", text: `version: 1\n${lines}\n` }, {}).file;
}

function problemsOf(lines: string): readonly string[] {
  try {
    read(lines);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

test("without a word the usual rules hold", () => {
  expect(auditSettings(undefined)).toEqual({ rules: usualAuditRules, alert: "warning" });
  expect(freshnessTarget(undefined)).toEqual({
    stage: "visible",
    withinMs: 1_000,
    share: 0.999,
    windowMs: 28 * 86_400_000,
  });
});

test("thresholds, traits and cross-checks are read", () => {
  const { audits } = read(`audits:
  every: 0s
  alert: critical
  volume: 70
  traits: { plan: { maxAge: 7d, stale: 20 } }
  crossChecks:
    orders:
      key: order_id
      left: { source: web, event: Order Completed, property: total }
      right: { source: shop, event: Order Completed, property: total }
      within: 2h`);
  const { rules, alert } = auditSettings(audits);
  expect([alert, rules.everyMs, rules.volumePercent]).toEqual(["critical", 0, 70]);
  expect(rules.traits).toEqual([
    { trait: "plan", coveragePercent: null, maxAgeMs: 7 * 86_400_000, stalePercent: 20 },
  ]);
  expect(rules.crossChecks[0]).toMatchObject({
    name: "orders",
    key: "order_id",
    tolerance: 0.005,
    withinMs: 7_200_000,
  });
});

describe("what is wrong is said", () => {
  test.each([
    ["audits: { volum: 3 }", "freshet.yaml: audits.volum is unknown; known here: every, alert,"],
    ["audits: { volume: 3 }", "freshet.yaml: audits.volume: expected a whole number from 5 to 99"],
    ["audits: { alert: loud }", "freshet.yaml: audits.alert: expected warning, critical or never"],
    ["audits: { crossChecks: { a: { key: b } } }", "freshet.yaml: audits.crossChecks.a.left: expected"],
    ["freshness: { within: 3s }", "freshet.yaml: freshness.within: expected one of 8ms, 16ms,"],
    ["freshness: { target: 100 }", "freshet.yaml: freshness.target: expected a number from 50 to 99.999"],
    ["freshness: { window: 90d }", "freshet.yaml: freshness.within: expected one of"],
  ])("%s", (lines, problem) => {
    expect(problemsOf(lines).join("\n")).toStartWith(problem);
  });
});
