/** From sending an event to reading its change on the feed, against the bare durable server's answer. */
import type { Bench } from "../support/bench.ts";
import { startFloor } from "../support/floorServer.ts";
import { readAuthorization, startOurs, writeAuthorization } from "../support/ours.ts";
import type { Row } from "../support/row.ts";

const ratePerSecond = 2_000;
const load = {
  request: { kind: "track" },
  connections: 64,
  authorization: writeAuthorization,
  ratePerSecond,
} as const;

export const freshness: Row = {
  name: "freshness",
  when: "always",
  run: async (bench) => {
    const durable = await startFloor(bench, "durable");
    const ours = await startOurs(bench);
    const figures = await bench.interleave({
      durable: async () => (await bench.load({ ...load, port: durable.port })).latency.p99Ms,
      ours: () => feedP99(bench, ours.port),
    });
    return [
      {
        id: "freshness",
        work: `event sent → SSE frame read, p99 at ${ratePerSecond.toLocaleString("en-US")} events/s`,
        floor: "p99 of the bare durable server's answer",
        unit: "ms",
        ours: figures.ours,
        floors: figures.durable,
        aim: { kind: "atMost", value: 3 },
        note: "",
      },
    ];
  },
};

/** From due time to frame. Throws when the feed left out more than what can be under way at the end. */
async function feedP99(bench: Bench, port: number): Promise<number> {
  const feed = { path: "/v1/feed", authorization: readAuthorization };
  const { answers, latency } = await bench.load({ ...load, port, feed });
  if (latency.count < answers * 0.95) throw new Error(`${answers} answers, but ${latency.count} frames`);
  return latency.p99Ms;
}
