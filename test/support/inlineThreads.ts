/**
 * The store's two threads run on the test's own thread: fast to start, and a test can look into them. Messages are
 * cloned and delivered on a later turn, as between real threads.
 */
import { judge, restore } from "../../src/ingest/judge.ts";
import type { Clock } from "../../src/lib/clock.ts";
import type { Timers } from "../../src/lib/timers.ts";
import type { CrashPoint } from "../../src/lib/crashPoint.ts";
import { errorText } from "../../src/lib/describeError.ts";
import { seededIds, type Ids } from "../../src/lib/id.ts";
import type { Judge, Restore } from "../../src/store/accept.ts";
import { runMaintenance, type MaintenanceJob } from "../../src/store/maintenance.ts";
import type { FromMaintenance } from "../../src/store/maintenanceDesk.ts";
import type { FromWriter, ToWriter } from "../../src/store/messages.ts";
import { WriterThread } from "../../src/store/writerThread.ts";
import { ManualTimers } from "./manualTimers.ts";

export interface InlineParts {
  readonly clock: Clock;
  /** What wakes the writer when something falls due; absent: nothing but its next work does. */
  readonly timers?: Timers;
  readonly ids?: Ids;
  readonly judge?: Judge;
  readonly restore?: Restore;
  /** Visited at every crash point. */
  readonly crash?: CrashPoint;
  /** Sees, and may hold up, every message of the writer. */
  readonly onWriterMessage?: (message: FromWriter) => void;
}

/** What the store uses of a Worker. */
class InlineWorker<In, Out> {
  onmessage: ((event: MessageEvent<Out>) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;
  #receive: (message: In) => void = () => {};
  #ended = false;

  listen(receive: (message: In) => void): void {
    this.#receive = receive;
  }

  say(message: Out): void {
    const copy = structuredClone(message);
    setImmediate(() => {
      if (!this.#ended) this.onmessage?.(new MessageEvent("message", { data: copy }));
    });
  }

  postMessage(message: In): void {
    const copy = structuredClone(message);
    setImmediate(() => {
      if (!this.#ended) this.#receive(copy);
    });
  }

  addEventListener(): void {}

  terminate(): void {
    this.#ended = true;
  }
}

/** A writer thread on this thread, to be given as `startWriter`. */
export function inlineWriter(parts: InlineParts): Worker {
  const worker = new InlineWorker<ToWriter, FromWriter>();
  const thread = new WriterThread({
    judge: parts.judge ?? judge,
    restore: parts.restore ?? restore,
    clock: parts.clock,
    timers: parts.timers ?? new ManualTimers(),
    ids: parts.ids ?? seededIds(1),
    ...(parts.crash === undefined ? {} : { crash: parts.crash }),
    post: (message) => {
      parts.onWriterMessage?.(message);
      worker.say(message);
    },
    schedule: (turn) => setImmediate(turn),
  });
  worker.listen((message) => thread.receive(message));
  return asWorker(worker);
}

/** A maintenance thread on this thread, to be given as `startMaintenance`. */
export function inlineMaintenance(parts: Pick<InlineParts, "restore">): Worker {
  const worker = new InlineWorker<MaintenanceJob, FromMaintenance>();
  worker.listen((job) => {
    const abort = new AbortController();
    const onProgress = (share: number) => worker.say({ kind: "progress", share });
    const deps = { restore: parts.restore ?? restore, onProgress, signal: abort.signal, breathe };
    runMaintenance(job, deps).then(
      (result) => worker.say({ kind: "done", result }),
      (error: unknown) =>
        worker.say({
          kind: "failed",
          message: error instanceof Error ? error.message : String(error),
          summary: errorText(error),
        }),
    );
  });
  return asWorker(worker);
}

/** Lets the others' turn come. */
function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function asWorker<In, Out>(worker: InlineWorker<In, Out>): Worker {
  return worker as unknown as Worker;
}
