/** Batches of 100 over 8 connections, in events a second, against the insert loop. */
import { startOurs, writeAuthorization } from "../support/ours.ts";
import type { Row } from "../support/row.ts";

const size = 100;

export const batch: Row = {
  name: "batch",
  when: "always",
  run: async (bench) => {
    const ours = await startOurs(bench);
    const loop = async () => {
      const folder = bench.processes.folder();
      const { perSecond } = (await bench.processes.result("bench/floors/insertLoop.ts", [
        folder,
        String(bench.options.seconds),
      ])) as { perSecond: number };
      bench.processes.removeFolder(folder);
      return perSecond;
    };
    const events = async () => {
      const report = await bench.load({
        port: ours.port,
        request: { kind: "batch", size },
        connections: 8,
        authorization: writeAuthorization,
      });
      return report.perSecond * size;
    };
    const figures = await bench.interleave({ loop, events });
    return [
      {
        id: "batch",
        work: "/v1/batch of 100, 8 connections",
        floor: "insert loop, one thread, no HTTP",
        unit: "events/s",
        ours: figures.events,
        floors: figures.loop,
        aim: { kind: "atLeast", value: 0.6 },
        note: "",
      },
    ];
  },
};
