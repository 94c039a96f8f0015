/**
 * What blocks made of values, remembered: the same block and values in the same locale and zone give the same HTML, whoever they
 * are of and whenever it is asked, so nothing here grows old. A second asker of the same recipient is spared the template
 * and the look through its HTML. Bounded in bytes, the oldest goes first; all of it goes when anybody is erased.
 */

export interface Made {
  readonly html: string;
  readonly text: string;
  readonly contentHash: string;
}

const bytesACharacter = 2;
const entryBytes = 200;

export class RenderMemory {
  readonly #maxBytes: number;
  readonly #made = new Map<string, Made>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(values: string): Made | undefined {
    return this.#made.get(values);
  }

  keep(values: string, made: Made): void {
    const bytes = bytesOf(values, made);
    if (bytes > this.#maxBytes || this.#made.has(values)) return;
    this.#made.set(values, made);
    this.#bytes += bytes;
    for (const [oldest, gone] of this.#made) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#made.delete(oldest);
      this.#bytes -= bytesOf(oldest, gone);
    }
  }

  clear(): void {
    this.#made.clear();
    this.#bytes = 0;
  }

  get bytes(): number {
    return this.#bytes;
  }
}

function bytesOf(values: string, { html, text }: Made): number {
  return entryBytes + bytesACharacter * (values.length + html.length + text.length);
}
