/**
 * The last answer that was whole for each recipient of a block, in memory: what is sent while profiles can't be read, or
 * while reading would take longer than an e-mail can wait. Bounded in bytes; the one that was not asked for longest goes
 * first. All of it goes when anybody is erased, since nothing may outlive them.
 */
import type { RenderedBlock } from "./renderBlock.ts";

/** About what a text of this many characters takes. */
const bytesACharacter = 2;
const entryBytes = 500;

export class LastGood {
  readonly #maxBytes: number;
  readonly #kept = new Map<string, { readonly rendered: RenderedBlock; readonly bytes: number }>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Remembers an answer; `key` names block and recipient. */
  keep(key: string, rendered: RenderedBlock): void {
    const bytes = entryBytes + bytesACharacter * (key.length + rendered.html.length + rendered.text.length);
    this.#drop(key);
    if (bytes > this.#maxBytes) return;
    this.#kept.set(key, { rendered, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#drop(oldest);
    }
  }

  get(key: string): RenderedBlock | null {
    return this.#kept.get(key)?.rendered ?? null;
  }

  clear(): void {
    this.#kept.clear();
    this.#bytes = 0;
  }

  get bytes(): number {
    return this.#bytes;
  }

  #drop(key: string): void {
    const entry = this.#kept.get(key);
    if (entry === undefined) return;
    this.#kept.delete(key);
    this.#bytes -= entry.bytes;
  }
}
