/** Random lives in which an operator takes people apart and joins them again. */
import { test } from "bun:test";
import { liveAndCompare } from "./riverModel.ts";
import { definitions, segments } from "./undoRules.ts";

for (let seed = 1; seed <= 20; seed += 1)
  test(
    `a random life with undos agrees with the reference: seed ${seed}`,
    () => liveAndCompare(40_000 + seed, 80, [], [], true),
    60_000,
  );

/** Each found a fault once. */
for (const seed of [701_004, 721_000, 800_066, 800_067, 800_113])
  test(
    `so does one with computed traits and segments: seed ${seed}`,
    () => liveAndCompare(seed, 100, definitions, segments, true),
    60_000,
  );

test(
  "so does one with computed traits alone: seed 920146",
  () => liveAndCompare(920_146, 100, definitions, [], true),
  60_000,
);
