/** Random lives in which an operator takes people apart and joins them again. */
import { test } from "bun:test";
import { liveAndCompare } from "./riverModel.ts";

for (let seed = 1; seed <= 20; seed += 1)
  test(
    `a random life with undos agrees with the reference: seed ${seed}`,
    () => liveAndCompare(40_000 + seed, 80, [], [], true),
    60_000,
  );
