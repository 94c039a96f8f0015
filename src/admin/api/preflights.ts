/** The preflight that was begun from the page: one at a time, kept until the next one. */
import type { CallOperation } from "../operation.ts";
import type { PreflightJobAnswer } from "./contentWire.ts";

/** Whoever began it may leave the page; it goes on. */
const neverAborted = new AbortController().signal;

interface Chosen {
  readonly block: string;
  readonly namespace: "live" | "test";
  readonly segment: string | null;
}

export class Preflights {
  #job: PreflightJobAnswer | null = null;

  get current(): PreflightJobAnswer | null {
    return this.#job;
  }

  /** Begins one unless one is under way; tells the one that is. */
  begin({ block, namespace, segment }: Chosen, call: CallOperation): PreflightJobAnswer {
    const running = this.#job;
    if (running !== null && running.report === null && running.problem === null) return running;
    const job = { block, segment, progress: 0, report: null, problem: null };
    this.#job = job;
    const progress = (share: number) => {
      this.#job = { ...job, progress: share };
    };
    call(
      "content.preflight",
      { block, namespace, segment, ids: null },
      { item: () => Promise.resolve(), progress, signal: neverAborted },
    ).then(
      (report) => {
        this.#job = {
          ...job,
          progress: 1,
          report,
          problem: report === null ? "There is no such block." : null,
        };
      },
      (error: unknown) => {
        this.#job = { ...job, problem: error instanceof Error ? error.message : String(error) };
      },
    );
    return job;
  }
}
