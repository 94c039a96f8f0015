/** Undoes the Content-Encoding of a request body, bounded in size and ratio. */
import { gunzip, gunzipSync } from "node:zlib";

export type Decoded =
  | { readonly kind: "body"; readonly bytes: Uint8Array }
  /** Inflates beyond the limit or the ratio; not gzip; called gzip but broken or cut short. */
  | { readonly kind: "tooLarge" | "unsupported" | "corrupt" };

/** Nothing that people write compresses better than this; bombs reach 1,000. */
const maxRatio = 200;
/** Up to this size the ratio does not matter. */
const ratioFreeBytes = 64 * 1024;
/** A larger gzip body is inflated off the calling thread. */
const syncGzipBytes = 32 * 1024;

/** Decodes at most `limitBytes`. Never rejects. */
export async function decodeBody(bytes: Uint8Array, encoding: string, limitBytes: number): Promise<Decoded> {
  const name = encoding.trim().toLowerCase();
  if (name === "" || name === "identity") return { kind: "body", bytes };
  if (name !== "gzip" && name !== "x-gzip") return { kind: "unsupported" };
  const maxOutputLength = Math.min(limitBytes, Math.max(ratioFreeBytes, bytes.length * maxRatio));
  try {
    const small = bytes.length <= syncGzipBytes;
    return {
      kind: "body",
      bytes: small ? gunzipSync(bytes, { maxOutputLength }) : await inflate(bytes, maxOutputLength),
    };
  } catch (error) {
    return { kind: error instanceof RangeError ? "tooLarge" : "corrupt" };
  }
}

function inflate(bytes: Uint8Array, maxOutputLength: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    gunzip(bytes, { maxOutputLength }, (error, inflated) =>
      error === null ? resolve(inflated) : reject(error),
    );
  });
}
