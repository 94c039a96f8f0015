import { expect } from "bun:test";
import { Random } from "../support/random.ts";
import { tracedTest } from "../support/strace.ts";
import { chooseMoments, inspect, losePower, record } from "./powerLoss.ts";

const losses = 4;

/** Draws the worst: nothing of what was not synced is left. */
class Unlucky extends Random {
  override pick<T>(from: readonly T[]): T {
    return from[0] ?? super.pick(from);
  }
}

tracedTest(
  `${losses} power losses under load: nothing that was answered is lost, nothing is there twice; a disk that forgets its syncs is found out`,
  async () => {
    using recording = await record({ runs: 2, requestsPerLane: 10, fillerLength: 200 });
    const random = new Random(20_261_124);
    const moments = chooseMoments(recording, losses, random);
    let looked = 0;
    await losePower(recording, { moments, random }, async (data, acknowledged) => {
      const { lost, twice } = await inspect(data, acknowledged);
      expect({ lost, twice }).toEqual({ lost: [], twice: [] });
      looked += 1;
    });
    expect(looked).toBe(losses);

    const last = recording.calls.length - 1;
    const worst = { moments: [last], random: new Unlucky(1), ignoreSyncs: true };
    await losePower(recording, worst, async (data, acknowledged) => {
      expect((await inspect(data, acknowledged)).lost).toEqual([...acknowledged]);
      expect(acknowledged.length).toBeGreaterThan(0);
    });
  },
  120_000,
);
