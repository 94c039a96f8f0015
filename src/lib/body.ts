/**
 * The one reader of request bodies: bounded in bytes, as sent and as decoded, and in time.
 * A plain body that says its length costs little more than `request.bytes()`.
 */

export type BodyRead =
  | { readonly kind: "body"; readonly bytes: Uint8Array }
  /** Beyond the limit; encoded as we don't read; not what its encoding says; not whole in time; client gone. */
  | { readonly kind: "tooLarge" | "unsupported" | "corrupt" | "late" | "gone" };

/** Undoes a Content-Encoding within `limitBytes` (lib/contentEncoding.ts). */
export type Decode = (bytes: Uint8Array, encoding: string, limitBytes: number) => Promise<BodyRead>;

const firstBufferBytes = 4 * 1024;
const ticksPerDeadline = 10;

/** A body on its way in. */
interface Pending {
  readonly tick: number;
  readonly end: (read: BodyRead) => void;
  stopReading: () => void;
}

export class BodyReader {
  readonly #decode: Decode;
  readonly #tickMs: number;
  /** In the order of their begin. */
  readonly #pending = new Set<Pending>();
  #tick = 0;
  #timer: ReturnType<typeof setInterval> | null = null;

  /** `deadlineMs`: time for a body to arrive, kept to within a tenth. */
  constructor(deadlineMs: number, decode: Decode) {
    this.#decode = decode;
    this.#tickMs = Math.max(1, deadlineMs / ticksPerDeadline);
  }

  /** Reads a body of at most `limitBytes`, inflated if need be. Never rejects. */
  async read(request: Request, limitBytes: number): Promise<BodyRead> {
    const encoding = request.headers.get("content-encoding");
    const raw = await this.#readRaw(request, limitBytes);
    if (raw.kind !== "body" || encoding === null) return raw;
    return this.#decode(raw.bytes, encoding, limitBytes);
  }

  #readRaw(request: Request, limitBytes: number): Promise<BodyRead> {
    const length = request.headers.get("content-length");
    if (length !== null && Number(length) > limitBytes) return Promise.resolve({ kind: "tooLarge" });
    return new Promise((resolve) => {
      const end = (read: BodyRead): void => {
        this.#pending.delete(pending);
        resolve(read);
      };
      const pending: Pending = { tick: this.#tick, end, stopReading: () => {} };
      this.#pending.add(pending);
      this.#timer ??= setInterval(() => this.#sweep(), this.#tickMs).unref();
      const gone = (): void => end({ kind: "gone" });
      if (length === null) readStream(request, limitBytes, pending).then(end, gone);
      else request.bytes().then((bytes) => end({ kind: "body", bytes }), gone);
    });
  }

  #sweep(): void {
    this.#tick += 1;
    for (const { tick, end, stopReading } of this.#pending) {
      if (this.#tick - tick <= ticksPerDeadline) return;
      end({ kind: "late" });
      stopReading();
    }
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** Collects a body of unknown length in one growing buffer, so that many tiny chunks cost no more than few large ones. */
async function readStream(request: Request, limitBytes: number, pending: Pending): Promise<BodyRead> {
  if (request.body === null) return { kind: "body", bytes: new Uint8Array(0) };
  const stream = request.body.getReader();
  pending.stopReading = () => void stream.cancel().catch(() => {});
  let buffer = new Uint8Array(Math.min(firstBufferBytes, limitBytes));
  let length = 0;
  for (let next = await stream.read(); !next.done; next = await stream.read()) {
    if (length + next.value.length > limitBytes) {
      await stream.cancel();
      return { kind: "tooLarge" };
    }
    if (length + next.value.length > buffer.length) {
      const larger = new Uint8Array(
        Math.min(limitBytes, Math.max(buffer.length * 2, length + next.value.length)),
      );
      larger.set(buffer.subarray(0, length));
      buffer = larger;
    }
    buffer.set(next.value, length);
    length += next.value.length;
  }
  return { kind: "body", bytes: buffer.subarray(0, length) };
}
