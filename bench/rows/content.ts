/** Content at send time, while events come in: a block with a cart of four items, asked for again, in a burst, and by the hundred. */
import { users } from "../load/payload.ts";
import type { Bench } from "../support/bench.ts";
import { contentFlags, contentPath as path, seedCarts } from "../support/carts.ts";
import { startFloor } from "../support/floorServer.ts";
import { readAuthorization, startOurs, writeAuthorization, type Ours } from "../support/ours.ts";
import type { Result, Row } from "../support/row.ts";

const connections = 64;
const burstConnections = 256;
const unique = 50_000;
const manySize = 100;
const events = { request: { kind: "batch", size: 100 }, connections: 8 } as const;

export const content: Row = {
  name: "content",
  when: "always",
  run: async (bench) => {
    const ours = await startOurs(bench, undefined, contentFlags(bench));
    await seedCarts(ours, unique);
    const perSecond = (await bench.load({ ...eventLoad(ours) })).perSecond / 4;
    bench.say(`  events beside: ${Math.round(perSecond * 100)} a second, a quarter of the maximum`);
    const beside = (work: () => Promise<number>) => besideEvents(bench, ours, perSecond, work);
    const template = await startFloor(bench, "template");
    const noop = await startFloor(bench, "noop");
    const rate = async (port: number, request: Parameters<Bench["load"]>[0]["request"]) =>
      (await bench.load({ port, request, connections, authorization: readAuthorization })).perSecond;
    const one = { kind: "profile", conditional: false, path } as const;
    const figures = await bench.interleave({
      template: () => beside(() => rate(template.port, { kind: "get", path: "/content" })),
      block: () => beside(() => rate(ours.port, one)),
      noop: () => beside(() => rate(noop.port, { kind: "get", path: "/2kb" })),
      again: () => beside(() => rate(ours.port, { ...one, conditional: true })),
      many: () =>
        beside(
          async () =>
            (await rate(ours.port, { kind: "many", path: "/v1/content/cart", size: manySize })) * manySize,
        ),
      burst: () => beside(() => burstP99(bench, ours)),
    });
    return results(figures, perSecond);
  },
};

function results(
  figures: Record<"template" | "block" | "noop" | "again" | "many" | "burst", number[]>,
  eventRate: number,
): Result[] {
  const note = `${Math.round(eventRate * 100)} events/s beside`;
  return [
    {
      id: "content",
      work: "GET a block with a cart of four items",
      floor: "Elysia handler that renders the same template from a constant",
      unit: "/s",
      ours: figures.block,
      floors: figures.template,
      aim: { kind: "atLeast", value: 0.7 },
      note,
    },
    {
      id: "content-304",
      work: "the same with If-None-Match: 304",
      floor: "no-op Elysia GET of 2 KB",
      unit: "/s",
      ours: figures.again,
      floors: figures.noop,
      aim: { kind: "atLeast", value: 0.8 },
      note: "",
    },
    {
      id: "content-burst",
      work: `p99 of ${unique.toLocaleString("en-US")} unique recipients over ${burstConnections} connections`,
      floor: null,
      unit: "ms",
      ours: figures.burst,
      floors: null,
      aim: { kind: "atMost", value: 100 },
      note: "any answer but 200 fails the row",
    },
    {
      id: "content-many",
      work: `recipients a second by POST of ${manySize} ids`,
      floor: "by single GETs",
      unit: "/s",
      ours: figures.many,
      floors: figures.block,
      aim: { kind: "atLeast", value: 3 },
      note: "",
    },
  ];
}

function eventLoad({ port }: Ours) {
  return { ...events, port, authorization: writeAuthorization, users } as const;
}

/** Measures while events come in at that rate; they begin before and end after. */
async function besideEvents(
  bench: Bench,
  ours: Ours,
  ratePerSecond: number,
  work: () => Promise<number>,
): Promise<number> {
  // Events give way where content presses; that is what is meant to happen.
  const pressure = bench.load({
    ...eventLoad(ours),
    ratePerSecond,
    mayBeRefused: true,
    seconds: bench.options.seconds + 2,
  });
  const [figure] = await Promise.all([work(), pressure]);
  return figure;
}

async function burstP99(bench: Bench, { port }: Ours): Promise<number> {
  const report = await bench.load({
    port,
    request: { kind: "profile", conditional: false, path, unique: true },
    connections: burstConnections,
    authorization: readAuthorization,
    users: unique,
    warmupSeconds: 0,
    answers: unique,
  });
  return report.latency.p99Ms;
}
