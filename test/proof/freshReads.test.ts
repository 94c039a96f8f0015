import { expect, test } from "bun:test";
import { Random } from "../support/random.ts";
import { startServer } from "../support/server.ts";
import { readWhatWasAnswered } from "./freshReads.ts";

test("a read after the answer shows it, 500 times on the connection of the answer, under load", async () => {
  await using server = await startServer();
  const counts = await readWhatWasAnswered(server, new Random(1), 500);
  expect(counts.rounds).toBe(500);
  expect(counts.loadEvents).toBeGreaterThan(100);
}, 60_000);
