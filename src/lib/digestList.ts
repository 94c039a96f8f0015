/**
 * A set of texts as digests, sorted, one after the other. They take little room, are found by halving, and don't tell
 * the texts. 16 bytes of SHA-256 each, so that no two meet, not even on purpose.
 */

const digestBytes = 16;

/** The list's content: `sha256` names it, so that equal lists have equal names. */
export interface ListContent {
  readonly sha256: string;
  /** Number of different texts. */
  readonly rows: number;
  readonly bytes: Uint8Array;
}

/** The content of a list of these texts, whatever their order, repeats counted once. */
export function listContent(values: readonly string[]): ListContent {
  const unsorted = new Uint8Array(values.length * digestBytes);
  for (const [at, value] of values.entries()) unsorted.set(digestOf(value), at * digestBytes);
  const bytes = sortedDigests(unsorted);
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  return { sha256, rows: bytes.length / digestBytes, bytes };
}

/** The digests in order, each once. */
function sortedDigests(digests: Uint8Array): Uint8Array {
  const view = new DataView(digests.buffer);
  const order = Uint32Array.from({ length: digests.length / digestBytes }, (_, at) => at);
  order.sort((left, right) => compareDigests(view, left, view, right));
  const sorted = new Uint8Array(digests.length);
  let rows = 0;
  for (const [place, at] of order.entries()) {
    if (place > 0 && compareDigests(view, order[place - 1] ?? 0, view, at) === 0) continue;
    sorted.set(digests.subarray(at * digestBytes, (at + 1) * digestBytes), rows * digestBytes);
    rows += 1;
  }
  return sorted.slice(0, rows * digestBytes);
}

/** The set that such bytes are. */
export function listSetOf(bytes: Uint8Array): { readonly size: number; has(value: string): boolean } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.byteLength / digestBytes;
  return { size, has: (value) => holdsDigest(view, size, digestOf(value)) };
}

function holdsDigest(list: DataView, size: number, digest: Uint8Array): boolean {
  const wanted = new DataView(digest.buffer, digest.byteOffset, digestBytes);
  let from = 0;
  let to = size;
  while (from < to) {
    const probe = (from + to) >>> 1;
    const order = compareDigests(list, probe, wanted, 0);
    if (order === 0) return true;
    if (order < 0) from = probe + 1;
    else to = probe;
  }
  return false;
}

/** Negative, zero or positive: by four bytes at a time, which are whole numbers that need no BigInt. */
function compareDigests(left: DataView, leftAt: number, right: DataView, rightAt: number): number {
  for (let offset = 0; offset < digestBytes; offset += 4) {
    const order =
      left.getUint32(leftAt * digestBytes + offset) - right.getUint32(rightAt * digestBytes + offset);
    if (order !== 0) return order;
  }
  return 0;
}

function digestOf(value: string): Uint8Array {
  const digest = new Uint8Array(Bun.SHA256.byteLength);
  Bun.SHA256.hash(value, digest);
  return digest.subarray(0, digestBytes);
}
