import { test } from "bun:test";
import { liveThroughDefinitions, type LifeCounts } from "../proof/definitionsLife.ts";
import { newSeed, progress } from "./progress.ts";

const lives = 400;
const steps = 150;

test(`${lives} random lives of definitions end like starts with the last ones`, async () => {
  const first = newSeed("the first life");
  const told = progress();
  const counts: LifeCounts = { changes: 0, restarts: 0, kills: 0 };
  for (let life = 0; life < lives; life += 1) {
    await liveThroughDefinitions(first + life, steps, counts);
    told.step(() => `${life + 1} of ${lives} lives, ${JSON.stringify(counts)}`);
  }
  told.last(
    `${lives} lives of ${steps} steps, seeds ${first} to ${first + lives - 1}: ${JSON.stringify(counts)}`,
  );
});
