/**
 * The cart: what is in it now, from the events of Segment's e-commerce spec (v2).
 *
 * Product Added and Product Removed count up and down, keyed by product_id, else sku; a removal without a quantity
 * removes the product. Cart Viewed and Checkout Started with a list of products say what is in it; Order Completed
 * empties it. Kept are the acts since the newest that said it all, at most the newest 250, and replayed by order key
 * at every read: so their order of arrival can't matter, and an act seen twice counts once.
 */
import { addProduct, fromProducts, fromScaled, noProducts, scale, toScaled } from "./decimal.ts";
import type { Event, Json, JsonObject } from "./event.ts";
import type { CartTrait } from "./evidencePlan.ts";
import { readingOf, type ComputedReading } from "./reading.ts";
import { compareStamps } from "./stamp.ts";

/** A product as the events name it: only fields of `lineFields`, quantity and price as they came. */
export type CartLine = Record<string, string | number>;

type ActKind = "+" | "-" | "=";

export type CartAct = [
  timestampMs: number,
  delayMs: number,
  index: number,
  messageId: string,
  source: string,
  kind: ActKind,
  lines: CartLine[],
  currency: string | null,
];

const lineFields = [
  "product_id",
  "sku",
  "name",
  "variant",
  "brand",
  "category",
  "url",
  "image_url",
  "price",
  "quantity",
];

const maxLines = 100;
const maxFieldChars = 1_024;
const largestQuantity = 1_000_000;

/** What the event does to the cart; null: nothing. */
export function cartActOf(event: Event): CartAct | null {
  const kind = kindOf(event);
  if (kind === null) return null;
  const currency = currencyOf(event.properties);
  const lines = event.name === "Order Completed" ? [] : linesOf(event, kind);
  if (kind !== "=" && lines.length === 0) return null;
  return [
    event.timestampMs,
    event.receivedAtMs - event.timestampMs,
    event.index,
    event.messageId,
    event.source,
    kind,
    lines,
    currency,
  ];
}

function kindOf(event: Event): ActKind | null {
  const { name } = event;
  if (name === "Product Added") return "+";
  if (name === "Product Removed") return "-";
  if (name === "Order Completed") return "=";
  const tellsAll = name === "Cart Viewed" || name === "Checkout Started";
  return tellsAll && Array.isArray(event.properties["products"]) ? "=" : null;
}

function linesOf(event: Event, kind: ActKind): CartLine[] {
  const listed = kind === "=" ? event.properties["products"] : [event.properties];
  const lines: CartLine[] = [];
  for (const entry of Array.isArray(listed) ? (listed as readonly Json[]) : []) {
    const line = lineOf(entry);
    if (line !== null && lines.length < maxLines) lines.push(line);
  }
  return lines;
}

/** The fields of a product that are worth keeping; null when nothing says which product it is. */
function lineOf(entry: Json): CartLine | null {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return null;
  const line: CartLine = {};
  for (const field of lineFields) {
    const value = (entry as JsonObject)[field];
    const isKept =
      typeof value === "string" ? value !== "" && value.length <= maxFieldChars : typeof value === "number";
    if (isKept) line[field] = value as string | number;
  }
  return keyOf(line) === null ? null : line;
}

function keyOf(line: CartLine): string | null {
  const key = line["product_id"] ?? line["sku"];
  return key === undefined ? null : String(key);
}

/** The currency an event names, in capitals; null: none. */
export function currencyOf(properties: JsonObject): string | null {
  const currency = properties["currency"];
  return typeof currency === "string" && /^[A-Za-z]{3}$/.test(currency) ? currency.toUpperCase() : null;
}

/** Adds an act, comparing nothing; one that is there already, or is told over by a later one, changes nothing. */
export function addCartAct(acts: CartAct[], act: CartAct, maxActs: number): void {
  let at = acts.length;
  for (; at > 0; at -= 1) {
    const other = acts[at - 1];
    const order = other === undefined ? -1 : compareStamps(other, act);
    if (order === 0) return;
    if (order < 0) break;
    // A later act that told the cart in full leaves nothing of this one.
    if (other?.[5] === "=") return;
  }
  if (at === 0 && acts.length >= maxActs) return;
  if (act[5] === "=") acts.splice(0, at, act);
  else acts.splice(at, 0, act);
  if (acts.length > maxActs) acts.shift();
}

/** The cart now; its value null when nothing was ever in it. */
export function readCart(acts: readonly CartAct[], trait: CartTrait): ComputedReading {
  const { currency, maxActs } = trait;
  const approximate = acts.length >= maxActs && acts[0]?.[5] !== "=";
  return readingOf(cartValue(acts, currency), acts.toReversed(), { approximate });
}

/** The cart alone. */
export function cartValue(acts: readonly CartAct[], currency: string): Json {
  const newest = acts.at(-1);
  return newest === undefined ? null : told(replay(acts), newest, currency);
}

