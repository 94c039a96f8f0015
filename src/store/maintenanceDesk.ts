/** The main thread's end of the maintenance thread: one job at a time, the thread started for it and ended after. */
import type { PlanChecked } from "../model/planChecked.ts";
import type { AuditRan, AuditTallied } from "./audit/auditJob.ts";
import type { RuleChanges } from "./compareRules.ts";
import type { MaintenanceJob, Rebuilt } from "./maintenance.ts";
import type { VerifyReport } from "./verify.ts";

export type MaintenanceResult =
  Rebuilt | VerifyReport | RuleChanges | PlanChecked | AuditTallied | AuditRan | { readonly path: string };

/** What the maintenance thread says. */
export type FromMaintenance =
  | { readonly kind: "progress"; readonly share: number }
  | { readonly kind: "done"; readonly result: MaintenanceResult }
  /** `summary` says as much as may be logged; the message is for the operator who asked. */
  | { readonly kind: "failed"; readonly message: string; readonly summary: string };

/** The job could not be done. */
export class MaintenanceFailed extends Error {
  readonly summary: string;

  constructor(message: string, summary: string) {
    super(message);
    this.summary = summary;
  }
}

export class MaintenanceDesk {
  readonly #start: () => Worker;
  #last: Promise<unknown> = Promise.resolve();
  #running: Worker | null = null;
  #closed = false;

  constructor(start: () => Worker) {
    this.#start = start;
  }

  /** Runs a job after those asked for before. Rejects with a sentence if it can't be done. */
  run(job: MaintenanceJob, onProgress: (share: number) => void): Promise<MaintenanceResult> {
    const turn = this.#last.then(() => this.#runNow(job, onProgress));
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Ends the running job; what it made so far is swept at the next start. */
  close(): void {
    this.#closed = true;
    this.#running?.terminate();
  }

  #runNow(job: MaintenanceJob, onProgress: (share: number) => void): Promise<MaintenanceResult> {
    if (this.#closed) return Promise.reject(new Error("the server is shutting down"));
    const worker = this.#start();
    this.#running = worker;
    return new Promise<MaintenanceResult>((resolve, reject) => {
      worker.onmessage = (event: MessageEvent<FromMaintenance>) => {
        const message = event.data;
        if (message.kind === "progress") onProgress(message.share);
        else if (message.kind === "done") resolve(message.result);
        else reject(new MaintenanceFailed(message.message, message.summary));
      };
      worker.onerror = (event) => reject(new Error(event.message));
      worker.addEventListener("close", () => reject(new Error("the maintenance thread ended")));
      worker.postMessage(job);
    }).finally(() => {
      this.#running = null;
      worker.terminate();
    });
  }
}
