/**
 * The main thread's end of the writer: gathers the frames of one turn of the event loop into one message, keeps what
 * is under way within bounds, and resolves each frame with its answer.
 */
import type { Accept, Answer, Frame } from "./accept.ts";
import { senderBytes } from "./frameSender.ts";
import {
  calls,
  frameStride,
  type ControlRequest,
  type FrameContext,
  type FromWriter,
  type GroupMessage,
  type ToWriter,
} from "./messages.ts";

export interface LinkLimits {
  /** Requests between submit and answer. */
  readonly maxRequests: number;
  /** Bytes of bodies between submit and answer. */
  readonly maxBytes: number;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly bytes: number;
}

/**
 * How frames are gathered into messages: one message is on its way to the writer at a time, since each costs the
 * same however many frames it holds, and small ones make small groups, each with a disk flush of its own. A second
 * one goes out ahead only when it is large enough to be a good group, so that the writer need not wait for it.
 */
const aheadFrames = 128;
const aheadBytes = 512 * 1024;

const accepted: Answer = { kind: "accepted", rejected: [] };
const callNumbers = new Map(calls.map((call, index) => [call, index] as const));

export class WriterLink implements Accept {
  readonly #post: (message: ToWriter) => void;
  readonly #limits: LinkLimits;
  readonly #schedule: (flush: () => void) => void;
  readonly #contexts = new Map<string, number>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #asked = new Map<
    number,
    { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }
  >();
  /** Most frames come with the key of the one before. */
  #lastContext: (FrameContext & { readonly index: number }) | null = null;
  #frames: {
    readonly id: number;
    readonly frame: Frame;
    readonly context: number;
    readonly sender: Uint8Array;
  }[] = [];
  #framesBytes = 0;
  readonly #idlers: (() => void)[] = [];
  #nextId = 1;
  #scheduled = false;
  #sent = 0;
  #received = 0;
  #bytes = 0;
  #closed: "draining" | null = null;

  constructor(post: (message: ToWriter) => void, limits: LinkLimits, schedule: (flush: () => void) => void) {
    this.#post = post;
    this.#limits = limits;
    this.#schedule = schedule;
  }

  /** Requests and bytes under way. */
  get inFlight(): { readonly requests: number; readonly bytes: number } {
    return { requests: this.#waiting.size, bytes: this.#bytes };
  }

  submit(frame: Frame): Promise<Answer> {
    if (this.#closed !== null)
      return Promise.resolve({ kind: "unavailable", code: "draining", retryAfterSeconds: 5 });
    const bytes = frame.body.length;
    // Imports may fill half the room, so that live events always find some.
    const share = frame.lane === "import" ? 0.5 : 1;
    const full =
      this.#waiting.size >= this.#limits.maxRequests * share ||
      (this.#bytes + bytes > this.#limits.maxBytes * share && this.#waiting.size > 0);
    if (full) return Promise.resolve({ kind: "unavailable", code: "overloaded", retryAfterSeconds: 1 });
    const id = this.#nextId++;
    this.#bytes += bytes;
    const sender = senderBytes(frame.sender);
    this.#frames.push({ id, frame, context: this.#contextOf(frame), sender });
    this.#framesBytes += bytes + sender.length;
    if (!this.#scheduled && this.#mayPost()) {
      this.#scheduled = true;
      this.#schedule(() => {
        this.#scheduled = false;
        this.#flush();
      });
    }
    return new Promise((resolve) => this.#waiting.set(id, { resolve, bytes }));
  }

  /** Asks the writer for one of the journal's own acts. */
  ask(request: ControlRequest): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#post({ kind: "control", id, request });
    });
  }

  /** Resolves what a group answered. Call after readers were told of it. */
  settle(group: GroupMessage): void {
    this.#received = group.received;
    if (this.#frames.length > 0 && this.#mayPost()) this.#flush();
    for (const id of group.accepted) this.#resolve(id, accepted);
    for (const [id, answer] of group.answers) this.#resolve(id, answer);
  }

  /** Resolves what an act answered. */
  answer(message: Extract<FromWriter, { kind: "result" | "failed" }>): void {
    const asked = this.#asked.get(message.id);
    this.#asked.delete(message.id);
    if (message.kind === "result") asked?.resolve(message.value);
    else asked?.reject(new Error(message.message));
  }

  /** Resolves once every submitted frame is answered; call after drain(). */
  async idle(): Promise<void> {
    if (this.#waiting.size > 0) await new Promise<void>((resolve) => this.#idlers.push(resolve));
  }

  /** New frames are refused from here on; resolves nothing by itself. */
  drain(): void {
    this.#closed = "draining";
  }

  #resolve(id: number, answer: Answer): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    this.#bytes -= waiting.bytes;
    waiting.resolve(answer);
    if (this.#waiting.size === 0) for (const idler of this.#idlers.splice(0)) idler();
  }

  #contextOf(frame: Frame): number {
    const last = this.#lastContext;
    if (
      last !== null &&
      last.source === frame.source &&
      last.namespace === frame.namespace &&
      last.trusted === frame.trusted
    )
      return last.index;
    const index = this.#contextNumber(frame);
    this.#lastContext = {
      source: frame.source,
      namespace: frame.namespace,
      trusted: frame.trusted,
      index,
    };
    return index;
  }

  #contextNumber(frame: Frame): number {
    const name = `${frame.namespace} ${frame.trusted ? 1 : 0} ${frame.source}`;
    const known = this.#contexts.get(name);
    if (known !== undefined) return known;
    const index = this.#contexts.size;
    this.#contexts.set(name, index);
    this.#post({
      kind: "context",
      index,
      context: { source: frame.source, namespace: frame.namespace, trusted: frame.trusted },
    });
    return index;
  }

  #mayPost(): boolean {
    const underWay = this.#sent - this.#received;
    const large = this.#frames.length >= aheadFrames || this.#framesBytes >= aheadBytes;
    return underWay === 0 || (underWay === 1 && large);
  }

  #flush(): void {
    const frames = this.#frames;
    if (frames.length === 0) return;
    this.#sent += 1;
    const metaBytes = frames.length * frameStride * Float64Array.BYTES_PER_ELEMENT;
    const buffer = new ArrayBuffer(metaBytes + this.#framesBytes);
    const meta = new Float64Array(buffer, 0, frames.length * frameStride);
    const bytes = new Uint8Array(buffer, metaBytes);
    this.#frames = [];
    this.#framesBytes = 0;
    let offset = 0;
    let at = 0;
    for (const { id, frame, context, sender } of frames) {
      meta[at] = id;
      meta[at + 1] = callNumbers.get(frame.call) ?? 0;
      meta[at + 2] = context;
      meta[at + 3] = frame.receivedAtMs;
      meta[at + 4] = frame.lane === "import" ? 1 : 0;
      meta[at + 5] = offset;
      meta[at + 6] = frame.body.length;
      meta[at + 7] = sender.length;
      bytes.set(frame.body, offset);
      offset += frame.body.length;
      if (sender.length > 0) {
        bytes.set(sender, offset);
        offset += sender.length;
      }
      at += frameStride;
    }
    this.#post({ kind: "frames", count: frames.length, buffer });
  }
}
