/**
 * Evidence as it is stored: JSON in the profile's text, but for the older items of an event of which there are many.
 * Those stand beside it in pieces of twelve, each under a key of its own, written once and not again while nothing
 * comes in between. So a profile that changes costs the same to write down whether it has twenty items or a thousand.
 * In the text stand, before the items, how many of the first piece are gone and then the numbers of the pieces.
 *
 * Items never change once made, and come and go at the ends of their list nearly always (none goes from the middle).
 */
import type { Evidence } from "../model/computed.ts";
import { evidenceOf, type EventEvidence } from "../model/evidence.ts";
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

/** A text in UTF-8, and room for more of it behind. */
export interface Utf8 {
  bytes: Buffer;
  length: number;
}

/** A text in parts. */
export type TextPart = string | Readonly<Utf8>;

/** Items that stand side by side, with their text: put whole each time, so that it is better at hand as bytes. */
interface Run extends Utf8 {
  readonly first: Item;
  last: Item;
  count: number;
}

interface Stored {
  pieces: readonly Piece[];
  /** What followed the pieces in the profile's text. */
  rest: Run | null;
}

export const pieceItems = 12;

/** So many stay in the profile's text when others become a piece: one that comes a little late disturbs none. */
const itemsAtHand = 4;

/** What of one profile's evidence is stored, and where. */
export class EvidencePieces {
  readonly #byEvent = new Map<string, Stored>();
  #lastNumber = 0;

  /** Adds `before` and the evidence as JSON to `parts`; pieces that come and go on the way are given to `put`. */
  write(before: string, evidence: Evidence, parts: TextPart[], put: PutPiece): void {
    const { folded, parts: joined, cart, orders, spans, events } = evidence;
    const spansText = spans === undefined ? "" : `,"spans":${JSON.stringify(spans)}`;
    const cartText = cart === null ? "null" : JSON.stringify(cart);
    const ordersText = orders === null ? "null" : JSON.stringify(orders);
    let text = `${before}{"folded":${folded},"parts":${joined.length === 0 ? "[]" : JSON.stringify(joined)}${spansText},"cart":${cartText},"orders":${ordersText},"events":{`;
    for (const event of Object.keys(events)) {
      const of = evidenceOf(events, event);
      if (of === undefined) continue;
      text = this.#writeEvent(`${text}${JSON.stringify(event)}:[[`, event, of, parts, put);
    }
    for (const event of this.#byEvent.keys()) if (!Object.hasOwn(events, event)) this.#remove(event, put);
    parts.push(`${text.endsWith(",") ? text.slice(0, -1) : text}}}`);
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

  /** `before` goes ahead; returns what is to follow. */
  #writeEvent(
    before: string,
    event: string,
    [items, tail]: EventEvidence,
    parts: TextPart[],
    put: PutPiece,
  ): string {
    const after = tail === null ? "],null]," : `],${JSON.stringify(tail)}],`;
    const known = this.#byEvent.get(event);
    if (known === undefined && items.length < 2)
      return `${before}${JSON.stringify(items).slice(1, -1)}${after}`;
    const stored = known ?? { pieces: [], rest: null };
    if (known === undefined) this.#byEvent.set(event, stored);
    const inPieces = this.#divide(stored, items, put);
    const rest = restOf(items, inPieces, stored.rest);
    stored.rest = rest;
    const [first] = stored.pieces;
    const numbers =
      first === undefined ? "" : `${first.gone},${stored.pieces.map(({ number }) => number).join(",")}`;
    if (rest === null) return `${before}${numbers}${after}`;
    parts.push(numbers === "" ? before : `${before}${numbers},`, rest);
    return after;
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

/** The items from `from` on as text; to that of a known run that only grew, the new ones alone are added. */
function restOf(items: readonly Item[], from: number, known: Run | null): Run | null {
  const [first, last] = [items[from], items.at(-1)];
  const count = items.length - from;
  if (first === undefined || last === undefined || count <= 0) return null;
  const isKnown = known !== null && first === known.first && items[from + known.count - 1] === known.last;
  const run = isKnown ? known : { first, last, count: 0, bytes: known?.bytes ?? noBytes, length: 0 };
  for (; run.count < count; run.count += 1) {
    const text = JSON.stringify(items[from + run.count]);
    appendTo(run, run.count === 0 ? text : `,${text}`);
  }
  run.last = last;
  return run;
}

const noBytes = Buffer.alloc(0);

/** Adds to a text, in place. */
export function appendTo(text: Utf8, added: TextPart): void {
  // UTF-8 takes at most three bytes for a UTF-16 unit; most of the time that much room is there.
  const most = typeof added === "string" ? added.length * 3 : added.length;
  if (text.length + most > text.bytes.length) {
    const needed = text.length + (typeof added === "string" ? Buffer.byteLength(added) : added.length);
    if (needed > text.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.ceil(needed * 1.5));
      text.bytes.copy(grown, 0, 0, text.length);
      text.bytes = grown;
    }
  }
  text.length +=
    typeof added === "string"
      ? text.bytes.write(added, text.length, "utf8")
      : added.bytes.copy(text.bytes, text.length, 0, added.length);
}
