/** Any sequence of definitions, events, restarts and kills ends as the last definitions alone would. */
import { afterAll, expect, test } from "bun:test";
import { liveThroughDefinitions, type LifeCounts } from "./definitionsLife.ts";

const counts: LifeCounts = { changes: 0, restarts: 0, kills: 0 };

for (let seed = 9; seed <= 24; seed += 1)
  test(
    `a random life of definitions ends like a start with the last ones: seed ${seed}`,
    () => liveThroughDefinitions(seed, 70, counts),
    60_000,
  );

afterAll(() => {
  expect(counts.changes).toBeGreaterThan(60);
  expect(counts.restarts).toBeGreaterThan(15);
  expect(counts.kills).toBeGreaterThan(8);
});
