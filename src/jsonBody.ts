/** Reads small JSON bodies for everything but ingest, which leaves parsing to the writer. */
import { Refusal } from "./errors.ts";
import type { BodyReader } from "./lib/body.ts";

/** A thousand identifiers of the longest kind fit. */
const limitBytes = 1024 * 1024;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A reader that throws Refusal for what is too large, late or no JSON. */
export function jsonBodyReader(bodies: BodyReader): (request: Request) => Promise<unknown> {
  return async (request) => {
    const read = await bodies.read(request, limitBytes);
    if (read.kind === "tooLarge")
      throw new Refusal("too_large", { detail: "The request is larger than 1 MB." });
    if (read.kind === "unsupported") throw new Refusal("unsupported_encoding");
    if (read.kind !== "body")
      throw new Refusal("invalid_request", { detail: "The body did not arrive whole." });
    return parse(read.bytes);
  };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes)) as unknown;
  } catch {
    throw new Refusal("invalid_json");
  }
}
