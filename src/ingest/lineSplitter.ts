/** Cuts a byte stream into lines, holding no more of a line than an event may have. */

/** One line that is not blank. */
export interface Line {
  /** Counted from 1, blank lines too. */
  readonly number: number;
  /** Without its end. Of a line that is too long, the limit and one byte more. */
  readonly text: Uint8Array;
}

const newline = 0x0a;
const carriageReturn = 0x0d;
const blanks: ReadonlySet<number> = new Set([0x20, 0x09, carriageReturn]);

export class LineSplitter {
  readonly #limitBytes: number;
  readonly #lines: Line[] = [];
  /** The line that has no end yet; null while nothing of it came. */
  #open: Uint8Array[] = [];
  #openBytes = 0;
  #number = 1;

  /** `limitBytes`: longer lines are cut one byte behind it. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Whole lines that wait to be taken. */
  get waiting(): number {
    return this.#lines.length;
  }

  /** Takes in what came. */
  push(chunk: Uint8Array): void {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      this.#add(chunk, start, end);
      this.#endLine();
      start = end + 1;
    }
    this.#add(chunk, start, chunk.length);
  }

  /** The stream is over: what stands behind the last line end is a line too. */
  end(): void {
    this.#endLine();
  }

  /** The next lines, at most so many and so many bytes, but at least one if there is one. */
  take(maxLines: number, maxBytes: number): Line[] {
    let bytes = 0;
    let count = 0;
    for (const { text } of this.#lines) {
      if (count > 0 && (count >= maxLines || bytes + text.length > maxBytes)) break;
      bytes += text.length;
      count += 1;
    }
    return this.#lines.splice(0, count);
  }

  #add(chunk: Uint8Array, start: number, end: number): void {
    const room = this.#limitBytes + 1 - this.#openBytes;
    const length = Math.min(end - start, room);
    if (length <= 0) return;
    // A copy: a line must not keep the whole chunk that it came in.
    this.#open.push(chunk.slice(start, start + length));
    this.#openBytes += length;
  }

  #endLine(): void {
    const [only, more] = this.#open;
    const whole = only === undefined || more !== undefined ? Buffer.concat(this.#open) : only;
    const text = whole.at(-1) === carriageReturn ? whole.subarray(0, -1) : whole;
    if (!text.every((byte) => blanks.has(byte))) this.#lines.push({ number: this.#number, text });
    this.#number += 1;
    this.#open = [];
    this.#openBytes = 0;
  }
}
