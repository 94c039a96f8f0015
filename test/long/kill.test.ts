import { expect, test } from "bun:test";
import { crashPoints } from "../../src/lib/crashPoint.ts";
import { KilledFolder } from "../proof/killing.ts";
import { Random } from "../support/random.ts";
import { newSeed, progress } from "./progress.ts";

const cycles = 200;
const visits = 3;
const cyclesPerFolder = 40;
const cyclesPerCheck = 4;

test(`kill -9 under load, ${cycles} times at random: all that was answered is there, once, and profiles are what the journal gives`, async () => {
  const random = new Random(newSeed("the kills"));
  const told = progress();
  const total = { kills: 0, answered: 0, erased: 0, checks: 0 };
  while (total.kills < cycles) {
    using folder = new KilledFolder(random);
    for (let cycle = 1; cycle <= cyclesPerFolder; cycle += 1) {
      await folder.killAfter(random.below(1_000));
      if (cycle % cyclesPerCheck === 0) await folder.check();
      told.step(() => `${total.kills + folder.counts.kills} of ${cycles} kills`);
    }
    for (const [name, count] of Object.entries(folder.counts)) total[name as keyof typeof total] += count;
  }
  expect(total.answered).toBeGreaterThan(cycles);
  told.last(
    `${total.kills} kills at random, ${total.checks} checks: ${total.answered} answered events and ${total.erased} erasures looked for`,
  );
});

test(`kill -9 at every crash point, ${visits} times each`, async () => {
  const random = new Random(newSeed("the visits"));
  const told = progress();
  let kills = 0;
  for (const point of crashPoints) {
    using folder = new KilledFolder(random);
    for (let visit = 0; visit < visits; visit += 1) {
      if (point === "afterCatchUpCommit") await folder.killAt("beforeProfilesCommit", 1 + random.below(30));
      await folder.killAt(point, 1 + random.below(point === "afterCatchUpCommit" ? 1 : 3));
      await folder.check();
      kills += 1;
      told.step(() => `${kills} of ${visits * crashPoints.length} kills at crash points`);
    }
  }
  told.last(`${kills} kills at ${crashPoints.length} crash points`);
});
