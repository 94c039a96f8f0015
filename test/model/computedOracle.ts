/**
 * What computed traits must be, the slow and obvious way: from the whole list of events, with sums in BigInt and
 * nothing kept between two questions.
 */
import type { Definition, Limits, Scalar } from "../../src/model/definition.ts";
import type { Event, Json } from "../../src/model/event.ts";

type OfEvents = Exclude<Definition, { aggregate: "cart" | "orders" }>;

export interface Expected {
  readonly value: Json;
  readonly approximate: boolean;
  readonly eventCount: number;
}

/** By order key, then source; oldest first. */
export function inOrder(events: readonly Event[]): Event[] {
  return [...events].sort(
    (a, b) =>
      a.timestampMs - b.timestampMs ||
      a.receivedAtMs - b.receivedAtMs ||
      a.index - b.index ||
      (a.messageId === b.messageId ? 0 : a.messageId < b.messageId ? -1 : 1) ||
      (a.source < b.source ? -1 : 1),
  );
}

/** "12.5" → 12500000n; null for what is no decimal number. */
function millionths(value: unknown): bigint | null {
  const match = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(
    typeof value === "number" || typeof value === "string" ? String(value) : "",
  );
  if (match === null) return null;
  const size = BigInt(match[2] ?? "0") * 1_000_000n + BigInt((match[3] ?? "").padEnd(6, "0"));
  return match[1] === "-" ? -size : size;
}

function toNumber(sum: bigint): number {
  return Number(sum) / 1e6;
}

function lastMsOf(minute: number): number {
  return minute * 60_000 + 59_999;
}

/** Events that count at `tMs`, oldest first, and those of them that are kept one by one. */
function inWindow(events: readonly Event[], definition: OfEvents, tMs: number, limits: Limits) {
  const named = inOrder(events.filter((event) => event.type === "track" && event.name === definition.event));
  const pressed = named.slice(0, Math.max(0, named.length - limits.items));
  const kept = named.slice(pressed.length);
  const sinceMs = definition.windowMs === undefined ? -Infinity : tMs - definition.windowMs;
  const minuteOf = (event: Event) => Math.floor(event.timestampMs / 60_000);
  const minutes = [...new Set(pressed.map(minuteOf))].sort((a, b) => b - a);
  const told = minutes.slice(0, limits.minutes);
  const isTouched = (minute: number) =>
    lastMsOf(minute) > sinceMs && kept.every((event) => event.timestampMs > sinceMs);
  const pressedIn =
    definition.windowMs === undefined
      ? pressed
      : pressed.filter((event) => told.includes(minuteOf(event)) && isTouched(minuteOf(event)));
  return {
    kept: kept.filter((event) => event.timestampMs > sinceMs),
    pressed: pressedIn,
    touchesPressed: definition.windowMs !== undefined && minutes.some(isTouched),
    hasPressed: pressed.length > 0,
  };
}

function meets(event: Event, definition: OfEvents): boolean {
  return Object.entries(definition.where ?? {}).every(([property, { is }]) => own(event, property) === is);
}

function own(event: Event, property: string): Scalar | null {
  const value = Object.hasOwn(event.properties, property) ? event.properties[property] : null;
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
}

/** One computed trait over events. */
export function expectedTally(
  events: readonly Event[],
  definition: OfEvents,
  tMs: number,
  limits: Limits,
): Expected {
  const seen = inWindow(events, definition, tMs, limits);
  if (definition.aggregate === "unique" || definition.aggregate === "list")
    return expectedValues(seen, definition);
  const matching = [...seen.pressed, ...seen.kept].filter((event) => meets(event, definition));
  if (definition.aggregate === "count")
    return { value: matching.length, approximate: seen.touchesPressed, eventCount: matching.length };
  const { aggregate, property } = definition;
  if (aggregate === "first" || aggregate === "last") {
    const holders = matching.filter((event) => own(event, property) !== null);
    const holder = aggregate === "first" ? holders[0] : holders.at(-1);
    return {
      value: holder === undefined ? null : own(holder, property),
      approximate: seen.touchesPressed,
      eventCount: holders.length,
    };
  }
  const numbers = matching
    .map((event) => millionths(own(event, property)))
    .filter((number) => number !== null);
  return {
    value: calculated(aggregate, numbers),
    approximate: seen.touchesPressed,
    eventCount: numbers.length,
  };
}

