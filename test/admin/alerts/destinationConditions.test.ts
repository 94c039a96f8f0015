/** What of a destination wakes somebody, and what does not. */
import { expect, test } from "bun:test";
import {
  destinationConditions,
  type DestinationThresholds,
} from "../../../src/admin/alerts/destinationConditions.ts";
import { DelivererCounts } from "../../../src/esp/deliver/delivererCounts.ts";
import type { DestinationLook } from "../../../src/esp/deliver/deliveryWatch.ts";

const thresholds: DestinationThresholds = {
  destinationLagMs: 900_000,
  destinationErrorPercent: 10,
  deadLetters: 5,
  driftPercent: 2,
};

const well: DestinationLook = {
  name: "crm",
  type: "http",
  namespace: "live",
  can: ["upsert"],
  state: "working",
  stopped: null,
  lag: { changes: 0, ms: 0 },
  queue: { transactional: 0, behavioural: 0, batch: 0 },
  jobs: 0,
  deadLetters: 0,
  backfill: null,
  acknowledged: 100,
  failed: 0,
  lastSentAtMs: 0,
  lastError: null,
  drift: null,
  counts: new DelivererCounts(),
};
const filling = { afterPid: 1, toPid: 9, rows: 1, startedAtMs: 0, doneAtMs: null, share: 0.1, etaMs: null };
const drift = { atMs: 0, sampled: 50, drifted: 1, fields: { plan: 1 }, repaired: 0 };
const late = { changes: 9, ms: 900_000 };

test.each<[string, Partial<DestinationLook>, string[]]>([
  ["all is well", {}, []],
  ["it stopped by itself", { stopped: "credentials" }, ["destination:crm:stopped"]],
  ["the oldest is a quarter of an hour old", { lag: late }, ["destination:crm:lag"]],
  ["it is a little behind", { lag: { changes: 9, ms: 899_999 } }, []],
  ["it is behind because somebody paused it", { state: "paused", lag: late }, []],
  ["it is behind because everybody is sent", { backfill: filling, lag: late }, []],
  ["a tenth of a minute's rows failed", { acknowledged: 118, failed: 2 }, ["destination:crm:errors"]],
  ["fewer failed", { acknowledged: 119, failed: 1 }, []],
  ["there were too few to tell", { acknowledged: 100, failed: 9 }, []],
  ["letters lie there", { deadLetters: 5 }, ["destination:crm:deadLetters"]],
  ["few letters lie there", { deadLetters: 4 }, []],
  ["of a sample two in a hundred differ", { drift }, ["destination:crm:drift"]],
  ["fewer differ", { drift: { ...drift, sampled: 60 } }, []],
  ["nothing could be read", { drift: { ...drift, sampled: 0, drifted: 0 } }, []],
])("%s", (_what, now, ids) => {
  const found = destinationConditions([[well], [{ ...well, ...now }]], thresholds);
  expect(found.map(({ id }) => id)).toEqual(ids);
  for (const { sentence } of found) expect(sentence).toContain("crm");
});

test("what was there before the minute began counts no more", () => {
  const failed = { ...well, failed: 50 };
  expect(destinationConditions([[failed], [{ ...failed, acknowledged: 200 }]], thresholds)).toEqual([]);
});
