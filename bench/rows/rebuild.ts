/** Rebuilding all profiles from the journal, in rows a second, against a bare loop over the same journal. */
import { startOurs, writeAuthorization } from "../support/ours.ts";
import type { Row } from "../support/row.ts";

const size = 100;
const events = 300_000;

export const rebuild: Row = {
  name: "rebuild",
  when: "always",
  run: async (bench) => {
    const data = bench.processes.folder();
    const ours = await startOurs(bench, data);
    const request = { kind: "batch", size } as const;
    await bench.load({
      port: ours.port,
      request,
      connections: 8,
      authorization: writeAuthorization,
      warmupSeconds: 0,
      answers: events / size,
    });
    await ours.child.stop();
    const perSecond = async (script: string, ...args: readonly string[]) =>
      ((await bench.processes.result(script, [data, ...args])) as { perSecond: number }).perSecond;
    const figures = await bench.interleave({
      loop: async () => {
        const folder = bench.processes.folder();
        const figure = await perSecond("bench/floors/replayLoop.ts", folder);
        bench.processes.removeFolder(folder);
        return figure;
      },
      rebuild: () => perSecond("bench/profile/rebuildLoop.ts"),
    });
    return [
      {
        id: "rebuild",
        work: "rebuild",
        floor: "loop: read, parse, fold, put",
        unit: "events/s",
        ours: figures.rebuild,
        floors: figures.loop,
        aim: { kind: "atLeast", value: 0.4 },
        note: `${events.toLocaleString("en-US")} events`,
      },
    ];
  },
};