function calculated(aggregate: "sum" | "average" | "min" | "max", numbers: readonly bigint[]): Json {
  const sum = numbers.reduce((total, number) => total + number, 0n);
  if (aggregate === "sum") return toNumber(sum);
  if (numbers.length === 0) return null;
  if (aggregate === "average") return Math.round(Number(sum) / numbers.length) / 1e6;
  const sorted = [...numbers].sort((a, b) => (a < b ? -1 : 1));
  return toNumber((aggregate === "min" ? sorted[0] : sorted.at(-1)) ?? 0n);
}

function expectedValues(
  seen: { readonly kept: readonly Event[]; readonly touchesPressed: boolean; readonly hasPressed: boolean },
  definition: Exclude<OfEvents, { aggregate: "count" }>,
): Expected {
  const isList = definition.aggregate === "list";
  const uniqueBy = isList ? definition.uniqueBy : String(definition.property);
  const newestFirst = [...seen.kept].reverse().filter((event) => meets(event, definition));
  const given = newestFirst.filter((event) => listed(event, definition.property) !== null);
  const able = given.filter((event) => uniqueBy === undefined || own(event, uniqueBy) !== null);
  const distinct = able.filter(
    (event, at) =>
      uniqueBy === undefined ||
      able.findIndex((other) => own(other, uniqueBy) === own(event, uniqueBy)) === at,
  );
  const isPressed = definition.windowMs === undefined ? seen.hasPressed : seen.touchesPressed;
  if (!isList) return { value: distinct.length, approximate: isPressed, eventCount: able.length };
  const shown = distinct.slice(0, definition.keep);
  const value = shown.map((event) => listed(event, definition.property));
  return { value, approximate: isPressed && shown.length < definition.keep, eventCount: shown.length };
}

