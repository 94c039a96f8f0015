/** What the cart and the orders must be, the slow and obvious way: from the whole list of events. */
import type { Definition } from "../../src/model/definition.ts";
import type { Event, Json } from "../../src/model/event.ts";
import { inOrder, millionths, toNumber } from "./computedOracle.ts";

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
  return isProduct && keyOfProduct(event.properties) !== null;
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
  const counted = orders.filter((order) => (order.currency ?? definition.currency) === definition.currency);
  const revenue = counted.reduce((sum, order) => sum + order.net, 0n);
  switch (definition.measure) {
    case "count":
      return orders.length;
    case "revenue":
      return toNumber(revenue);
    case "average":
      return counted.length === 0 ? null : Math.round(Number(revenue) / counted.length) / 1e6;
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
