/**
 * Orders, keyed by order_id, from the events of Segment's e-commerce spec (v2): one that is told twice, by the page
 * and by the server, is one order. Order Completed and Order Updated tell versions of it; the newest that names an
 * amount (total, else revenue, else value) counts. Order Cancelled removes the order for good; Order Refunded
 * subtracts its amount, or all when it names none, and never more than there is. An order is as old as its oldest
 * version. An event without order_id is an order of its own.
 *
 * The newest 1,000 orders are kept; of older ones only number and sums are left, and a later word about one of those
 * would be taken for a new order: from there on the answers say `approximate`.
 */
import { currencyOf } from "./cart.ts";
import { addWhole, divided, fromScaled, toScaled, type Whole } from "./decimal.ts";
import type { Event, Json, JsonObject } from "./event.ts";
import type { OrdersTrait } from "./evidencePlan.ts";
import { readingOf, type ComputedReading } from "./reading.ts";
import { compareStamps, type Stamped } from "./stamp.ts";

/** A word about an order; `amount` in millionths, null when it names none. */
export type OrderWord = [
  timestampMs: number,
  delayMs: number,
  index: number,
  messageId: string,
  source: string,
  amount: number | null,
  currency: string | null,
];

/** `cancelled` is the oldest cancellation; refunds by order key. An array, so that no inherited key can be taken for one. */
export type OrderRecord = [
  firstMs: number | null,
  version: OrderWord | null,
  cancelled: OrderWord | null,
  refunds: OrderWord[],
];

/** Orders that are no longer kept one by one: how many, and in what currency how many came to what sum. */
export interface OrdersTail {
  n: number;
  sums: [currency: string, n: number, sum: Whole][];
}

export interface OrderBook {
  /** By `#` and order_id. */
  orders: Record<string, OrderRecord>;
  /** Number of orders. */
  size: number;
  tail: OrdersTail | null;
}

/** Refunds kept of an order, the oldest. */
const maxRefunds = 50;

const maxIdChars = 256;

export function emptyBook(): OrderBook {
  return { orders: Object.create(null) as Record<string, OrderRecord>, size: 0, tail: null };
}

/** Takes an event into the book. */
export function addOrderEvent(book: OrderBook, event: Event, maxOrders: number): void {
  const key = keyOf(event);
  const word: OrderWord = [
    event.timestampMs,
    event.receivedAtMs - event.timestampMs,
    event.index,
    event.messageId,
    event.source,
    amountOf(event.properties),
    currencyOf(event.properties),
  ];
  const said: OrderRecord = [null, null, null, []];
  if (event.name === "Order Refunded") said[3].push(word);
  else if (event.name === "Order Cancelled") said[2] = word;
  else [said[0], said[1]] = [event.timestampMs, word];
  const summaries = summaryMemory.get(book);
  const was = summaries === undefined ? null : countedOf(recordOf(book, key));
  takeIn(book, key, said);
  if (summaries !== undefined) moveOn(summaries, was, countedOf(recordOf(book, key)));
  demoteSurplus(book, maxOrders);
}

function keyOf(event: Event): string {
  const id = event.properties["order_id"];
  const isId = (typeof id === "string" && id !== "" && id.length <= maxIdChars) || typeof id === "number";
  // A messageId is unique within its source only.
  return isId ? `#${id}` : `${event.source}#${event.messageId}`;
}

function amountOf(properties: JsonObject): number | null {
  return toScaled(properties["total"]) ?? toScaled(properties["revenue"]) ?? toScaled(properties["value"]);
}

function recordOf(book: OrderBook, key: string): OrderRecord | undefined {
  const found: unknown = book.orders[key];
  return Array.isArray(found) ? (found as OrderRecord) : undefined;
}

/** Joins what is said with what is known of one order. */
function takeIn(book: OrderBook, key: string, said: OrderRecord): void {
  const known = recordOf(book, key);
  if (known === undefined) {
    book.orders[key] = [said[0], said[1], said[2], [...said[3]]];
    book.size += 1;
    return;
  }
  if (said[0] !== null) known[0] = Math.min(known[0] ?? said[0], said[0]);
  known[1] = better(known[1], said[1], isBetterVersion);
  known[2] = better(known[2], said[2], (left, right) => compareStamps(left, right) < 0);
  for (const refund of said[3]) addRefund(known[3], refund);
}

function better(
  left: OrderWord | null,
  right: OrderWord | null,
  isBetter: (left: OrderWord, right: OrderWord) => boolean,
): OrderWord | null {
  if (left === null || right === null) return left ?? right;
  return isBetter(right, left) ? right : left;
}

/** One that names an amount, then the newer one. */
function isBetterVersion(left: OrderWord, right: OrderWord): boolean {
  if ((left[5] === null) !== (right[5] === null)) return left[5] !== null;
  return compareStamps(left, right) > 0;
}

