/**
 * One stream of events (POST /v1/stream): lines in, answers out, both at the pace of whoever is slower.
 *
 *   reading: whole lines are gathered while the lines before them are on their way to disk
 *   submitting: they go to the writer as one frame; overload and a browser's rate make them wait here, not fail
 *   answering: an answer a line, in order; the next lines are taken only once the client has room for answers
 *
 * So at most one frame and one chunk of a stream are held, however much its client sends and however little it reads.
 *
 *   ended by us: the last line is out; of a client that is behind, what it still sends is read and thrown away until it
 *   has seen that line and ends, or some time has passed. Closing a connection that holds unread bytes resets it, and a
 *   reset takes answers away that are still on their way.
 */
import { errorBody, eventError, Refusal, type EventError } from "../errors.ts";
import type { Timers } from "../lib/timers.ts";
import type { Accept, Answer, Frame } from "../store/accept.ts";
import { maxEventBytes } from "./limits.ts";
import { packLines } from "./lines.ts";
import { LineSplitter, type Line } from "./lineSplitter.ts";
import type { EventStreams, OpenStream } from "./streams.ts";

/** What a stream needs of its surroundings. */
export interface EventStreamDeps {
  readonly accept: Accept;
  readonly streams: EventStreams;
  readonly timers: Timers;
  readonly nowMs: () => number;
  readonly requestId: () => string;
  /** Who sends, asked anew for each frame, since a key can be revoked. Throws Refusal. */
  readonly origin: () => Pick<Frame, "source" | "namespace" | "trusted">;
  /** Pays for so many events; how long to wait before they may be sent. */
  readonly charge: (events: number) => void;
  readonly waitMs: () => number;
}

/** The reader of a request's body. */
interface BodyChunks {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** Lines and bytes that go to the writer at once. */
const maxFrameLines = 512;
const maxFrameBytes = 256 * 1024;
/** A stream that brought nothing for so many heartbeats is ended. */
const idleTicks = 30;
/** A client has so long to see why its stream ends. */
const farewellMs = 1_000;

const encoder = new TextEncoder();

export class EventStream implements OpenStream {
  readonly #deps: EventStreamDeps;
  readonly #body: BodyChunks | null;
  readonly #splitter = new LineSplitter(maxEventBytes);
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #isReading = false;
  #isPulling = false;
  /** The client has sent all that it wanted. */
  #isOver: boolean;
  #stopped: Refusal | null = null;
  /** Ends the wait that the stream is in. */
  #wake: (() => void) | null = null;
  #index = 0;
  #quietTicks = 0;

  constructor(body: ReadableStream<Uint8Array> | null, deps: EventStreamDeps) {
    this.#deps = deps;
    this.#body = body?.getReader() ?? null;
    this.#isOver = body === null;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    this.#deps.streams.join(this);
    // A blank line at once, since the answer's head goes out with its first byte, and clients may wait for that.
    this.#send("\n");
  }

  /** Called when the client has room for answers. */
  async pull(): Promise<void> {
    this.#isPulling = true;
    await this.#answerNext();
    this.#isPulling = false;
  }

  async #answerNext(): Promise<void> {
    const lines = await this.#nextLines();
    if (lines.length === 0) {
      this.#finish();
      return;
    }
    // The next lines come in while these go to disk.
    this.#read();
    const answer = await this.#submit(lines);
    if (answer === null) this.#finish();
    else this.#send(answerText(lines, answer));
  }

  /** The client went away. */
  cancel(): void {
    this.#controller = null;
    this.#stopped ??= new Refusal("invalid_request");
    this.#leave(Promise.resolve());
    this.#hangUp();
  }

