/** From starting the process to /readyz: with an empty folder, and with --long after a clean stop on a full one. */
import type { Bench } from "../support/bench.ts";
import { startOurs, writeAuthorization } from "../support/ours.ts";
import type { Row } from "../support/row.ts";

const size = 100;
const events = 1_000_000;
const profiles = 200_000;

export const start: Row = {
  name: "start",
  when: "always",
  run: async (bench) => {
    const figures = await bench.interleave({ empty: () => startMs(bench) });
    return [
      {
        id: "start-empty",
        work: "start to /readyz, empty folder",
        floor: null,
        unit: "ms",
        ours: figures.empty,
        floors: null,
        aim: null,
        note: "`bun src/main.ts serve`",
      },
    ];
  },
};

export const startFull: Row = {
  name: "start-full",
  when: "long",
  run: async (bench) => {
    const folder = bench.processes.folder();
    const seeding = await startOurs(bench, folder);
    await bench.load({
      port: seeding.port,
      request: { kind: "batch", size },
      connections: 8,
      authorization: writeAuthorization,
      users: profiles,
      warmupSeconds: 0,
      answers: events / size,
    });
    await seeding.child.stop();
    const figures = await bench.interleave({ full: () => startMs(bench, folder) });
    return [
      {
        id: "start-full",
        work: "start to /readyz, 1 M events, 200 k profiles, after a clean stop",
        floor: null,
        unit: "ms",
        ours: figures.full,
        floors: null,
        aim: null,
        note: "",
      },
    ];
  },
};

async function startMs(bench: Bench, folder?: string): Promise<number> {
  const ours = await startOurs(bench, folder);
  await ours.child.stop();
  return ours.startMs;
}
