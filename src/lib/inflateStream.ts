/** Inflates a gzip stream as it comes, bounded in ratio; at most one small slice of it is inflated ahead of its reader. */
import { createGunzip } from "node:zlib";

/** Inflated at once; deflate makes at most 1,032 times as much of it. */
const sliceBytes = 4 * 1024;
/** Nothing that people write compresses better than this; bombs reach 1,000. */
const maxRatio = 200;
/** Up to this size the ratio does not matter. */
const ratioFreeBytes = 1024 * 1024;

/** The inflated stream. It fails with `refuse()` when the input is no whole gzip stream or inflates beyond the ratio. */
export function inflateStream(
  body: ReadableStream<Uint8Array>,
  refuse: () => Error,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const inflater = new Inflater();
  let rest = new Uint8Array(0);
  const step = async (): Promise<Uint8Array | null> => {
    if (rest.length === 0) {
      const { done, value } = await reader.read();
      if (done) return inflater.end();
      rest = new Uint8Array(value);
    }
    const slice = rest.subarray(0, sliceBytes);
    rest = rest.subarray(slice.length);
    return inflater.write(slice);
  };
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          let bytes = await step();
          while (bytes?.length === 0) bytes = await step();
          if (bytes === null) controller.close();
          else controller.enqueue(bytes);
        } catch {
          controller.error(refuse());
          await reader.cancel().catch(() => {});
        }
      },
      cancel: () => reader.cancel(),
    },
    { highWaterMark: 0 },
  );
}

class Inflater {
  readonly #gunzip = createGunzip();
  #out: Uint8Array[] = [];
  #inBytes = 0;
  #outBytes = 0;
  #isEnded = false;
  readonly #failed = Promise.withResolvers<never>();

  constructor() {
    this.#failed.promise.catch(() => {});
    this.#gunzip.on("data", (chunk: Uint8Array) => {
      this.#outBytes += chunk.length;
      this.#out.push(chunk);
    });
    this.#gunzip.on("error", (error) => this.#failed.reject(error));
  }

  /** What one slice inflates to. Rejects when it is not gzip, or too much. */
  async write(slice: Uint8Array): Promise<Uint8Array> {
    this.#inBytes += slice.length;
    const written = new Promise<void>((resolve) => void this.#gunzip.write(slice, () => resolve()));
    await Promise.race([written, this.#failed.promise]);
    if (this.#outBytes > Math.max(ratioFreeBytes, this.#inBytes * maxRatio))
      throw new Error("inflates too much");
    return this.#taken();
  }

  /** What is left at the end of the input, then null. Rejects when the input was cut short. */
  async end(): Promise<Uint8Array | null> {
    if (this.#isEnded) return null;
    this.#isEnded = true;
    const ended = new Promise<void>((resolve) => this.#gunzip.once("end", resolve));
    this.#gunzip.end();
    await Promise.race([ended, this.#failed.promise]);
    return this.#taken();
  }

  #taken(): Uint8Array {
    return Buffer.concat(this.#out.splice(0));
  }
}
