/** Whether inserting gets slower as the journal grows: the fifth million of events against the first, in one run. */
import type { Bench } from "../support/bench.ts";
import { startOurs, writeAuthorization, type Ours } from "../support/ours.ts";
import type { Row } from "../support/row.ts";

const size = 100;
const million = 1_000_000 / size;
/** The first events warm the program up and are not measured. */
const warm = 50_000 / size;

export const growth: Row = {
  name: "growth",
  when: "long",
  run: async (bench) => {
    const ours = await startOurs(bench);
    await batches(bench, ours, warm);
    const first = await batches(bench, ours, million - warm);
    bench.say(`  0 – 1 M: ${Math.round(first)} events/s`);
    await batches(bench, ours, 3 * million);
    const fifth = await batches(bench, ours, million);
    bench.say(`  4 – 5 M: ${Math.round(fifth)} events/s`);
    return [
      {
        id: "growth",
        work: "insert rate from 4 M to 5 M events against 0 to 1 M, random messageIds",
        floor: "the first million of the same run",
        unit: "events/s",
        ours: [fifth],
        floors: [first],
        aim: { kind: "atLeast", value: 0.9 },
        note: "one run; /v1/batch of 100, 8 connections; sealing and checkpoints included",
      },
    ];
  },
};

async function batches(bench: Bench, ours: Ours, answers: number): Promise<number> {
  const report = await bench.load({
    port: ours.port,
    request: { kind: "batch", size },
    connections: 8,
    authorization: writeAuthorization,
    warmupSeconds: 0,
    answers,
  });
  return report.perSecond * size;
}
