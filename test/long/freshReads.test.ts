import { expect, test } from "bun:test";
import { readWhatWasAnswered } from "../proof/freshReads.ts";
import { Random } from "../support/random.ts";
import { startServer } from "../support/server.ts";
import { newSeed, progress } from "./progress.ts";

const rounds = 10_000;

test(`a read after the answer shows it, ${rounds} times on the connection of the answer, under load`, async () => {
  const random = new Random(newSeed("the reads"));
  const told = progress();
  await using server = await startServer();
  let done = 0;
  const counts = await readWhatWasAnswered(server, random, rounds, () => {
    done += 1;
    told.step(() => `${done} of ${rounds} reads`);
  });
  expect(counts.rounds).toBe(rounds);
  told.last(`${rounds} reads, none stale, while ${counts.loadEvents} other events came in`);
});
