/**
 * One pass over raw JSON bytes, for what JSON.parse does not tell: how deep a value is, how many keys its outermost
 * object has in the text (a key that stands twice shows as a difference to the parsed object), whether a number is
 * beyond the range of a double, and where each event of a batch begins and ends.
 *
 * The scan does not check the grammar; JSON.parse does that after it. On text that JSON.parse would refuse it
 * still ends, within bounds, with some answer.
 */
const quote = 0x22;
const comma = 0x2c;
const minus = 0x2d;
const digitZero = 0x30;
const digitNine = 0x39;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** No literal shorter than this and without an exponent is beyond a double. */
const longNumber = 300;

/** Facts about one JSON value at `start`–`end` of the text. */
export interface Scanned {
  readonly start: number;
  /** One past its last byte. */
  readonly end: number;
  /** Levels of nesting: 0 for a scalar, 1 for `{}`. */
  readonly depth: number;
  /** Colons directly inside its outermost braces. */
  readonly keys: number;
  /** True if a number in it is beyond the range of a double, as 1e999 is. */
  readonly infinite: boolean;
}

/** Scans the value that begins at `start` (no white space before it). */
export function scanValue(bytes: Uint8Array, start: number): Scanned {
  const end = bytes.length;
  let at = start;
  let open = 0;
  let depth = 0;
  let keys = 0;
  let infinite = false;
  while (at < end) {
    const byte = bytes[at] ?? 0;
    if (byte === quote) {
      at = skipString(bytes, at, end);
      if (open === 0) break;
      continue;
    }
    if (byte >= digitZero ? byte <= digitNine : byte === minus) {
      const after = skipNumber(bytes, at, end);
      if (after < 0) infinite = true;
      at = after < 0 ? -after : after;
      continue;
    }
    if (byte === openBrace || byte === openBracket) {
      open += 1;
      if (open > depth) depth = open;
    } else if (byte === closeBrace || byte === closeBracket) {
      open -= 1;
      if (open < 0) break;
      if (open === 0) {
        at += 1;
        break;
      }
    } else if (byte === colon) {
      if (open === 1) keys += 1;
    } else if (byte === comma && open === 0) break;
    at += 1;
  }
  return { start, end: at, depth, keys, infinite };
}

/** One past the string that opens at `at`. */
function skipString(bytes: Uint8Array, at: number, end: number): number {
  let next = at + 1;
  while (next < end) {
    const byte = bytes[next];
    if (byte === quote) return next + 1;
    next += byte === backslash ? 2 : 1;
  }
  return end;
}

/** One past the number at `at`; negative if the number is beyond a double. */
function skipNumber(bytes: Uint8Array, at: number, end: number): number {
  let next = at + 1;
  let exponent = false;
  while (next < end) {
    const byte = bytes[next] ?? 0;
    if (byte >= digitZero && byte <= digitNine) next += 1;
    else if (byte === 0x65 || byte === 0x45) {
      exponent = true;
      next += 1;
    } else if (byte === 0x2e || byte === 0x2b || byte === minus) next += 1;
    else break;
  }
  if (!exponent && next - at < longNumber) return next;
  return Number.isFinite(Number(asciiText(bytes, at, next))) ? next : -next;
}

function asciiText(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
}

/** One past the white space at `at`. */
export function skipSpace(bytes: Uint8Array, at: number): number {
  let next = at;
  for (;;) {
    const byte = bytes[next];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return next;
    next += 1;
  }
}

/** What a batch body looks like from outside. */
export interface ScannedBatch {
  /** The elements of the `batch` array, in order. */
  readonly elements: readonly Scanned[];
  /** Keys of the outer object. */
  readonly keys: number;
  /** Deepest nesting outside the elements, counting the outer braces. */
  readonly depth: number;
  /** A number outside the elements is beyond a double. */
  readonly infinite: boolean;
  /** There are more elements than asked for; the rest of the body was not scanned. */
  readonly tooMany: boolean;
}

const batchKey = Buffer.from('"batch"');

/** Scans `{…,"batch":[…],…}`; null when the text is no object. A `batch` that is no array has no elements. */
export function scanBatch(bytes: Uint8Array, maxElements: number): ScannedBatch | null {
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== openBrace) return null;
  const end = bytes.length;
  const elements: Scanned[] = [];
  let keys = 0;
  let depth = 1;
  let infinite = false;
  at = skipSpace(bytes, at + 1);
  while (at < end && bytes[at] === quote) {
    const keyEnd = skipString(bytes, at, end);
    const isBatch = isBatchKey(bytes, at, keyEnd);
    keys += 1;
    at = skipSpace(bytes, keyEnd);
    if (bytes[at] !== colon) break;
    at = skipSpace(bytes, at + 1);
    if (isBatch && bytes[at] === openBracket) {
      at = scanElements(bytes, at, elements, maxElements);
      if (at < 0) return { elements, keys, depth, infinite, tooMany: true };
    } else {
      const value = scanValue(bytes, at);
      at = value.end;
      depth = Math.max(depth, value.depth + 1);
      infinite ||= value.infinite;
    }
    at = skipSpace(bytes, at);
    if (bytes[at] !== comma) break;
    at = skipSpace(bytes, at + 1);
  }
  return { elements, keys, depth, infinite, tooMany: false };
}

/** Collects the elements of the array that opens at `at`; returns one past it, or −1 if there are too many. */
function scanElements(bytes: Uint8Array, at: number, elements: Scanned[], maxElements: number): number {
  let next = skipSpace(bytes, at + 1);
  while (next < bytes.length && bytes[next] !== closeBracket) {
    if (elements.length === maxElements) return -1;
    const element = scanValue(bytes, next);
    elements.push(element);
    next = skipSpace(bytes, element.end);
    if (bytes[next] !== comma) break;
    next = skipSpace(bytes, next + 1);
  }
  return next + 1;
}

function isBatchKey(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start === batchKey.length) {
    for (let index = 1; index < batchKey.length; index += 1)
      if (bytes[start + index] !== batchKey[index]) return false;
    return true;
  }
  return end - start > batchKey.length && keyText(bytes, start, end) === "batch";
}

/** True if an object key in `start`–`end` of the text spells `__proto__`, plainly or with escapes. */
export function holdsProtoKey(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    if (bytes[at] !== quote) {
      at += 1;
      continue;
    }
    const after = skipString(bytes, at, end);
    if (bytes[skipSpace(bytes, after)] === colon && keyText(bytes, at, after) === "__proto__") return true;
    at = after;
  }
  return false;
}

/** The key that stands in quotes at `start`–`end`; "" for what can be no key that is looked for. */
function keyText(bytes: Uint8Array, start: number, end: number): string {
  // Neither word has more than 9 characters, and an escape takes at most 6 bytes for one.
  if (end - start > 2 + 9 * 6) return "";
  const text = asciiText(bytes, start, end);
  if (!text.includes("\\")) return text.slice(1, -1);
  try {
    return String(JSON.parse(text));
  } catch {
    return "";
  }
}
