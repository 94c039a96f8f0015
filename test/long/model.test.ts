import { test } from "bun:test";
import { liveAndCompare } from "../proof/riverModel.ts";
import { newSeed, progress } from "./progress.ts";

const lives = 1_000;
const steps = 120;

test(`${lives} random lives agree with the reference`, async () => {
  const first = newSeed("the first life");
  const told = progress();
  for (let life = 0; life < lives; life += 1) {
    await liveAndCompare(first + life, steps);
    told.step(() => `${life + 1} of ${lives} lives`);
  }
  told.last(`${lives} lives of ${steps} steps, seeds ${first} to ${first + lives - 1}`);
});
