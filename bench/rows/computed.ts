/**
 * What computed traits cost: the fold against the least that any keeping costs, events with the e-commerce pack against
 * the same without, reads of 30 computed traits against a no-op, and (long) a million profiles against ten thousand.
 */
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { users } from "../load/payload.ts";
import type { Bench } from "../support/bench.ts";
import { startFloor } from "../support/floorServer.ts";
import { readAuthorization, startOurs, writeAuthorization, type Ours } from "../support/ours.ts";
import type { Result, Row } from "../support/row.ts";
import { seedProfiles } from "../support/seed.ts";

const pack = "version: 1\nuse: [{ ecommerce: { currency: EUR } }]\n";
const connections = 64;
const size = 100;

/** The pack's nine, and 21 windows of sums, counts and extremes. */
function thirtyTraits(): string {
  const kinds = ["count", "sum, property: price", "max, property: price"];
  const lines = Array.from(
    { length: 21 },
    (_, at) => `  t${at}: { aggregate: ${kinds[at % 3]}, event: Product Viewed, window: ${at + 1}d }`,
  );
  return `${pack}computedTraits:\n${lines.join("\n")}\n`;
}

/** The flags for a server with a freshet.yaml of this text. */
function configured(bench: Bench, text: string): readonly string[] {
  const folder = bench.processes.folder();
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "freshet.yaml");
  writeFileSync(path, text);
  return ["--config", path];
}

export const computed: Row = {
  name: "computed",
  when: "always",
  run: async (bench) => [await foldResult(bench), ...(await eventResults(bench)), await readResult(bench)],
};

async function foldResult(bench: Bench): Promise<Result> {
  const ours: number[] = [];
  const floors: number[] = [];
  for (let pair = 0; pair < bench.options.pairs; pair += 1) {
    const folder = bench.processes.folder();
    const told = await bench.processes.result("bench/floors/foldLoop.ts", [folder, "12"]);
    bench.processes.removeFolder(folder);
    const { foldNs, floorNs } = told as { readonly foldNs: number; readonly floorNs: number };
    ours.push(foldNs / 1_000);
    floors.push(floorNs / 1_000);
  }
  return {
    id: "computed-fold",
    work: "fold of shop events with the e-commerce pack, CPU time each",
    floor: "JSON.parse, LMDB get and put of the same bytes",
    unit: "µs",
    ours,
    floors,
    aim: { kind: "atMost", value: 2.5 },
    note: "seven views, two additions to the cart and an order in ten events; up to 30 events a profile",
  };
}

async function eventResults(bench: Bench): Promise<Result[]> {
  const without = await startOurs(bench);
  const withPack = await startOurs(bench, undefined, configured(bench, pack));
  const single = async ({ port }: Ours) =>
    (await bench.load({ port, request: { kind: "track" }, connections, authorization: writeAuthorization }))
      .perSecond;
  const batch = async ({ port }: Ours) => {
    const job = {
      port,
      request: { kind: "batch", size },
      connections: 8,
      authorization: writeAuthorization,
    } as const;
    return (await bench.load(job)).perSecond * size;
  };
  const figures = await bench.interleave({
    single: () => single(without),
    singlePack: () => single(withPack),
    batch: () => batch(without),
    batchPack: () => batch(withPack),
  });
  const common = {
    floor: "the same without computed traits",
    aim: { kind: "atLeast", value: 0.75 },
    note: "",
  } as const;
  return [
    {
      ...common,
      id: "computed-single",
      work: `single POST /v1/track, ${connections} connections, e-commerce pack`,
      unit: "/s",
      ours: figures.singlePack,
      floors: figures.single,
    },
    {
      ...common,
      id: "computed-batch",
      work: `/v1/batch of ${size}, 8 connections, e-commerce pack`,
      unit: "events/s",
      ours: figures.batchPack,
      floors: figures.batch,
    },
  ];
}

async function readResult(bench: Bench): Promise<Result> {
  const noop = await startFloor(bench, "noop");
  const ours = await startOurs(bench, undefined, configured(bench, thirtyTraits()));
  // Whom no event happens to fall on must be there too.
  await seedProfiles(ours, users, 1_000);
  await fill(bench, ours, users, 10 * users);
  const figures = await bench.interleave({
    noop: async () =>
      (await bench.load({ port: noop.port, request: { kind: "get", path: "/2kb" }, connections })).perSecond,
    read: async () =>
      (
        await bench.load({
          port: ours.port,
          request: { kind: "profile", conditional: false },
          connections,
          authorization: readAuthorization,
        })
      ).perSecond,
  });
  return {
    id: "computed-get",
    work: "GET profile with 30 computed traits over about ten events",
    floor: "no-op Elysia GET of 2 KB",
    unit: "/s",
    ours: figures.read,
    floors: figures.noop,
    aim: { kind: "atLeast", value: 0.5 },
    note: `${users} profiles at random`,
  };
}

async function fill(bench: Bench, { port }: Ours, profiles: number, events: number): Promise<void> {
  await bench.load({
    port,
    request: { kind: "batch", size },
    connections: 8,
    authorization: writeAuthorization,
    users: profiles,
    warmupSeconds: 0,
    answers: Math.ceil(events / size),
  });
}

const few = 10_000;
/** As many userIds as the load client tells apart. */
const many = 999_999;

export const computedMany: Row = {
  name: "computed-many",
  when: "long",
  run: async (bench) => {
    const small = await startOurs(bench, undefined, configured(bench, pack));
    const large = await startOurs(bench, undefined, configured(bench, pack));
    await fill(bench, small, few, few * 3);
    await fill(bench, large, many, many * 3);
    const p99 = async ({ port }: Ours, profiles: number) =>
      (
        await bench.load({
          port,
          request: { kind: "profile", conditional: false },
          connections,
          authorization: readAuthorization,
          users: profiles,
          ratePerSecond: 1_000,
        })
      ).latency.p99Ms;
    const figures = await bench.interleave({ few: () => p99(small, few), many: () => p99(large, many) });
    const reported = { floor: null, floors: null, aim: null, note: "" } as const;
    return [
      {
        id: "computed-many-p99",
        work: "GET profile p99, open loop 1,000/s, a million profiles with the e-commerce pack",
        floor: "ten thousand profiles",
        unit: "ms",
        ours: figures.many,
        floors: figures.few,
        aim: { kind: "atMost", value: 1.5 },
        note: "three events a profile, on average",
      },
      {
        ...reported,
        id: "computed-many-bytes",
        work: "LMDB bytes each, a million profiles",
        unit: "bytes",
        ours: [await lmdbBytes(large.folder, many)],
      },
      {
        ...reported,
        id: "computed-many-rss",
        work: "RSS of the server then",
        unit: "MB",
        ours: [rssMb(large.child.pid)],
      },
    ];
  },
};

async function lmdbBytes(folder: string, profiles: number): Promise<number> {
  let bytes = 0;
  for await (const path of new Bun.Glob("profiles-*/**").scan({ cwd: folder, absolute: true }))
    // The file is mapped larger than it is: what counts is the room that it takes on the disk.
    if (!path.endsWith("lock.mdb")) bytes += statSync(path).blocks * 512;
  return bytes / profiles;
}

function rssMb(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(match?.[1] ?? Number.NaN) / 1_024;
}
