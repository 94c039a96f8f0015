/** Single events, closed loop: against a bare durable server and against one that does nothing. */
import { startFloor } from "../support/floorServer.ts";
import { startOurs, writeAuthorization } from "../support/ours.ts";
import type { Result, Row } from "../support/row.ts";

const request = { kind: "track" } as const;

export const single: Row = {
  name: "single",
  when: "always",
  run: async (bench) => {
    const durable = await startFloor(bench, "durable");
    const noop = await startFloor(bench, "noop");
    const ours = await startOurs(bench);
    const results: Result[] = [];
    for (const connections of [64, 256]) {
      const perSecond = async (port: number) =>
        (await bench.load({ port, request, connections, authorization: writeAuthorization })).perSecond;
      const figures = await bench.interleave({
        durable: () => perSecond(durable.port),
        ours: () => perSecond(ours.port),
        noop: () => perSecond(noop.port),
      });
      const work = `single POST /v1/track, ${connections} connections`;
      const common = { unit: "/s", ours: figures.ours, note: "" };
      results.push(
        {
          ...common,
          id: `single-${connections}`,
          work,
          floor: "bare durable server",
          floors: figures.durable,
          aim: { kind: "atLeast", value: 0.8 },
        },
        {
          ...common,
          id: `single-${connections}-noop`,
          work,
          floor: "no-op Elysia POST",
          floors: figures.noop,
          aim: { kind: "atLeast", value: 0.5 },
        },
      );
    }
    return results;
  },
};