function addRefund(refunds: OrderWord[], refund: OrderWord): void {
  if (refunds.some((other) => compareStamps(other, refund) === 0)) return;
  refunds.push(refund);
  refunds.sort(compareStamps);
  if (refunds.length > maxRefunds) refunds.pop();
}

/** Joins two books into `into`; tails add up, so the caller makes sure that they are of different profiles. */
export function mergeBooks(into: OrderBook, from: OrderBook, maxOrders: number): void {
  summaryMemory.delete(into);
  for (const key of Object.keys(from.orders)) {
    const record = recordOf(from, key);
    if (record !== undefined) takeIn(into, key, record);
  }
  if (from.tail !== null) {
    into.tail ??= { n: 0, sums: [] };
    into.tail.n += from.tail.n;
    for (const [currency, n, sum] of from.tail.sums) addToSums(into.tail.sums, currency, n, sum);
  }
  demoteSurplus(into, maxOrders);
}

/** Presses the oldest orders. Refunds and cancellations of orders that were never told count as the oldest. */
function demoteSurplus(book: OrderBook, maxOrders: number): void {
  while (book.size > maxOrders) {
    const key = oldestKey(book);
    const record = recordOf(book, key);
    book.tail ??= { n: 0, sums: [] };
    if (record !== undefined && counts(record)) {
      book.tail.n += 1;
      addToSums(book.tail.sums, record[1]?.[6] ?? "", 1, netOf(record));
    }
    delete book.orders[key];
    book.size -= 1;
  }
}

function oldestKey(book: OrderBook): string {
  let oldest = "";
  for (const key of Object.keys(book.orders)) {
    const order = oldest === "" ? -1 : ageOf(book, key) - ageOf(book, oldest);
    if (order < 0 || (order === 0 && key < oldest)) oldest = key;
  }
  return oldest;
}

function ageOf(book: OrderBook, key: string): number {
  return recordOf(book, key)?.[0] ?? -Number.MAX_SAFE_INTEGER;
}

/** Adds to the sum of one currency ("" where none was named); by currency, sorted. One that no order has is gone. */
function addToSums(
  sums: [currency: string, n: number, sum: Whole][],
  currency: string,
  n: number,
  sum: Whole,
): void {
  const entry = sums.find(([known]) => known === currency);
  if (entry !== undefined) {
    entry[1] += n;
    entry[2] = addWhole(entry[2], sum);
    if (entry[1] === 0) sums.splice(sums.indexOf(entry), 1);
    return;
  }
  sums.push([currency, n, sum]);
  sums.sort(([left], [right]) => (left < right ? -1 : 1));
}

function counts(record: OrderRecord): boolean {
  return record[1] !== null && record[2] === null;
}

/** What is left of an order's amount after its refunds, millionths. */
function netOf(record: OrderRecord): number {
  const amount = record[1]?.[5] ?? 0;
  let left = amount;
  for (const refund of record[3]) left -= refund[5] ?? left;
  return record[3].length === 0 ? amount : Math.max(0, Math.min(amount, left));
}

/** What the orders of a window come to. */
interface Summary {
  n: number;
  /** Time of the newest order; −Infinity: there is none. */
  lastMs: number;
  readonly sums: [currency: string, n: number, sum: Whole][];
}

/** The value alone; the short way, for the fold. */
export function ordersValue(book: OrderBook | null, trait: OrdersTrait, tMs: number): Json {
  return ordersValues(book, [trait], tMs)[0] ?? null;
}

/** The values of several traits, each window and currency gone through once. */
export function ordersValues(book: OrderBook | null, traits: readonly OrdersTrait[], tMs: number): Json[] {
  let known: Summary | null = null;
  let of: OrdersTrait | undefined;
  return traits.map((trait) => {
    if (book === null || book.tail !== null) return readOrders(book, trait, tMs).value;
    if (known === null || of?.windowMs !== trait.windowMs || of.currency !== trait.currency)
      known = trait.windowMs === null ? summaryOfAll(book, trait, tMs) : summaryOf(book, trait, tMs);
    of = trait;
    return valueOf(known, trait);
  });
}

/** Summaries over all orders of a book, by currency; kept right by `addOrderEvent`, and forgotten by a merge. */
const summaryMemory = new WeakMap<OrderBook, Map<string, Summary>>();

function summaryOfAll(book: OrderBook, trait: OrdersTrait, tMs: number): Summary {
  let summaries = summaryMemory.get(book);
  if (summaries === undefined) summaryMemory.set(book, (summaries = new Map()));
  let summary = summaries.get(trait.currency);
  if (summary === undefined) summaries.set(trait.currency, (summary = summaryOf(book, trait, tMs)));
  return summary;
}

