/**
 * Evidence as it is stored: JSON. A profile that changes is stored whole, and one with hundreds of items would cost as
 * much to write down for each further one. Items never change once made, and come and go at the ends of their list
 * nearly always (none goes from the middle); so texts are remembered, of short lists the whole, of long ones by full
 * blocks, and only what is new is made into text.
 */
import type { Evidence } from "../model/computed.ts";
import type { EventEvidence } from "../model/evidence.ts";
import type { Item } from "../model/item.ts";

/** Items that stand side by side, and their text. */
interface Block {
  readonly first: Item;
  readonly last: Item;
  readonly count: number;
  readonly text: string;
}

const blockItems = 64;

export class EvidenceTexts {
  readonly #blocks = new WeakMap<readonly Item[], readonly Block[]>();
  readonly #short = new WeakMap<readonly Item[], Block>();

  /** The same text as JSON.stringify gives. */
  of(evidence: Evidence): string {
    const { events, ...rest } = evidence;
    const texts = Object.entries(events).map(
      ([name, of]) => `${JSON.stringify(name)}:${this.#eventText(of)}`,
    );
    return `${JSON.stringify(rest).slice(0, -1)},"events":{${texts.join(",")}}}`;
  }

  #eventText([items, tail]: EventEvidence): string {
    if (items.length < blockItems) {
      if (items.length < 2) return JSON.stringify([items, tail]);
      const all = grown(items, this.#short.get(items));
      this.#short.set(items, all);
      return `[[${all.text}],${JSON.stringify(tail)}]`;
    }
    const blocks = blocksOf(items, this.#blocks.get(items) ?? []);
    this.#blocks.set(items, blocks);
    const inBlocks = blocks.reduce((sum, { count }) => sum + count, 0);
    const texts = blocks.map(({ text }) => text);
    if (inBlocks < items.length) texts.push(textOf(items.slice(inBlocks)));
    return `[[${texts.join(",")}],${JSON.stringify(tail)}]`;
  }
}

/** The items as one block; of a known one that only grew, the new ones alone are made into text. */
function grown(items: readonly Item[], known: Block | undefined): Block {
  if (known === undefined || items[0] !== known.first || items[known.count - 1] !== known.last)
    return blockOf(items);
  const last = items.at(-1);
  if (last === undefined || items.length === known.count) return known;
  const text = `${known.text},${textOf(items.slice(known.count))}`;
  return { first: known.first, last, count: items.length, text };
}

/** Blocks over the items from the first on, as many as there are full ones; known ones are used again. */
function blocksOf(items: readonly Item[], known: readonly Block[]): readonly Block[] {
  const blocks: Block[] = [];
  let at = 0;
  for (const block of known) {
    if (items[at] === block.first && items[at + block.count - 1] === block.last) {
      blocks.push(block);
      at += block.count;
      continue;
    }
    // Some of it went, or something came between: up to its last item it is made anew; gone altogether it is left out.
    const end = items.indexOf(block.last, at);
    if (end < 0 || end - at >= blockItems * 2) continue;
    blocks.push(blockOf(items.slice(at, end + 1)));
    at = end + 1;
  }
  for (; at + blockItems <= items.length; at += blockItems)
    blocks.push(blockOf(items.slice(at, at + blockItems)));
  return blocks;
}

function blockOf(items: readonly Item[]): Block {
  const [first] = items;
  const last = items.at(-1);
  if (first === undefined || last === undefined) throw new Error("a block has items");
  return { first, last, count: items.length, text: textOf(items) };
}

/** The items without the brackets around them. */
function textOf(items: readonly Item[]): string {
  return JSON.stringify(items).slice(1, -1);
}
