import { test } from "bun:test";
import { liveAndCompare } from "./riverModel.ts";

/** Fixed seeds, so that a change that breaks one breaks it for everybody; test/long draws new ones. */
for (let seed = 1; seed <= 30; seed += 1) {
  test(`a random life agrees with the reference: seed ${seed}`, () => liveAndCompare(seed, 80));
}
