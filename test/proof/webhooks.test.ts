import { test } from "bun:test";
import { webhooksThroughRestarts } from "./webhooks.ts";

test("webhooks arrive in order, without a gap, and repeats only with the same id, while both sides are restarted", async () => {
  await webhooksThroughRestarts(5, 20_261_130);
}, 120_000);
