import { expect } from "bun:test";
import { chooseMoments, inspect, losePower, record } from "../proof/powerLoss.ts";
import { Random } from "../support/random.ts";
import { tracedTest } from "../support/strace.ts";

const losses = 60;

tracedTest(
  `${losses} power losses over four runs, checkpoints and a kill -9 among them: nothing that was answered is lost, nothing is there twice`,
  async () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    process.stdout.write(`seed of the losses: ${seed}\n`);
    using recording = await record({ runs: 4, requestsPerLane: 150, fillerLength: 2_000 });
    const random = new Random(seed);
    const moments = chooseMoments(recording, losses, random);
    let answered = 0;
    await losePower(recording, { moments, random }, async (data, acknowledged) => {
      const { lost, twice } = await inspect(data, acknowledged);
      expect({ lost, twice }).toEqual({ lost: [], twice: [] });
      answered += acknowledged.length;
    });
    process.stdout.write(
      `${recording.calls.length} disk calls recorded; ${answered} acknowledged events looked for after ${losses} losses\n`,
    );
  },
  30 * 60_000,
);
