/**
 * Evidence as it is stored: JSON in the profile's text, but for the older items of an event of which there are many.
 * Those stand beside it in pieces of sixteen, each under a key of its own, written once and not again while nothing
 * comes in between. So a profile that changes costs the same to write down whether it has twenty items or a thousand.
 * In the text stand, before the items, how many of the first piece are gone and then the numbers of the pieces.
 *
 * Items never change once made, and come and go at the ends of their list nearly always (none goes from the middle).
 */
import type { Evidence } from "../model/computed.ts";
import type { EventEvidence } from "../model/evidence.ts";
import type { Item } from "../model/item.ts";

/** Writes a piece, or removes it. */
export type PutPiece = (number: number, text: string | null) => void;

interface Piece {
  readonly number: number;
  /** All that it holds. */
  readonly items: readonly Item[];
  /** How many of them are gone, from the first on. */
  readonly gone: number;
}

/** Items that stand side by side, and their text. */
interface Run {
  readonly first: Item;
  readonly last: Item;
  readonly count: number;
  readonly text: string;
}

interface Stored {
  pieces: readonly Piece[];
  /** What followed the pieces in the profile's text. */
  rest: Run | null;
}

export const pieceItems = 16;

/** So many stay in the profile's text when others become a piece: one that comes a little late disturbs none. */
const itemsAtHand = 4;

/** What of one profile's evidence is stored, and where. */
export class EvidencePieces {
  readonly #byEvent = new Map<string, Stored>();
  #lastNumber = 0;

  /** The evidence for the profile's text; pieces that come and go on the way are given to `put`. */
  text({ events, ...others }: Evidence, put: PutPiece): string {
    const texts: string[] = [];
    for (const [event, of] of Object.entries(events))
      texts.push(`${JSON.stringify(event)}:${this.#eventText(event, of, put)}`);
    for (const event of this.#byEvent.keys()) if (!Object.hasOwn(events, event)) this.#remove(event, put);
    return `${JSON.stringify(others).slice(0, -1)},"events":{${texts.join(",")}}}`;
  }

  /** There is no evidence any more. */
  clear(put: PutPiece): void {
    for (const event of this.#byEvent.keys()) this.#remove(event, put);
  }

  /** Completes evidence that was read from a profile's text. */
  complete({ events }: Evidence, read: (number: number) => string): void {
    for (const [event, of] of Object.entries(events)) {
      const numbers: number[] = [];
      for (const entry of of[0] as readonly (number | Item)[]) {
        if (typeof entry !== "number") break;
        numbers.push(entry);
      }
      const [gone, ...named] = numbers;
      if (gone === undefined) continue;
      const pieces = named.map((number, at): Piece => ({
        number,
        items: JSON.parse(read(number)) as Item[],
        gone: at === 0 ? gone : 0,
      }));
      this.#lastNumber = Math.max(this.#lastNumber, ...named);
      this.#byEvent.set(event, { pieces, rest: null });
      of[0] = [...pieces.flatMap((piece) => piece.items.slice(piece.gone)), ...of[0].slice(numbers.length)];
    }
  }

  #remove(event: string, put: PutPiece): void {
    for (const { number } of this.#byEvent.get(event)?.pieces ?? []) put(number, null);
    this.#byEvent.delete(event);
  }

  #eventText(event: string, [items, tail]: EventEvidence, put: PutPiece): string {
    const known = this.#byEvent.get(event);
    const tailText = JSON.stringify(tail);
    if (known === undefined && items.length < 2) return `[${JSON.stringify(items)},${tailText}]`;
    const stored = known ?? { pieces: [], rest: null };
    if (known === undefined) this.#byEvent.set(event, stored);
    const inPieces = this.#divide(stored, items, put);
    const rest = restOf(items, inPieces, stored.rest);
    stored.rest = rest;
    const [first] = stored.pieces;
    if (first === undefined) return `[[${rest?.text ?? ""}],${tailText}]`;
    const numbers = stored.pieces.map(({ number }) => number).join(",");
    return `[[${first.gone},${numbers}${rest === null ? "" : `,${rest.text}`}],${tailText}]`;
  }

  /** Brings the pieces to what the items are; returns how many items are in them. */
  #divide(stored: Stored, items: readonly Item[], put: PutPiece): number {
    const pieces: Piece[] = [];
    let at = 0;
    for (const piece of stored.pieces) {
      const now = standing(piece, items, at) ?? (pieces.length === 0 ? cutBack(piece, items, at) : null);
      if (now !== null) {
        pieces.push(now);
        at += now.items.length - now.gone;
        continue;
      }
      // Something came between, or all of it went: up to its last item it is made anew.
      put(piece.number, null);
      const end = items.indexOf(lastOf(piece.items), at) + 1;
      for (; end - at >= pieceItems * 2; at += pieceItems)
        pieces.push(this.#made(items.slice(at, at + pieceItems), put));
      if (end > at) pieces.push(this.#made(items.slice(at, end), put));
      at = Math.max(at, end);
    }
    for (; items.length - at >= pieceItems + itemsAtHand; at += pieceItems)
      pieces.push(this.#made(items.slice(at, at + pieceItems), put));
    stored.pieces = pieces;
    return at;
  }

  #made(items: readonly Item[], put: PutPiece): Piece {
    this.#lastNumber += 1;
    put(this.#lastNumber, JSON.stringify(items));
    return { number: this.#lastNumber, items, gone: 0 };
  }
}

function lastOf<T>(list: readonly T[]): T {
  const last = list.at(-1);
  if (last === undefined) throw new Error("a piece has items");
  return last;
}

/** The piece, if its items stand at that place as they did. */
function standing(piece: Piece, items: readonly Item[], at: number): Piece | null {
  const count = piece.items.length - piece.gone;
  const isThere = items[at] === piece.items[piece.gone] && items[at + count - 1] === lastOf(piece.items);
  return isThere ? piece : null;
}

/** The piece without its oldest items, if those that are left of it stand at that place. */
function cutBack(piece: Piece, items: readonly Item[], at: number): Piece | null {
  const first = items[at];
  const gone = first === undefined ? -1 : piece.items.indexOf(first, piece.gone);
  if (gone < 0) return null;
  for (let place = gone; place < piece.items.length; place += 1)
    if (items[at + place - gone] !== piece.items[place]) return null;
  return { ...piece, gone };
}

/** The items from `from` on as text; of a known run that only grew, the new ones alone are made into text. */
function restOf(items: readonly Item[], from: number, known: Run | null): Run | null {
  const [first, last] = [items[from], items.at(-1)];
  const count = items.length - from;
  if (first === undefined || last === undefined || count <= 0) return null;
  if (known === null || first !== known.first || items[from + known.count - 1] !== known.last)
    return { first, last, count, text: textOf(items.slice(from)) };
  if (count === known.count) return known;
  return { first, last, count, text: `${known.text},${textOf(items.slice(from + known.count))}` };
}

/** The items without the brackets around them. */
function textOf(items: readonly Item[]): string {
  return JSON.stringify(items).slice(1, -1);
}
