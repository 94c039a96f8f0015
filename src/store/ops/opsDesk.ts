/**
 * The main thread's end of ops.db: the file is open on a thread of its own, so that no flush holds the event loop up.
 * The thread is started by the first request; a server that nobody administers has none.
 */
import type { WriteFailure } from "../sqlite.ts";
import type { CallAnswer, CallArguments, CallName, RoomCall, RoomName } from "./opsRooms.ts";

/** What is asked of the thread. */
export type OpsRequest =
  | { readonly kind: "open"; readonly path: string }
  | ({ readonly kind: "ask" } & RoomCall)
  /** The same with its arguments as JSON, to be answered so. */
  | ({ readonly kind: "askInText" } & Omit<RoomCall, "args"> & { readonly args: string })
  | { readonly kind: "close" };

/** A request on its way; every one is answered. */
export interface OpsCall {
  readonly id: number;
  readonly request: OpsRequest;
}

/** What the thread answers; `id` is that of the call. */
export type OpsAnswer =
  | { readonly kind: "done"; readonly id: number; readonly value: unknown }
  /** `value` as JSON; undefined where the call gave nothing. */
  | { readonly kind: "doneInText"; readonly id: number; readonly value: string | undefined }
  | {
      readonly kind: "failed";
      readonly id: number;
      readonly failure: WriteFailure;
      readonly message: string;
    };

/**
 * Rooms that are asked with hundreds of rows at once, all of them JSON: as a text they cross the border for a third of
 * what it costs to copy them property by property.
 */
const inText: ReadonlySet<RoomName> = new Set(["deliveries"]);

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

export class OpsDesk {
  readonly #options: OpsDeskOptions;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #worker: Worker | null = null;
  #next = 1;
  #closed = false;

  constructor(options: OpsDeskOptions) {
    this.#options = options;
  }

  /**
   * Asks a room; what the call wrote is on disk when this resolves. Calls are answered in the order they were made.
   * Rejects with OpsFailed when ops.db can't be read or written.
   */
  async ask<Room extends RoomName, Name extends CallName<Room>>(
    room: Room,
    name: Name,
    ...args: CallArguments<Room, Name>
  ): Promise<CallAnswer<Room, Name>> {
    const request: OpsRequest = inText.has(room)
      ? { kind: "askInText", room, name, args: JSON.stringify(args) }
      : { kind: "ask", room, name, args };
    return (await this.#send(request)) as CallAnswer<Room, Name>;
  }

  /** Lets what is under way end, then closes the file. */
  async close(): Promise<void> {
    if (this.#closed) return;
    // What was answered is on disk already: a thread that is lost now loses nothing.
    if (this.#worker !== null) await this.#send({ kind: "close" }).catch(() => {});
    this.#closed = true;
    this.#worker?.terminate();
  }

  #send(request: OpsRequest): Promise<unknown> {
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
    if (answer.kind === "doneInText") {
      waiting?.resolve(answer.value === undefined ? undefined : JSON.parse(answer.value));
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
