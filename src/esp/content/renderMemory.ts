/**
 * What blocks made of values, remembered: the same block and values in the same locale and zone give the same HTML, whoever they
 * are of and whenever it is asked, so nothing here grows old. Whoever asks for the same recipient again and again is spared the
 * template and the look through its HTML. Bounded in bytes; all of it goes when anybody is erased.
 */
import { Door } from "../../lib/door.ts";
import { BoundedMap, textBytes } from "../../lib/boundedMap.ts";

export interface Made {
  readonly html: string;
  readonly text: string;
  readonly contentHash: string;
  /** Both as members of a JSON object, without its braces. */
  readonly quoted: string;
  /** Heads of HTTP answers with it, by form and level, made once: they cost as much as all the rest of an answer. */
  heads: Map<string, AnswerHead> | null;
}

export interface AnswerHead {
  readonly etag: string;
  readonly headers: Headers;
}

const entryBytes = 1_500;
const doorPlaces = 65_536;

export class RenderMemory {
  readonly #made: BoundedMap<Made>;
  readonly #door = new Door(doorPlaces);

  constructor(maxBytes: number) {
    this.#made = new BoundedMap(maxBytes);
  }

  get(values: string): Made | undefined {
    return this.#made.get(values);
  }

  keep(values: string, made: Made): void {
    if (!this.#door.admits(values)) return;
    const { html, text, quoted } = made;
    const texts = [values, html, text, quoted];
    const bytes = texts.reduce((sum, one) => sum + textBytes(one), entryBytes);
    this.#made.set(values, made, bytes);
  }

  clear(): void {
    this.#made.clear();
    this.#door.clear();
  }

  get bytes(): number {
    return this.#made.bytes;
  }
}

/** HTML and text as members of a JSON object, without its braces. */
export function quotedOf(html: string, text: string): string {
  return `"html":${JSON.stringify(html)},"text":${JSON.stringify(text)}`;
}