function listed(event: Event, property: string | readonly string[]): Json {
  if (typeof property === "string") return own(event, property);
  const entries = property
    .map((key) => [key, own(event, key)] as const)
    .filter(([, value]) => value !== null);
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

/** The cart from all events since it was last told in full, however many. */
export function expectedCart(events: readonly Event[], currency: string): Json {
  const acts = inOrder(events).filter((event) => event.type === "track" && isCartAct(event));
  const newest = acts.at(-1);
  if (newest === undefined) return null;
  let lines: { key: string; fields: Record<string, Json>; quantity: bigint; currency: string | null }[] = [];
  for (const act of acts) {
    const products = act.properties["products"];
    const isWhole =
      act.name === "Order Completed" || act.name === "Cart Viewed" || act.name === "Checkout Started";
    if (isWhole) lines = [];
    const list =
      act.name === "Order Completed"
        ? []
        : isWhole
          ? (products as Record<string, Json>[])
          : [act.properties as Record<string, Json>];
    for (const product of list) {
      const key = keyOfProduct(product);
      if (key === null) continue;
      const line = lines.find((other) => other.key === key);
      const quantity = millionths(product["quantity"]);
      const valid = quantity === null || quantity < 0n ? null : quantity;
      if (act.name === "Product Removed") {
        if (line !== undefined) line.quantity -= valid ?? line.quantity;
        lines = lines.filter((other) => other.quantity > 0n);
      } else if (valid !== 0n) {
        const actCurrency =
          typeof act.properties["currency"] === "string" ? act.properties["currency"] : null;
        const fields = Object.fromEntries(
          Object.entries(product).filter(([name]) => cartFields.includes(name)),
        );
        if (line === undefined)
          lines.push({ key, fields, quantity: valid ?? 1_000_000n, currency: actCurrency });
        else {
          Object.assign(line.fields, fields);
          line.quantity += valid ?? 1_000_000n;
          line.currency = actCurrency ?? line.currency;
        }
      }
    }
  }
  const counting = lines.filter((line) => line.currency === null || line.currency === currency);
  const value = counting.reduce(
    (sum, line) => sum + (millionths(line.fields["price"]) ?? 0n) * line.quantity,
    0n,
  );
  return {
    items: lines.map((line) => ({ ...line.fields, quantity: toNumber(line.quantity) })),
    count: toNumber(lines.reduce((sum, line) => sum + line.quantity, 0n)),
    value: Number((value + 500_000n) / 1_000_000n) / 1e6,
    currency,
    updatedAt: new Date(newest.timestampMs).toISOString(),
  };
}

const cartFields = ["product_id", "sku", "name", "price", "quantity"];

function keyOfProduct(product: Record<string, Json>): string | null {
  const id = product["product_id"] ?? product["sku"];
  return typeof id === "string" || typeof id === "number" ? String(id) : null;
}

function isCartAct(event: Event): boolean {
  if (event.name === "Order Completed") return true;
  if (event.name === "Cart Viewed" || event.name === "Checkout Started")
    return Array.isArray(event.properties["products"]);
  const isProduct = event.name === "Product Added" || event.name === "Product Removed";
  return isProduct && keyOfProduct(event.properties as Record<string, Json>) !== null;
}

/** One of the order traits. */
export function expectedOrders(
  events: readonly Event[],
  definition: Extract<Definition, { aggregate: "orders" }>,
  tMs: number,
): Json {
  const byOrder = Map.groupBy(inOrder(events).filter(isOrderEvent), (event) => {
    const id = event.properties["order_id"];
    return typeof id === "string" || typeof id === "number"
      ? `id ${id}`
      : `event ${event.source} ${event.messageId}`;
  });
  const sinceMs = definition.windowMs === undefined ? -Infinity : tMs - definition.windowMs;
  const orders = [...byOrder.values()]
    .map(told)
    .filter((order) => order !== null && order.firstMs > sinceMs) as Order[];
  const own = orders.filter((order) => (order.currency ?? definition.currency) === definition.currency);
  const revenue = own.reduce((sum, order) => sum + order.net, 0n);
  switch (definition.measure) {
    case "count":
      return orders.length;
    case "revenue":
      return toNumber(revenue);
    case "average":
      return own.length === 0 ? null : Math.round(Number(revenue) / own.length) / 1e6;
    case "lastAt":
      return orders.length === 0
        ? null
        : new Date(Math.max(...orders.map((order) => order.firstMs))).toISOString();
    case "revenueByCurrency": {
      const sums: Record<string, Json> = {};
      const groups = Map.groupBy(orders, (order) => order.currency ?? definition.currency);
      for (const [currency, group] of groups)
        sums[currency] = toNumber(group.reduce((sum, order) => sum + order.net, 0n));
      return sums;
    }
  }
}

interface Order {
  readonly firstMs: number;
  readonly net: bigint;
  readonly currency: string | null;
}

function isOrderEvent(event: Event): boolean {
  return (
    event.type === "track" &&
    ["Order Completed", "Order Updated", "Order Cancelled", "Order Refunded"].includes(event.name ?? "")
  );
}

/** What the events about one order, in order, make of it; null: none that counts. */
function told(events: readonly Event[]): Order | null {
  const versions = events.filter(
    (event) => event.name === "Order Completed" || event.name === "Order Updated",
  );
  const first = versions[0];
  if (first === undefined || events.some((event) => event.name === "Order Cancelled")) return null;
  const version = versions.findLast((event) => amountOf(event) !== null) ?? versions.at(-1);
  const amount = (version === undefined ? null : amountOf(version)) ?? 0n;
  const refunds = events.filter((event) => event.name === "Order Refunded");
  const back = refunds.some((refund) => amountOf(refund) === null)
    ? amount
    : refunds.reduce((sum, refund) => sum + (amountOf(refund) ?? 0n), 0n);
  const currency = version?.properties["currency"];
  return {
    firstMs: first.timestampMs,
    net: back > amount ? 0n : amount - back,
    currency: typeof currency === "string" ? currency : null,
  };
}

function amountOf(event: Event): bigint | null {
  const { properties } = event;
  return (
    millionths(properties["total"]) ?? millionths(properties["revenue"]) ?? millionths(properties["value"])
  );
}
