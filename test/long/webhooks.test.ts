import { test } from "bun:test";
import { webhooksThroughRestarts } from "../proof/webhooks.ts";

const seed = Math.floor(Math.random() * 2 ** 31);

test(`webhooks through 50 restarts of both sides, seed ${seed}`, async () => {
  const repeats = await webhooksThroughRestarts(50, seed);
  process.stdout.write(`seed ${seed}: ${repeats} repeats\n`);
});
