/** The same requests to Fastify + PostgreSQL + Redis, as a team would build it. That stack does less; see its files. */
import { startStack, type Service, type Stack } from "../compare/stack.ts";
import { users } from "../load/payload.ts";
import type { Bench } from "../support/bench.ts";
import { readAuthorization, startOurs, writeAuthorization } from "../support/ours.ts";
import type { Row } from "../support/row.ts";
import { seedProfiles } from "../support/seed.ts";

const batchSize = 100;
const answerBytes = 2_048;

interface Work {
  readonly id: string;
  readonly work: string;
  readonly unit: string;
  readonly aim: number;
  readonly perSecond: (bench: Bench, port: number) => Promise<number>;
}

const works: readonly Work[] = [
  {
    id: "compare-single",
    work: "single POST /v1/track, 64 connections",
    unit: "/s",
    aim: 7,
    perSecond: async (bench, port) =>
      (
        await bench.load({
          port,
          request: { kind: "track" },
          connections: 64,
          authorization: writeAuthorization,
        })
      ).perSecond,
  },
  {
    id: "compare-batch",
    work: "/v1/batch of 100, 8 connections",
    unit: "events/s",
    aim: 3,
    perSecond: async (bench, port) =>
      (
        await bench.load({
          port,
          request: { kind: "batch", size: batchSize },
          connections: 8,
          authorization: writeAuthorization,
        })
      ).perSecond * batchSize,
  },
  {
    id: "compare-get",
    work: "GET profile, 2 KB",
    unit: "/s",
    aim: 4,
    perSecond: async (bench, port) =>
      (
        await bench.load({
          port,
          request: { kind: "profile", conditional: false },
          connections: 64,
          authorization: readAuthorization,
        })
      ).perSecond,
  },
];

export const compare: Row = {
  name: "compare",
  when: "compare",
  run: async (bench) => {
    using stack = await startStack(bench);
    bench.say(`  ${stack.line}`);
    const ours = await startOurs(bench);
    const [first] = stack.services;
    if (first !== undefined) await seedProfiles(first, users, answerBytes);
    await seedProfiles(ours, users, answerBytes);
    const results = [];
    for (const { perSecond, aim, ...work } of works) {
      const service = await faster(bench, stack, perSecond);
      const figures = await bench.interleave({
        stack: () => perSecond(bench, service.port),
        ours: () => perSecond(bench, ours.port),
      });
      results.push({
        ...work,
        floor: "Fastify + PostgreSQL + Redis",
        ours: figures.ours,
        floors: figures.stack,
        aim: { kind: "atLeast", value: aim } as const,
        note: `${stack.line}; Node processes: ${service.processes}, the faster of 1 and 2`,
      });
    }
    return results;
  },
};

/** The number of Node processes that does this work faster here; each is tried twice, in turn. */
async function faster(bench: Bench, stack: Stack, perSecond: Work["perSecond"]): Promise<Service> {
  const sums = new Map<Service, number>();
  for (const service of [...stack.services, ...stack.services])
    sums.set(service, (sums.get(service) ?? 0) + (await perSecond(bench, service.port)));
  const [best] = [...sums].sort(([, left], [, right]) => right - left);
  if (best === undefined) throw new Error("the stack has no service");
  bench.say(`  the stack is faster with ${best[0].processes} Node process(es)`);
  return best[0];
}
