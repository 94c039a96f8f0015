import { test } from "bun:test";
import { liveAndCompare } from "../proof/riverModel.ts";
import { definitions, segments } from "../proof/undoRules.ts";
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

/** Each found a fault once; others are in test/proof/undo.test.ts. */
const foundFaults = [800_050, 800_075, 800_111, 800_141, 900_105, 900_226];
const undoLives = 300;
const undoSteps = 100;

test(`${undoLives} random lives with undos, computed traits and segments agree with the reference`, async () => {
  const first = newSeed("the first life with undos");
  const told = progress();
  const seeds = [...foundFaults, ...Array.from({ length: undoLives }, (_, life) => first + life)];
  for (const [life, seed] of seeds.entries()) {
    await liveAndCompare(seed, undoSteps, definitions, segments, true);
    told.step(() => `${life + 1} of ${seeds.length} lives`);
  }
  told.last(`${undoLives} lives of ${undoSteps} steps, seeds ${first} to ${first + undoLives - 1}`);
});
