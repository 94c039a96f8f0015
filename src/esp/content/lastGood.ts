/**
 * The last answer that was whole for each recipient of a block, in memory: what is sent while profiles can't be read, or
 * while reading would take longer than an e-mail can wait. Bounded in bytes; those that were not asked for longest go
 * first. All of it goes when anybody is erased, since nothing may outlive them.
 */
import { BoundedMap } from "../../lib/boundedMap.ts";
import type { RenderedBlock } from "./renderBlock.ts";

/** About what a text of this many characters takes. */
const bytesACharacter = 2;
const entryBytes = 500;

export class LastGood {
  readonly #kept: BoundedMap<RenderedBlock>;

  constructor(maxBytes: number) {
    this.#kept = new BoundedMap(maxBytes);
  }

  /** Remembers an answer; `key` names block and recipient. */
  keep(key: string, rendered: RenderedBlock): void {
    const { html, text } = rendered;
    this.#kept.set(key, rendered, entryBytes + bytesACharacter * (key.length + html.length + text.length));
  }

  get(key: string): RenderedBlock | null {
    return this.#kept.get(key) ?? null;
  }

  clear(): void {
    this.#kept.clear();
  }

  get bytes(): number {
    return this.#kept.bytes;
  }
}