  stop(reason: Refusal): void {
    this.#stopped ??= reason;
    // A client that does not read its answers is not asked for room any more.
    if (this.#isPulling) this.#awake();
    else this.#finish();
  }

  tick(): void {
    this.#quietTicks += 1;
    if (this.#quietTicks > idleTicks)
      this.stop(new Refusal("invalid_request", { detail: "No line came for too long." }));
    // Blank lines keep the connection, and whatever stands in between, from taking the silence for death.
    else if ((this.#controller?.desiredSize ?? 0) > 0) this.#send("\n");
  }

  async #nextLines(): Promise<Line[]> {
    while (this.#stopped === null) {
      const lines = this.#splitter.take(maxFrameLines, maxFrameBytes);
      if (lines.length > 0 || this.#isOver) return lines;
      this.#read();
      await this.#wait();
    }
    return [];
  }

  /** Asks for the next chunk unless enough lines wait already. */
  #read(): void {
    if (this.#body === null || this.#isReading || this.#isOver || this.#splitter.waiting > 0) return;
    this.#isReading = true;
    this.#body.read().then(
      ({ done, value }) => {
        this.#isReading = false;
        if (value !== undefined) this.#splitter.push(value);
        if (done) this.#end();
        this.#quietTicks = 0;
        this.#awake();
      },
      (error: unknown) => {
        this.stop(error instanceof Refusal ? error : new Refusal("invalid_request"));
      },
    );
  }

  #end(): void {
    this.#isOver = true;
    this.#splitter.end();
  }

  /** The writer's answer; null if the stream was stopped instead. */
  async #submit(lines: readonly Line[]): Promise<Exclude<Answer, { kind: "unavailable" }> | null> {
    const { accept, charge, waitMs, nowMs } = this.#deps;
    const texts = lines.map(({ text }) => text);
    const body = packLines({ first: this.#index, texts, lastEventId: null });
    const receivedAtMs = nowMs();
    this.#index += lines.length;
    for (;;) {
      const origin = this.#origin();
      if (origin === null) return null;
      const pauseMs = waitMs();
      if (pauseMs === 0) {
        const answer = await accept.submit({ ...origin, call: "stream", lane: "live", receivedAtMs, body });
        if (answer.kind !== "unavailable") {
          charge(lines.length);
          return answer;
        }
        const { code, retryAfterSeconds } = answer;
        if (code === "overloaded") await this.#pause(retryAfterSeconds * 1_000);
        else this.stop(new Refusal(code, { retryAfterSeconds }));
      } else await this.#pause(pauseMs);
    }
  }

  /** Null once the stream is stopped, or its key is no longer in force. */
  #origin(): Pick<Frame, "source" | "namespace" | "trusted"> | null {
    if (this.#stopped !== null) return null;
    try {
      return this.#deps.origin();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.stop(error);
      return null;
    }
  }

  async #pause(durationMs: number): Promise<void> {
    this.#quietTicks = 0;
    using _timer = this.#deps.timers.after(durationMs, () => this.#awake());
    await this.#wait();
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #awake(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  #send(text: string): void {
    this.#controller?.enqueue(encoder.encode(text));
  }

  /** Says why, if the end is not the client's own, and ends the answer. */
  #finish(): void {
    const controller = this.#controller;
    if (controller === null) return;
    if (this.#stopped !== null) {
      const { code, detail } = this.#stopped;
      this.#send(`${JSON.stringify(errorBody(code, this.#deps.requestId(), detail))}\n`);
    }
    this.#controller = null;
    const isBehind = !this.#isOver && (!this.#isPulling || this.#splitter.waiting > 0);
    this.#leave(this.#bidFarewell(controller, isBehind ? this.#body : null));
  }

  /** Throws away what still comes of `unread`, then closes. */
  async #bidFarewell(
    controller: ReadableStreamDefaultController<Uint8Array>,
    unread: BodyChunks | null,
  ): Promise<void> {
    try {
      using _timer = this.#deps.timers.after(farewellMs, () => this.#hangUp());
      while ((await unread?.read())?.done === false);
    } catch {
      // Nothing more comes; that is all that was waited for.
    }
    try {
      controller.close();
    } catch {
      // The client was faster.
    }
    this.#hangUp();
  }

  #hangUp(): void {
    this.#body?.cancel().catch(() => {});
  }

  /** `closed` resolves once the connection needs nothing more of us. */
  #leave(closed: Promise<void>): void {
    this.#deps.streams.leave(this, closed);
    this.#awake();
  }
}

function answerText(lines: readonly Line[], answer: Exclude<Answer, { kind: "unavailable" }>): string {
  const rejected = new Map(answer.rejected.map((refusal) => [refusal.index, refusal]));
  const whole = answer.kind === "rejected" && rejected.size < lines.length ? answer.error : null;
  return lines
    .map(({ number }, at) => `${JSON.stringify(answerLine(number, rejected.get(at), whole))}\n`)
    .join("");
}

function answerLine(
  line: number,
  refusal:
    | { readonly messageId: string | null; readonly quarantineId?: string; readonly error: EventError }
    | undefined,
  whole: EventError | null,
): unknown {
  if (refusal !== undefined) {
    const { messageId, quarantineId, error } = refusal;
    return { line, ok: false, messageId, quarantineId, error };
  }
  return whole === null ? { line, ok: true } : { line, ok: false, error: eventError(whole.code) };
}