/** A cart before and after an act. */
interface CartStep {
  readonly old: Json;
  readonly new: Json;
}

/** What acts come to, so that the next one need not replay them. */
interface Replayed {
  readonly held: Held[];
  count: number;
  first: CartAct | undefined;
  last: CartAct | undefined;
  /** The value told last, by currency. */
  readonly told: Map<string, Json>;
}

const replayed = new WeakMap<readonly CartAct[], Replayed>();

/** Adds an act; what it changed, in the order of the traits. */
export function addCartStep(acts: CartAct[], act: CartAct, traits: readonly CartTrait[]): CartStep[] {
  const maxActs = traits[0]?.maxActs ?? 0;
  const newest = acts.at(-1);
  const before = replayedOf(acts);
  const old = traits.map(({ currency }) => toldOnce(before, acts, currency));
  const isNext = acts.length < maxActs && (newest === undefined || compareStamps(newest, act) < 0);
  addCartAct(acts, act, maxActs);
  if (isNext) {
    perform(before.held, act);
    before.told.clear();
    note(before, acts);
  }
  const after = isNext ? before : replayedOf(acts);
  return traits.map(({ currency }, at) => ({ old: old[at] ?? null, new: toldOnce(after, acts, currency) }));
}

function replayedOf(acts: readonly CartAct[]): Replayed {
  const known = replayed.get(acts);
  if (known?.count === acts.length && known.first === acts[0] && known.last === acts.at(-1)) return known;
  const made: Replayed = { held: replay(acts), count: 0, first: undefined, last: undefined, told: new Map() };
  note(made, acts);
  replayed.set(acts, made);
  return made;
}

function note(of: Replayed, acts: readonly CartAct[]): void {
  of.count = acts.length;
  of.first = acts[0];
  of.last = acts.at(-1);
}

function toldOnce(of: Replayed, acts: readonly CartAct[], currency: string): Json {
  const newest = acts.at(-1);
  if (newest === undefined) return null;
  let value = of.told.get(currency);
  if (value === undefined) of.told.set(currency, (value = told(of.held, newest, currency)));
  return value;
}

/** What is held of one product. */
interface Held {
  readonly key: string;
  line: CartLine;
  /** True once `line` is a copy that may be changed. */
  isOwn: boolean;
  /** Millionths. */
  quantity: number;
  currency: string | null;
  /** As it stands in the cart's value; null when that has to be made anew. */
  item: Json;
}

function told(held: readonly Held[], newest: CartAct, currency: string): Json {
  let count = 0;
  const value = noProducts();
  const items: Json[] = [];
  for (const one of held) {
    count += one.quantity;
    const price = one.currency === null || one.currency === currency ? toScaled(one.line["price"]) : null;
    if (price !== null) addProduct(value, price, one.quantity);
    one.item ??= { ...one.line, quantity: fromScaled(one.quantity) };
    items.push(one.item);
  }
  const updatedAt = new Date(newest[0]).toISOString();
  return { items, count: fromScaled(count), value: fromProducts(value), currency, updatedAt };
}

/** What is in the cart, in the order in which it came in. Few enough to be searched one by one. */
function replay(acts: readonly CartAct[]): Held[] {
  const held: Held[] = [];
  for (const act of acts) perform(held, act);
  return held;
}

function perform(held: Held[], act: CartAct): void {
  if (act[5] === "=") held.length = 0;
  for (const line of act[6]) {
    const key = keyOf(line);
    if (key === null) continue;
    if (act[5] === "-") takeOut(held, key, line);
    else putIn(held, key, line, act[7]);
  }
}

function placeOf(held: readonly Held[], key: string): number {
  for (let at = 0; at < held.length; at += 1) if (held[at]?.key === key) return at;
  return -1;
}

/** Newer fields replace older ones; quantities add up. A missing or senseless quantity is one. */
function putIn(held: Held[], key: string, line: CartLine, currency: string | null): void {
  const quantity = quantityOf(line) ?? scale;
  if (quantity === 0) return;
  const there = held[placeOf(held, key)];
  if (there === undefined) {
    held.push({ key, line, isOwn: false, quantity, currency, item: null });
    return;
  }
  there.line = there.isOwn ? Object.assign(there.line, line) : { ...there.line, ...line };
  there.isOwn = true;
  there.quantity = Math.min(there.quantity + quantity, largestQuantity * scale);
  there.currency = currency ?? there.currency;
  there.item = null;
}

function takeOut(held: Held[], key: string, line: CartLine): void {
  const at = placeOf(held, key);
  const there = held[at];
  if (there === undefined) return;
  there.quantity -= quantityOf(line) ?? there.quantity;
  there.item = null;
  if (there.quantity <= 0) held.splice(at, 1);
}

/** Millionths, 0 included; null when it is missing or no quantity. */
function quantityOf(line: CartLine): number | null {
  const quantity = toScaled(line["quantity"]);
  return quantity === null || quantity < 0 ? null : Math.min(quantity, largestQuantity * scale);
}