/** An order as far as summaries count it. */
interface Counted {
  readonly firstMs: number;
  /** Null: none is named. */
  readonly currency: string | null;
  readonly net: number;
}

function countedOf(record: OrderRecord | undefined): Counted | null {
  if (record === undefined || !counts(record) || record[0] === null) return null;
  return { firstMs: record[0], currency: record[1]?.[6] ?? null, net: netOf(record) };
}

/** From what an order was (null: it did not count) to what it is. */
function moveOn(summaries: Map<string, Summary>, was: Counted | null, is: Counted | null): void {
  for (const [currency, summary] of summaries) {
    if (was !== null && was.firstMs === summary.lastMs && is?.firstMs !== was.firstMs) {
      // Which of the others is the newest now has to be looked for.
      summaries.delete(currency);
      continue;
    }
    if (was !== null) addToSums(summary.sums, was.currency ?? currency, -1, -was.net);
    if (is !== null) addToSums(summary.sums, is.currency ?? currency, 1, is.net);
    summary.n += (is === null ? 0 : 1) - (was === null ? 0 : 1);
    summary.lastMs = Math.max(summary.lastMs, is?.firstMs ?? -Infinity);
  }
}

function summaryOf(book: OrderBook, trait: OrdersTrait, tMs: number): Summary {
  const sinceMs = trait.windowMs === null ? -Infinity : tMs - trait.windowMs;
  const summary: Summary = { n: 0, lastMs: -Infinity, sums: [] };
  for (const key in book.orders) {
    const record = recordOf(book, key);
    if (record === undefined || !counts(record) || record[0] === null || record[0] <= sinceMs) continue;
    summary.n += 1;
    if (record[0] > summary.lastMs) summary.lastMs = record[0];
    addToSums(summary.sums, record[1]?.[6] ?? trait.currency, 1, netOf(record));
  }
  return summary;
}

/** One of the order traits at an instant; `book` null: nothing is known. */
export function readOrders(book: OrderBook | null, trait: OrdersTrait, tMs: number): ComputedReading {
  const sinceMs = trait.windowMs === null ? -Infinity : tMs - trait.windowMs;
  const counted: OrderRecord[] = [];
  for (const key of Object.keys(book?.orders ?? {})) {
    const record = book === null ? undefined : recordOf(book, key);
    if (
      record !== undefined &&
      counts(record) &&
      (record[0] ?? -Infinity) > sinceMs &&
      isAbout(record, trait)
    )
      counted.push(record);
  }
  const tail = book?.tail ?? null;
  const sums: [currency: string, n: number, sum: Whole][] = [];
  for (const record of counted) addToSums(sums, record[1]?.[6] ?? trait.currency, 1, netOf(record));
  if (tail !== null && trait.windowMs === null) {
    for (const [currency, n, sum] of tail.sums)
      addToSums(sums, currency === "" ? trait.currency : currency, n, sum);
  }
  const n = counted.length + (trait.windowMs === null ? (tail?.n ?? 0) : 0);
  const firstMs = counted.map((record) => record[0] ?? 0);
  const value = valueOf({ n, lastMs: -least(firstMs.map((ms) => -ms)), sums }, trait);
  const stamps = counted.flatMap(wordsOf).sort((left, right) => compareStamps(right, left));
  const nextChangeAtMs =
    trait.windowMs === null || firstMs.length === 0 ? null : least(firstMs) + trait.windowMs;
  return readingOf(value, stamps, {
    eventCount: stamps.length + (trait.windowMs === null ? (tail?.n ?? 0) : 0),
    approximate: tail !== null,
    nextChangeAtMs,
  });
}

/** Whether the order has a part in the value: amounts of other currencies have none in those of one. */
function isAbout(record: OrderRecord, { measure, currency }: OrdersTrait): boolean {
  return (measure !== "revenue" && measure !== "average") || (record[1]?.[6] ?? currency) === currency;
}

function wordsOf(record: OrderRecord): Stamped[] {
  return record[1] === null ? record[3] : [record[1], ...record[3]];
}

function valueOf({ n, lastMs, sums }: Summary, { measure, currency }: OrdersTrait): Json {
  if (measure === "count") return n;
  if (measure === "lastAt") return lastMs === -Infinity ? null : new Date(lastMs).toISOString();
  if (measure === "revenueByCurrency")
    return Object.fromEntries(sums.map(([name, , sum]) => [name, fromScaled(sum)]));
  const own = sums.find(([name]) => name === currency);
  if (measure === "revenue") return fromScaled(own?.[2] ?? 0);
  return own === undefined ? null : divided(own[2], own[1]);
}

function least(list: readonly number[]): number {
  return list.reduce((smallest, next) => Math.min(smallest, next), Infinity);
}
