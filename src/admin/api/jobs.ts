/** Long work begun from the page: one at a time, with its progress, told until the next one begins. */
import type { Clock } from "../../lib/clock.ts";
import type { JobAnswer } from "./adminWire.ts";

/** How a piece of work ended. */
export interface JobEnd {
  readonly isGood: boolean;
  readonly sentence: string;
}

export class Jobs {
  readonly #clock: Clock;
  #job: JobAnswer | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The running job, or the last one. */
  get current(): JobAnswer | null {
    return this.#job;
  }

  /** Begins work unless some is under way; tells the one that is. `work` never stops by itself what it began. */
  begin(kind: JobAnswer["kind"], work: (progress: (share: number) => void) => Promise<JobEnd>): JobAnswer {
    const running = this.#job;
    if (running !== null && running.endedAt === null) return running;
    const job = { kind, startedAt: this.#now(), progress: 0, endedAt: null, sentence: null, isGood: null };
    this.#job = job;
    const progress = (share: number) => {
      if (this.#job?.endedAt === null) this.#job = { ...this.#job, progress: Math.min(1, share) };
    };
    work(progress).then(
      (end) => this.#end(job, end),
      (error: unknown) =>
        this.#end(job, { isGood: false, sentence: error instanceof Error ? error.message : String(error) }),
    );
    return job;
  }

  #end(job: JobAnswer, end: JobEnd): void {
    this.#job = { ...job, ...end, progress: 1, endedAt: this.#now() };
  }

  #now(): string {
    return new Date(this.#clock.nowMs()).toISOString();
  }
}
