/** Lines of a file as bytes, and bytes as text without guessing: what is not UTF-8 is said, not replaced. */

const newline = 0x0a;
const byteOrderMark = [0xef, 0xbb, 0xbf];

/** Lines of a stream of bytes, without their ends; null for one of more than `maxBytes`, which is not held. */
export async function* byteLines(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array | null> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let isOverlong = false;
  const take = (part: Uint8Array): void => {
    heldBytes += part.length;
    isOverlong ||= heldBytes > maxBytes;
    if (isOverlong) held = [];
    else if (part.length > 0) held.push(part);
  };
  const line = (): Uint8Array | null => {
    const [first] = held;
    const whole = isOverlong ? null : held.length === 1 && first !== undefined ? first : Buffer.concat(held);
    held = [];
    heldBytes = 0;
    isOverlong = false;
    return whole;
  };
  for await (const chunk of stream) {
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      take(chunk.subarray(from, end));
      yield line();
      from = end + 1;
    }
    take(chunk.subarray(from));
  }
  if (heldBytes > 0) yield line();
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The text that the bytes are, without a byte order mark before it; null if they are not UTF-8. */
export function utf8Text(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** The stream without the byte order mark that some programs put before UTF-8. */
export async function* withoutMark(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isBegun = false;
  let held: Uint8Array = new Uint8Array(0);
  for await (const chunk of stream) {
    if (isBegun) {
      yield chunk;
      continue;
    }
    held = Buffer.concat([held, chunk]);
    if (held.length < byteOrderMark.length) continue;
    isBegun = true;
    yield byteOrderMark.every((byte, at) => held[at] === byte) ? held.subarray(byteOrderMark.length) : held;
  }
  if (!isBegun) yield held;
}
