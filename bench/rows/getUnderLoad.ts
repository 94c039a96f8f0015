/** How long reads take, open loop, while batches come in at half of what the server can take. */
import { users } from "../load/payload.ts";
import { readAuthorization, startOurs, writeAuthorization, type Ours } from "../support/ours.ts";
import type { Bench } from "../support/bench.ts";
import type { Row } from "../support/row.ts";
import { seedProfiles } from "../support/seed.ts";

const readsPerSecond = 1_000;
const size = 100;
const batches = {
  request: { kind: "batch", size },
  connections: 8,
  authorization: writeAuthorization,
} as const;

export const getUnderLoad: Row = {
  name: "get-under-load",
  when: "always",
  run: async (bench) => {
    const ours = await startOurs(bench);
    await seedProfiles(ours, users, 2_048);
    const maximum = (await bench.load({ ...batches, port: ours.port })).perSecond;
    bench.say(`  the maximum is ${Math.round(maximum * size)} events/s in batches`);
    const figures = await bench.interleave({
      idle: () => readP99(bench, ours),
      busy: () => whileBatches(bench, ours, maximum / 2),
    });
    return [
      {
        id: "get-under-load",
        work: `GET p99, open loop ${readsPerSecond.toLocaleString("en-US")}/s, while batches run at half the maximum`,
        floor: "the same, idle",
        unit: "ms",
        ours: figures.busy,
        floors: figures.idle,
        aim: { kind: "atMost", value: 5 },
        note: `half the maximum: ${Math.round((maximum * size) / 2)} events/s`,
      },
    ];
  },
};

async function readP99(bench: Bench, ours: Ours): Promise<number> {
  const report = await bench.load({
    port: ours.port,
    request: { kind: "profile", conditional: false },
    connections: 64,
    authorization: readAuthorization,
    ratePerSecond: readsPerSecond,
  });
  return report.latency.p99Ms;
}

async function whileBatches(bench: Bench, ours: Ours, ratePerSecond: number): Promise<number> {
  // The batches begin before the reads are measured and end after them.
  const pressure = bench.load({
    ...batches,
    port: ours.port,
    ratePerSecond,
    seconds: bench.options.seconds + 2,
  });
  const [p99Ms] = await Promise.all([readP99(bench, ours), pressure]);
  return p99Ms;
}
