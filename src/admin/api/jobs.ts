/** Long work begun from the page: one at a time, with its progress, told until the next one begins. */
import type { Clock } from "../../lib/clock.ts";
import { OperationFailed } from "../operation.ts";
import type { JobAnswer } from "./adminWire.ts";

/** How a piece of work ended. */
export interface JobEnd<Result = null> {
  readonly isGood: boolean;
  readonly sentence: string;
  readonly result?: Result;
}

export class Jobs<Kind extends string = "backup" | "verify", Result = null> {
  readonly #clock: Clock;
  readonly #onBroken: (error: unknown) => void;
  #job: JobAnswer<Kind, Result> | null = null;

  /** `onBroken` hears of what is our fault, which whoever looks at the page is not told. */
  constructor(clock: Clock, onBroken: (error: unknown) => void) {
    this.#clock = clock;
    this.#onBroken = onBroken;
  }

  /** The running job, or the last one. */
  get current(): JobAnswer<Kind, Result> | null {
    return this.#job;
  }

  /** True while something is under way. */
  get isBusy(): boolean {
    return this.#job !== null && this.#job.endedAt === null;
  }

  /** Begins work unless some is under way; tells the one that is. `work` never stops by itself what it began. */
  begin(
    kind: Kind,
    work: (progress: (share: number) => void) => Promise<JobEnd<Result>>,
  ): JobAnswer<Kind, Result> {
    const running = this.#job;
    if (running !== null && running.endedAt === null) return running;
    const job: JobAnswer<Kind, Result> = {
      kind,
      startedAt: this.#now(),
      progress: 0,
      endedAt: null,
      sentence: null,
      isGood: null,
      result: null,
    };
    this.#job = job;
    const progress = (share: number) => {
      if (this.#job?.endedAt === null) this.#job = { ...this.#job, progress: Math.min(1, share) };
    };
    work(progress).then(
      (end) => this.#end(job, end),
      (error: unknown) => this.#end(job, { isGood: false, sentence: this.#sentenceOf(error) }),
    );
    return job;
  }

  #sentenceOf(error: unknown): string {
    if (!(error instanceof OperationFailed)) this.#onBroken(error);
    return error instanceof Error ? error.message : String(error);
  }

  #end(job: JobAnswer<Kind, Result>, { result, ...end }: JobEnd<Result>): void {
    this.#job = { ...job, ...end, result: result ?? null, progress: 1, endedAt: this.#now() };
  }

  #now(): string {
    return new Date(this.#clock.nowMs()).toISOString();
  }
}
