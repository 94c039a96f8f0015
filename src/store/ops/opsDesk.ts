/**
 * The main thread's end of ops.db: the file is open on a thread of its own, so that no flush holds the event loop up.
 * The thread is started by the first request; a server that nobody administers has none.
 */
import type { WriteFailure } from "../sqlite.ts";
import type { AuditAct, AuditEntry, AuditLog, AuditOutcome } from "./audit.ts";

/** What is asked of the thread. */
export type OpsRequest =
  | { readonly kind: "open"; readonly path: string }
  | { readonly kind: "write"; readonly act: AuditAct; readonly outcome: AuditOutcome }
  | {
      readonly kind: "end";
      readonly entry: number;
      readonly outcome: AuditOutcome;
      readonly detail: unknown;
    }
  | {
      readonly kind: "page";
      readonly beforeId: number;
      readonly limit: number;
      readonly action: string | null;
    }
  | { readonly kind: "close" };

/** A request on its way; every one is answered. */
export interface OpsCall {
  readonly id: number;
  readonly request: OpsRequest;
}

/** What the thread answers; `id` is that of the call. */
export type OpsAnswer =
  | { readonly kind: "done"; readonly id: number; readonly value: unknown }
  | {
      readonly kind: "failed";
      readonly id: number;
      readonly failure: WriteFailure;
      readonly message: string;
    };

/** ops.db could not be written or read. */
export class OpsFailed extends Error {
  readonly failure: WriteFailure;

  constructor(failure: WriteFailure, message: string) {
    super(message);
    this.failure = failure;
  }
}

export interface OpsDeskOptions {
  /** Path of ops.db; the data folder's lock must be held. */
  readonly path: string;
  readonly start: () => Worker;
  /** The disk refused a flush: the process must end with exit code 74. */
  readonly onDiskFailed: (sentence: string) => void;
}

export class OpsDesk implements AuditLog {
  readonly #options: OpsDeskOptions;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #worker: Worker | null = null;
  #next = 1;
  #closed = false;

  constructor(options: OpsDeskOptions) {
    this.#options = options;
  }

  async write(act: AuditAct, outcome: AuditOutcome): Promise<number> {
    return (await this.#ask({ kind: "write", act, outcome })) as number;
  }

  async end(entry: number, outcome: AuditOutcome, detail: unknown): Promise<void> {
    await this.#ask({ kind: "end", entry, outcome, detail });
  }

  async page(beforeId: number | null, limit: number, action: string | null): Promise<readonly AuditEntry[]> {
    const before = beforeId ?? Number.MAX_SAFE_INTEGER;
    return (await this.#ask({ kind: "page", beforeId: before, limit, action })) as AuditEntry[];
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    // Every act is on disk already: a thread that is lost now loses nothing.
    if (this.#worker !== null) await this.#ask({ kind: "close" }).catch(() => {});
    this.#closed = true;
    this.#worker?.terminate();
  }

  #ask(request: OpsRequest): Promise<unknown> {
    if (this.#closed) return Promise.reject(new OpsFailed("other", "the server is shutting down"));
    const worker = this.#worker ?? this.#start();
    const id = this.#next;
    this.#next += 1;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    worker.postMessage({ id, request } satisfies OpsCall);
    return waiting.promise;
  }

  #start(): Worker {
    const worker = this.#options.start();
    this.#worker = worker;
    worker.onmessage = (event: MessageEvent<OpsAnswer>) => this.#receive(event.data);
    worker.onerror = (event) => {
      // A late word of a thread that is gone already must not cost the next one.
      if (this.#worker === worker) this.#lose(event.message);
    };
    // Nobody waits for this answer: the first request that needs the file tells what is wrong with it.
    worker.postMessage({ id: 0, request: { kind: "open", path: this.#options.path } } satisfies OpsCall);
    return worker;
  }

  #receive(answer: OpsAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.kind === "done") {
      waiting?.resolve(answer.value);
      return;
    }
    if (answer.failure === "io") this.#options.onDiskFailed(answer.message);
    waiting?.reject(new OpsFailed(answer.failure, answer.message));
  }

  /** The thread is gone: whoever waits is told, and the next request starts another one. */
  #lose(why: string): void {
    this.#worker?.terminate();
    this.#worker = null;
    for (const waiting of this.#waiting.values()) waiting.reject(new OpsFailed("other", why));
    this.#waiting.clear();
  }
}
