import { expect, test } from "bun:test";
import { webhooksThroughRestarts } from "../proof/webhooks.ts";

const seed = Math.floor(Math.random() * 2 ** 31);

test(`webhooks through 50 restarts of each side, seed ${seed}`, async () => {
  const repeats = await webhooksThroughRestarts(50, seed);
  expect(repeats).toBeGreaterThan(0);
  process.stdout.write(`seed ${seed}: ${repeats} repeats\n`);
});
