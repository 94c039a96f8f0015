/** What every row is given: the run's options, its processes, the load client. */
import type { LoadJob, LoadReport } from "../load/job.ts";
import { users } from "../load/payload.ts";
import type { Processes } from "./processes.ts";

export interface BenchOptions {
  readonly pairs: number;
  /** Measured seconds of each load. */
  readonly seconds: number;
}

/** A job with what most of them share left out. */
export type ShortJob = Pick<LoadJob, "port" | "request" | "connections"> & Partial<LoadJob>;

export class Bench {
  readonly options: BenchOptions;
  readonly processes: Processes;
  readonly #say: (line: string) => void;
  #seed = Math.floor(Bun.nanoseconds() % 1_000_000);

  constructor(options: BenchOptions, processes: Processes, say: (line: string) => void) {
    this.options = options;
    this.processes = processes;
    this.#say = say;
  }

  /** A line for whoever is watching. */
  say(line: string): void {
    this.#say(line);
  }

  /** Runs the load client once. Throws if a single answer was not a success. */
  async load(short: ShortJob): Promise<LoadReport> {
    this.#seed += 1;
    const job: LoadJob = {
      ratePerSecond: null,
      warmupSeconds: 1,
      seconds: this.options.seconds,
      answers: null,
      users,
      authorization: null,
      feed: null,
      seed: this.#seed,
      ...short,
    };
    return (await this.processes.result("bench/load.ts", [JSON.stringify(job)])) as LoadReport;
  }

  /** Interleaved measurements: one of each in turn, `pairs` times; returns the figures of each. */
  async interleave<Name extends string>(
    sides: Readonly<Record<Name, () => Promise<number>>>,
    pairs = this.options.pairs,
  ): Promise<Record<Name, number[]>> {
    const names = Object.keys(sides) as Name[];
    const figures = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
    for (let pair = 1; pair <= pairs; pair += 1) {
      for (const name of names) {
        const figure = await sides[name]();
        figures[name].push(figure);
        this.#say(`  pair ${pair} of ${pairs}, ${name}: ${figure.toPrecision(4)}`);
      }
    }
    return figures;
  }
}
