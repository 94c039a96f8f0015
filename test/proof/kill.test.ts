/** The server as a process of its own, killed at every named point of the writer and at random. */
import { describe, expect, test } from "bun:test";
import { crashAt, crashPoints } from "../../src/lib/crashPoint.ts";
import { Random } from "../support/random.ts";
import { KilledFolder } from "./killing.ts";

const cycles = 20;

/** Each cycle starts a process twice; on a machine that does much else besides that takes its time. */
const limitMs = 240_000;

describe("what was answered is there, once, and profiles are what the journal gives, after kill -9", () => {
  test(
    "at every crash point",
    async () => {
      using folder = new KilledFolder(new Random(1));
      for (const [at, point] of crashPoints.entries()) {
        // Leaves rows that LMDB has not seen, for the points on the way of catching up.
        if (point === "afterCatchUpCommit") await folder.killAt("beforeProfilesCommit", 3);
        await folder.killAt(point, 1 + (at % 3));
        await folder.check();
      }
      expect(folder.counts.answered).toBeGreaterThan(crashPoints.length);
    },
    limitMs,
  );

  test(
    `under load, ${cycles} times at random`,
    async () => {
      const random = new Random(2);
      using folder = new KilledFolder(random);
      for (let cycle = 0; cycle < cycles; cycle += 1) {
        await folder.killAfter(random.below(150));
        if (cycle % 10 === 9) await folder.check();
      }
      expect(folder.counts.answered).toBeGreaterThan(cycles);
    },
    limitMs,
  );
});

test("a crash point that does not exist is refused", () => {
  expect(() => crashAt("beforeNothing")).toThrow("there is no crash point");
});
