/**
 * The one reader of request bodies: bounded in bytes, as sent and as decoded, and in time.
 * A plain body that says its length costs little more than `request.bytes()`.
 */

export type BodyRead =
  | { readonly kind: "body"; readonly bytes: Uint8Array }
  /** Beyond the limit; encoded as we don't read; not what its encoding says; not whole in time; client gone. */
  | { readonly kind: "tooLarge" | "unsupported" | "corrupt" | "late" | "gone" };

/** Undoes a Content-Encoding (lib/contentEncoding.ts). */
export type Decode = (bytes: Uint8Array, encoding: string, limitBytes: number) => Promise<BodyRead>;

const ticksPerDeadline = 10;

interface Pending {
  readonly tick: number;
  readonly resolve: (read: BodyRead) => void;
  /** Gives up a body of unknown length; null for others. */
  stopReading: (() => void) | null;
}

export class BodyReader {
  readonly #decode: Decode;
  readonly #tickMs: number;
  /** Oldest first. */
  readonly #pending = new Set<Pending>();
  #tick = 0;
  #timer: ReturnType<typeof setInterval> | null = null;

  /** `deadlineMs`: time for a body to arrive, kept to within a tenth. */
  constructor(deadlineMs: number, decode: Decode) {
    this.#decode = decode;
    this.#tickMs = Math.max(1, deadlineMs / ticksPerDeadline);
  }

  /** Reads a body of at most `limitBytes`, inflated if need be. Never rejects. */
  read(request: Request, limitBytes: number): Promise<BodyRead> {
    const { headers } = request;
    const encoding = headers.get("content-encoding");
    const raw = this.#readRaw(request, headers.get("content-length"), limitBytes);
    return encoding === null ? raw : this.#decoded(raw, encoding, limitBytes);
  }

  async #decoded(reading: Promise<BodyRead>, encoding: string, limitBytes: number): Promise<BodyRead> {
    const raw = await reading;
    return raw.kind === "body" ? this.#decode(raw.bytes, encoding, limitBytes) : raw;
  }

  #readRaw(request: Request, length: string | null, limitBytes: number): Promise<BodyRead> {
    if (length !== null && Number(length) > limitBytes) return Promise.resolve({ kind: "tooLarge" });
    return new Promise((resolve) => {
      const pending: Pending = { tick: this.#tick, resolve, stopReading: null };
      this.#pending.add(pending);
      this.#timer ??= setInterval(() => this.#sweep(), this.#tickMs).unref();
      const reading = length === null ? readStream(request, limitBytes, pending) : request.bytes();
      reading.then(
        (read) => this.#end(pending, read instanceof Uint8Array ? { kind: "body", bytes: read } : read),
        () => this.#end(pending, { kind: "gone" }),
      );
    });
  }

  #end(pending: Pending, read: BodyRead): void {
    this.#pending.delete(pending);
    pending.resolve(read);
  }

  #sweep(): void {
    this.#tick += 1;
    for (const pending of this.#pending) {
      if (this.#tick - pending.tick <= ticksPerDeadline) return;
      this.#end(pending, { kind: "late" });
      pending.stopReading?.();
    }
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** Collects a body of unknown length in one growing buffer: many tiny chunks cost no more than few large ones. */
async function readStream(request: Request, limitBytes: number, pending: Pending): Promise<BodyRead> {
  if (request.body === null) return { kind: "body", bytes: new Uint8Array(0) };
  const stream = request.body.getReader();
  pending.stopReading = () => void stream.cancel().catch(() => {});
  const buffer = new ArrayBuffer(0, { maxByteLength: limitBytes });
  const bytes = new Uint8Array(buffer);
  for (let next = await stream.read(); !next.done; next = await stream.read()) {
    const length = buffer.byteLength;
    if (length + next.value.length > limitBytes) {
      await stream.cancel();
      return { kind: "tooLarge" };
    }
    buffer.resize(length + next.value.length);
    bytes.set(next.value, length);
  }
  return { kind: "body", bytes: bytes.slice() };
}
