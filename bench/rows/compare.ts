/**
 * The same requests to Fastify + PostgreSQL + Redis, as a team would build it; that stack does less, see docs. Beside
 * the speed, the CPU time that each side spends on an event or read, in all its processes: where other work shares
 * the machine, a stack of many processes gets more of it, and the speeds say little.
 */
import { startStack, type Service, type Stack } from "../compare/stack.ts";
import type { LoadRequest } from "../load/job.ts";
import { users } from "../load/payload.ts";
import type { Bench, ShortJob } from "../support/bench.ts";
import { cpuMs } from "../support/cpuTime.ts";
import { readAuthorization, startOurs, writeAuthorization } from "../support/ours.ts";
import type { Result, Row } from "../support/row.ts";
import { seedProfiles } from "../support/seed.ts";

const answerBytes = 2_048;
const floor = "Fastify + PostgreSQL + Redis";

interface Work {
  readonly id: string;
  readonly work: string;
  readonly unit: string;
  readonly aim: number;
  readonly load: {
    readonly request: LoadRequest;
    readonly connections: number;
    readonly authorization: string;
  };
  /** Events, or reads, in a request. */
  readonly size: number;
  /** Answers over which CPU time is counted. */
  readonly counted: number;
}

const works: readonly Work[] = [
  {
    id: "compare-single",
    work: "single POST /v1/track, 64 connections",
    unit: "/s",
    aim: 7,
    load: { request: { kind: "track" }, connections: 64, authorization: writeAuthorization },
    size: 1,
    counted: 5_000,
  },
  {
    id: "compare-batch",
    work: "/v1/batch of 100, 8 connections",
    unit: "events/s",
    aim: 3,
    load: { request: { kind: "batch", size: 100 }, connections: 8, authorization: writeAuthorization },
    size: 100,
    counted: 200,
  },
  {
    id: "compare-get",
    work: "GET profile, 2 KB",
    unit: "/s",
    aim: 4,
    load: {
      request: { kind: "profile", conditional: false },
      connections: 64,
      authorization: readAuthorization,
    },
    size: 1,
    counted: 20_000,
  },
];

export const compare: Row = {
  name: "compare",
  when: "compare",
  run: async (bench) => {
    using stack = await startStack(bench);
    bench.say(`  ${stack.line}`);
    const ours = await startOurs(bench);
    const results: Result[] = [];
    for (const work of works) {
      if (work.load.request.kind === "profile") {
        for (const server of [...stack.services.slice(0, 1), ours])
          await seedProfiles(server, users, answerBytes);
      }
      const service = await faster(bench, stack, work);
      const figures = await bench.interleave({
        stack: () => perSecond(bench, work, service.port),
        ours: () => perSecond(bench, work, ours.port),
        stackCpu: () => cpuUs(bench, work, service.port, stack.pids),
        oursCpu: () => cpuUs(bench, work, ours.port, [ours.child.pid]),
      });
      results.push(...resultsOf(work, figures, service, stack));
    }
    return results;
  },
};

type Figures = Readonly<Record<"stack" | "ours" | "stackCpu" | "oursCpu", readonly number[]>>;

function resultsOf(work: Work, figures: Figures, service: Service, stack: Stack): Result[] {
  return [
    {
      id: work.id,
      work: work.work,
      floor,
      unit: work.unit,
      ours: figures.ours,
      floors: figures.stack,
      aim: { kind: "atLeast", value: work.aim },
      note: `${stack.line}; Node processes: ${service.processes}, the faster of 1 and 2`,
    },
    {
      id: `${work.id}-cpu`,
      work: `the same, CPU time each, all processes of the server`,
      floor,
      unit: "µs",
      ours: figures.oursCpu,
      floors: figures.stackCpu,
      aim: null,
      note: "",
    },
  ];
}

async function perSecond(bench: Bench, { load, size }: Work, port: number): Promise<number> {
  return (await bench.load({ ...load, port })).perSecond * size;
}

/** CPU time of the server's processes for each event or read, microseconds. */
async function cpuUs(bench: Bench, work: Work, port: number, pids: readonly number[]): Promise<number> {
  const job: ShortJob = { ...work.load, port, warmupSeconds: 0, answers: work.counted };
  const beforeMs = cpuMs(pids);
  const { answers } = await bench.load(job);
  return ((cpuMs(pids) - beforeMs) * 1_000) / (answers * work.size);
}

/** The number of Node processes that does this work faster here; each is tried twice, in turn. */
async function faster(bench: Bench, stack: Stack, work: Work): Promise<Service> {
  const sums = new Map<Service, number>();
  for (const service of [...stack.services, ...stack.services])
    sums.set(service, (sums.get(service) ?? 0) + (await perSecond(bench, work, service.port)));
  const [best] = [...sums].sort(([, left], [, right]) => right - left);
  if (best === undefined) throw new Error("the stack has no service");
  bench.say(`  ${work.id}: the stack is faster with ${best[0].processes} Node process(es)`);
  return best[0];
}
