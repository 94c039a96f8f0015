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
export function listContent(values: Iterable<string>): ListContent {
  const digests = [...new Set([...values].map(hexOf))].sort();
  const bytes = new Uint8Array(Buffer.from(digests.join(""), "hex"));
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  return { sha256, rows: digests.length, bytes };
}

/** The set that such bytes are. */
export function listSetOf(bytes: Uint8Array): { readonly size: number; has(value: string): boolean } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.byteLength / digestBytes;
  return { size, has: (value) => holdsDigest(view, size, new DataView(digestOf(value).buffer)) };
}

function holdsDigest(list: DataView, size: number, wanted: DataView): boolean {
  const [high, low] = [wanted.getBigUint64(0), wanted.getBigUint64(8)];
  let from = 0;
  let to = size;
  while (from < to) {
    const probe = (from + to) >>> 1;
    const first = list.getBigUint64(probe * digestBytes);
    const second = first === high ? list.getBigUint64(probe * digestBytes + 8) : 0n;
    if (first === high && second === low) return true;
    if (first < high || (first === high && second < low)) from = probe + 1;
    else to = probe;
  }
  return false;
}

function digestOf(value: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Bun.CryptoHasher("sha256").update(value).digest());
}

function hexOf(value: string): string {
  return new Bun.CryptoHasher("sha256")
    .update(value)
    .digest("hex")
    .slice(0, digestBytes * 2);
}
