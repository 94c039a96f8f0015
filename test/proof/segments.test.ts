/** Random lives of a store with segments: hours pass, clocks are set back, and all that random lives go through. */
import { test } from "bun:test";
import type { Definition } from "../../src/model/definition.ts";
import { ecommercePack } from "../../src/model/packs.ts";
import type { SegmentDefinition } from "../../src/model/segmentRule.ts";
import { liveAndCompare } from "./riverModel.ts";

const event = "Product Viewed";
const minuteMs = 60_000;

const definitions: readonly Definition[] = [
  ...ecommercePack("EUR"),
  { name: "seen7m", aggregate: "count", event, windowMs: 7 * minuteMs },
  { name: "seen3m", aggregate: "count", event, windowMs: 3 * minuteMs },
];

const segments: readonly SegmentDefinition[] = [
  { name: "watching", rule: { kind: "event", event, windowMs: 5 * minuteMs } },
  { name: "keen", rule: { kind: "trait", path: ["seen7m"], test: { condition: { atLeast: 2 } } } },
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

for (let seed = 1; seed <= 20; seed += 1)
  test(
    `segments agree with the oracle through a random life: seed ${seed}`,
    () => liveAndCompare(seed, 80, definitions, segments),
    60_000,
  );
