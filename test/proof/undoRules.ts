/** Computed traits and segments for random lives with undos: every aggregate that passing time or a lost event changes. */
import type { Definition } from "../../src/model/definition.ts";
import { ecommercePack } from "../../src/model/packs.ts";
import type { SegmentDefinition } from "../../src/model/segmentRule.ts";

const event = "Product Viewed";
const minuteMs = 60_000;

export const definitions: readonly Definition[] = [
  ...ecommercePack("EUR"),
  { name: "seen7m", aggregate: "count", event, windowMs: 7 * minuteMs },
  { name: "seen3m", aggregate: "count", event, windowMs: 3 * minuteMs },
  { name: "visits", aggregate: "sessions", event: { call: "any" }, idleMs: 3 * minuteMs },
  { name: "visits9m", aggregate: "sessions", event, idleMs: minuteMs, windowMs: 9 * minuteMs },
  { name: "lastActiveAt", aggregate: "lastAt", event: { call: "any", except: ["Order Refunded"] } },
  { name: "days", aggregate: "streak", event: { call: "any" }, timeZone: "Asia/Kolkata" },
  { name: "sinceOrder", aggregate: "timeSince", event: "Order Completed", unitMs: minuteMs },
];
export const segments: readonly SegmentDefinition[] = [
  { name: "watching", rule: { kind: "event", event, windowMs: 5 * minuteMs } },
  { name: "keen", rule: { kind: "trait", path: ["seen7m"], test: { condition: { atLeast: 2 } } } },
  { name: "visitor", rule: { kind: "trait", path: ["visits9m"], test: { condition: { atLeast: 2 } } } },
  {
    name: "abandoned",
    rule: {
      kind: "all",
      of: [
        { kind: "trait", path: ["cart", "count"], test: { condition: { atLeast: 1 } } },
        { kind: "trait", path: ["cart", "updatedAt"], test: { olderThanMs: 4 * minuteMs } },
        { kind: "not", of: { kind: "segment", name: "watching" } },
      ],
    },
  },
  {
    name: "reds",
    rule: {
      kind: "any",
      of: [
        { kind: "trait", path: ["plan"], test: { condition: { is: "red" } } },
        { kind: "trait", path: ["colour", "updatedAt"], test: { newerThanMs: 2 * minuteMs } },
      ],
    },
  },
];
