import { expect, test } from "bun:test";
import { liveWithConsumer } from "../examples/consumerLife.ts";
import { newSeed, progress } from "./progress.ts";

const kills = 50;

test(`the example consumer misses nothing and takes nothing twice over ${kills} kills of each side`, async () => {
  const told = progress();
  const counts = await liveWithConsumer(
    newSeed("the consumer's life"),
    kills,
    ({ serverKills, consumerKills }) =>
      told.step(() => `${serverKills} kills of the server, ${consumerKills} of the consumer`),
  );
  expect(Math.min(counts.serverKills, counts.consumerKills)).toBeGreaterThanOrEqual(kills);
  told.last(
    `${counts.changes} changes, each once, over ${counts.serverKills} kills of the server and ${counts.consumerKills} of the consumer`,
  );
});
