/**
 * The last answer that was whole for each recipient of a block, in memory: what is sent while profiles can't be read, or
 * while reading would take longer than an e-mail can wait. Kept as text, since it is rarely looked at and a garbage
 * collector goes through objects again and again. Bounded in bytes; those that were not asked for longest go first. All of
 * it goes when anybody is erased, since nothing may outlive them.
 */
import { BoundedMap, textBytes } from "../../lib/boundedMap.ts";
import type { RenderedBlock } from "./renderBlock.ts";
import { quotedOf } from "./renderMemory.ts";

const entryBytes = 200;

type Kept = Pick<RenderedBlock, "html" | "text" | "contentHash" | "data" | "freshness" | "globals">;

export class LastGood {
  readonly #kept: BoundedMap<string>;

  constructor(maxBytes: number) {
    this.#kept = new BoundedMap(maxBytes);
  }

  /** Remembers an answer; `key` names block and recipient. */
  keep(key: string, { made, contentHash, dataText, freshness, globals }: RenderedBlock): void {
    const { locale, timeZone } = globals;
    const rest = JSON.stringify({ contentHash, freshness, globals: { locale, timeZone } });
    const text = `{${made.quoted},"data":${dataText},${rest.slice(1)}`;
    this.#kept.set(key, text, entryBytes + textBytes(key) + textBytes(text));
  }

  /** True if there is an answer to the key, which counts as asked for. */
  has(key: string): boolean {
    return this.#kept.get(key) !== undefined;
  }

  get(key: string): RenderedBlock | null {
    const text = this.#kept.get(key);
    if (text === undefined) return null;
    const kept = JSON.parse(text) as Kept;
    const { html, text: plain, contentHash } = kept;
    return {
      ...kept,
      made: { html, text: plain, contentHash, quoted: quotedOf(html, plain), heads: null },
      dataText: JSON.stringify(kept.data),
      servedFrom: "live",
      reason: null,
      isFallback: false,
    };
  }

  clear(): void {
    this.#kept.clear();
  }

  get bytes(): number {
    return this.#kept.bytes;
  }
}
