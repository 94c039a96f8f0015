/**
 * What shoppers do: a visit as a sequence of events with the names and properties of the Segment e-commerce
 * specification (https://segment.com/docs/connections/spec/ecommerce/v2/). Pure: dice decide, no clock is read.
 */
import type { Json } from "../../model/event.ts";
import {
  categories,
  coupons,
  currency,
  firstNames,
  lastNames,
  products,
  searches,
  type Product,
} from "./catalogue.ts";
import type { Dice } from "./dice.ts";

/** One event before it has an id, a time and somebody who did it. */
export interface Draft {
  readonly type: "page" | "track" | "identify";
  /** Of the event or the page; null for identify. */
  readonly name: string | null;
  /** Properties, or traits for identify. */
  readonly data: Readonly<Record<string, Json>>;
}

/** Someone who comes again and again, and what stays of each visit. */
export interface Shopper {
  readonly anonymousId: string;
  /** The id that signing up gives. */
  readonly accountId: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly email: string;
  /** Share of the visits with a full cart that end in an order. */
  readonly buys: number;
  hasSignedUp: boolean;
  cart: readonly CartLine[];
  orders: readonly Order[];
  orderCount: number;
}

interface CartLine {
  readonly product: Product;
  readonly quantity: number;
}

interface Order {
  readonly orderId: string;
  readonly lines: readonly CartLine[];
  readonly total: number;
}

/** Orders that may still be sent back. */
const rememberedOrders = 3;

/** A shopper of a run; `run` keeps the ids of different runs apart. */
export function newShopper(number: number, run: string, dice: Dice): Shopper {
  const firstName = dice.pick(firstNames);
  const lastName = dice.pick(lastNames);
  const plain = `${firstName}.${lastName}`.normalize("NFD").replace(/[^A-Za-z.]/g, "");
  return {
    anonymousId: `anon-${run}-${number}`,
    accountId: `user-${run}-${number}`,
    firstName,
    lastName,
    email: `${plain.toLowerCase()}.${run}.${number}@example.com`,
    buys: dice.pick([0, 0, 0.1, 0.3, 0.6, 0.9]),
    hasSignedUp: false,
    cart: [],
    orders: [],
    orderCount: 0,
  };
}

/** One visit. What the shopper owns changes as its events are taken. */
export function* visit(shopper: Shopper, dice: Dice): Generator<Draft, void> {
  yield page("Home", "/");
  if (shopper.orders.length > 0 && dice.chance(0.15)) yield* sendBack(shopper, dice);
  if (dice.chance(0.3)) yield track("Products Searched", { query: dice.pick(searches) });
  yield* browse(shopper, dice);
  if (!shopper.hasSignedUp && dice.chance(0.2)) yield* signUp(shopper);
  if (shopper.cart.length === 0) return;
  yield track("Cart Viewed", { cart_id: shopper.anonymousId, products: lineItems(shopper.cart) });
  if (dice.chance(0.15)) yield remove(shopper);
  if (shopper.cart.length > 0 && dice.chance(shopper.buys)) yield* buy(shopper, dice);
}

function* browse(shopper: Shopper, dice: Dice): Generator<Draft, void> {
  const category = dice.pick(categories);
  const listed = products.filter((product) => product.category === category);
  yield page("Category", `/${category}`);
  yield track("Product List Viewed", { list_id: category, category, products: listed.map(item) });
  for (let views = 1 + dice.below(4); views > 0; views -= 1) {
    const product = dice.pick(listed);
    yield track("Product Clicked", { ...item(product), list_id: category });
    yield page("Product", `/${category}/${product.product_id}`);
    yield track("Product Viewed", { ...item(product), currency });
    if (dice.chance(0.08)) yield track("Product Added to Wishlist", item(product));
    if (dice.chance(0.3)) yield add(shopper, product, dice.chance(0.1) ? 2 : 1);
  }
}

/** Puts a product into the cart. */
export function add(shopper: Shopper, product: Product, quantity: number): Draft {
  const before = shopper.cart.find((line) => line.product === product)?.quantity ?? 0;
  const others = shopper.cart.filter((line) => line.product !== product);
  shopper.cart = [...others, { product, quantity: before + quantity }];
  return track("Product Added", { cart_id: shopper.anonymousId, ...item(product), quantity, currency });
}

/** Takes the newest line out of the cart. */
function remove(shopper: Shopper): Draft {
  const line = shopper.cart.at(-1);
  if (line === undefined) throw new Error("the cart is empty");
  shopper.cart = shopper.cart.slice(0, -1);
  const { product, quantity } = line;
  return track("Product Removed", { cart_id: shopper.anonymousId, ...item(product), quantity, currency });
}

/** Makes an account of the anonymous visitor. */
export function* signUp(shopper: Shopper): Generator<Draft, void> {
  shopper.hasSignedUp = true;
  const { firstName, lastName, email } = shopper;
  yield { type: "identify", name: null, data: { firstName, lastName, email } };
  yield track("Signed Up", { method: "email" });
}

/** Everything from the checkout to the order. */
export function* buy(shopper: Shopper, dice: Dice): Generator<Draft, void> {
  const order = orderOf(shopper);
  const facts = { order_id: order.orderId, value: order.total, currency };
  yield track("Checkout Started", { ...facts, products: lineItems(order.lines) });
  if (!shopper.hasSignedUp) yield* signUp(shopper);
  yield track("Checkout Step Completed", {
    checkout_id: order.orderId,
    step: 1,
    shipping_method: "standard",
  });
  const coupon = dice.chance(0.15) ? dice.pick(coupons) : null;
  if (coupon !== null) yield track("Coupon Entered", { order_id: order.orderId, coupon_id: coupon });
  yield track("Payment Info Entered", { checkout_id: order.orderId, step: 2, payment_method: "card" });
  shopper.cart = [];
  shopper.orderCount += 1;
  shopper.orders = [...shopper.orders, order].slice(-rememberedOrders);
  yield track("Order Completed", {
    checkout_id: order.orderId,
    order_id: order.orderId,
    total: order.total,
    revenue: order.total,
    currency,
    ...(coupon === null ? {} : { coupon }),
    products: lineItems(order.lines),
  });
}

/** Returns one of the newest orders, all of it. */
export function* sendBack(shopper: Shopper, dice: Dice): Generator<Draft, void> {
  const order = dice.pick(shopper.orders);
  shopper.orders = shopper.orders.filter((other) => other !== order);
  yield page("Order", `/account/orders/${order.orderId}`);
  yield track("Order Refunded", {
    order_id: order.orderId,
    total: order.total,
    currency,
    products: lineItems(order.lines),
  });
}

function orderOf(shopper: Shopper): Order {
  const cents = shopper.cart.reduce(
    (sum, { product, quantity }) => sum + Math.round(product.price * 100) * quantity,
    0,
  );
  return {
    orderId: `${shopper.accountId}-order-${shopper.orderCount + 1}`,
    lines: shopper.cart,
    total: cents / 100,
  };
}

function lineItems(lines: readonly CartLine[]): Json {
  return lines.map(({ product, quantity }) => ({ ...item(product), quantity }));
}

function item(product: Product): Record<string, Json> {
  return { ...product };
}

/** Somebody saw a page. */
export function page(name: string, path: string): Draft {
  return { type: "page", name, data: { path, url: `https://shop.example${path}`, title: name } };
}

/** Somebody did something. */
export function track(name: string, data: Readonly<Record<string, Json>>): Draft {
  return { type: "track", name, data };
}
