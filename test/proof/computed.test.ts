/** Random lives of a store with computed traits: kills, merges, late links, erasures, rebuilds, another order. */
import { test } from "bun:test";
import type { Definition } from "../../src/model/definition.ts";
import { ecommercePack } from "../../src/model/packs.ts";
import { liveAndCompare } from "./riverModel.ts";

const event = "Product Viewed";
const minuteMs = 60_000;

const definitions: readonly Definition[] = [
  ...ecommercePack("EUR"),
  {
    name: "shoesViewed5m",
    aggregate: "count",
    event,
    where: { category: { is: "shoes" } },
    windowMs: 5 * minuteMs,
  },
  { name: "seen7m", aggregate: "unique", event, property: "product_id", windowMs: 7 * minuteMs },
  { name: "spent", aggregate: "sum", event: "Order Completed", property: "total" },
  { name: "biggestOrder", aggregate: "max", event: "Order Completed", property: "total" },
  { name: "names", aggregate: "list", event, property: ["name", "category"], keep: 3 },
  { name: "visits", aggregate: "sessions", event: { call: "any" }, idleMs: 3 * minuteMs },
  { name: "visits9m", aggregate: "sessions", event, idleMs: minuteMs, windowMs: 9 * minuteMs },
  { name: "lastActiveAt", aggregate: "lastAt", event: { call: "any", except: ["Order Refunded"] } },
  { name: "days", aggregate: "streak", event: { call: "any" }, timeZone: "Asia/Kolkata" },
  { name: "sinceOrder", aggregate: "timeSince", event: "Order Completed", unitMs: minuteMs },
  {
    name: "dearShare",
    aggregate: "ratio",
    of: { event, where: { price: { above: 2 } } },
    per: { event: { call: "any" } },
  },
  { name: "lastLook", aggregate: "last", event, property: "product_id" },
];

for (let seed = 1; seed <= 16; seed += 1)
  test(
    `computed traits agree with the oracles through a random life: seed ${seed}`,
    () => liveAndCompare(seed, 80, definitions),
    60_000,
  );
