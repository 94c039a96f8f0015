/** Random events for the algebra's tests: few times, names and values, so that they meet. */
import * as fc from "fast-check";
import type { Event, Json, JsonObject } from "../../src/model/event.ts";

/** A track event of one person; change what a test is about. */
export function eventWith(part: Partial<Event>): Event {
  return {
    namespace: "live",
    source: "web",
    trusted: false,
    type: "track",
    name: "Product Viewed",
    messageId: "m-1",
    userId: "u-1",
    anonymousId: null,
    previousId: null,
    groupId: null,
    timestampMs: 1_000,
    receivedAtMs: 1_000,
    index: 0,
    properties: {},
    traits: {},
    ...part,
  };
}

/** Keys that a careless dictionary falls over. "__proto__" never gets past ingest. */
const traitKeys = ["a", "b", "c", "constructor", "prototype", "toString", "hasOwnProperty", "", "é"];

const leaf: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json[]>(null, null, 0, 1, 2.5, true, false, "", "x", "grün", "constructor"),
  fc.constantFrom<Json[]>({}, [], [1, null], [{ a: 1 }], ["x", ["y"]]),
);

/** Trait values, deep enough to pass the depth limit. */
const traitValue: fc.Arbitrary<Json> = fc.letrec<{ value: Json; tree: Json }>((tie) => ({
  value: fc.oneof({ weight: 3, arbitrary: leaf }, { weight: 2, arbitrary: tie("tree") }),
  tree: fc.dictionary(fc.constantFrom(...traitKeys), tie("value"), { maxKeys: 3 }),
})).value;

/** A value under a long path, around the depth limit. */
const deepValue: fc.Arbitrary<Json> = fc
  .tuple(fc.integer({ min: 5, max: 10 }), traitValue, fc.constantFrom("a", "b"))
  .map(([depth, value, key]) => {
    let wrapped = value;
    for (let level = 0; level < depth; level += 1) wrapped = { [level === depth - 2 ? key : "a"]: wrapped };
    return wrapped;
  });

const traits: fc.Arbitrary<JsonObject> = fc.dictionary(
  fc.constantFrom(...traitKeys),
  fc.oneof({ weight: 8, arbitrary: traitValue }, { weight: 1, arbitrary: deepValue }),
  { maxKeys: 4 },
);

/** The parts that make an order key; (source, messageId) is unique within a list. */
const placeOfEvent = fc.record({
  source: fc.constantFrom("web", "shop"),
  messageId: fc.integer({ min: 0, max: 40 }).map((number) => `m-${number}`),
  timestampMs: fc.integer({ min: 0, max: 12 }),
  receivedAtMs: fc.integer({ min: 0, max: 2 }),
  index: fc.integer({ min: 0, max: 1 }),
});

/** identify and track events with traits. */
export const traitEvents: fc.Arbitrary<Event[]> = fc.uniqueArray(
  fc
    .tuple(placeOfEvent, traits)
    .map(([place, written]) => eventWith({ type: "identify", name: null, traits: written, ...place })),
  { selector: (event) => `${event.source} ${event.messageId}`, maxLength: 10 },
);

/** A list in another order, some of it twice. */
export function shuffledWithRepeats<T>(list: readonly T[]): fc.Arbitrary<T[]> {
  const whole = fc.shuffledSubarray([...list], { minLength: list.length });
  return fc.tuple(whole, fc.shuffledSubarray([...list])).map(([all, again]) => [...all, ...again]);
}

/** The same events, dealt to `hands` piles. */
export function dealt<T>(list: readonly T[], hands: number): fc.Arbitrary<T[][]> {
  return fc
    .array(fc.nat({ max: hands - 1 }), { minLength: list.length, maxLength: list.length })
    .map((places) => {
      const piles: T[][] = Array.from({ length: hands }, () => []);
      list.forEach((item, at) => piles[places[at] ?? 0]?.push(item));
      return piles;
    });
}

const amount = fc.oneof(
  fc.integer({ min: 0, max: 5_000 }).map((cents) => cents / 100),
  fc.constantFrom<Json[]>("12.50", "x", null, 0, "7", true),
);

const product = fc.record(
  {
    product_id: fc.constantFrom<Json[]>("P1", "P2", "constructor", 7, null),
    sku: fc.constantFrom<Json[]>("P1", "S2", null),
    name: fc.constantFrom("shoe", "hat"),
    price: fc.integer({ min: 0, max: 9_999 }).map((cents) => cents / 100),
    quantity: fc.constantFrom<Json[]>(1, 2, 0, "3", 0.5),
    coupon: fc.constant("X"),
  },
  { requiredKeys: [] },
);

/** Without nulls, as the cart keeps no field of that kind. */
const tidyProduct = product.map((fields) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)),
);

const currency = fc.constantFrom({}, {}, { currency: "EUR" }, { currency: "USD" });

const viewed = fc
  .record(
    {
      category: fc.constantFrom("shoes", "hats"),
      price: amount,
      toString: fc.constantFrom<Json[]>("odd", 1),
      query: fc.constantFrom<Json[]>("a", "b", "c", 1, "1", null),
    },
    { requiredKeys: [] },
  )
  .map((properties) => ({ name: "Product Viewed", properties: properties as JsonObject }));

/** Calls of other kinds, with something to count. */
const called = fc.oneof(
  fc.record({
    type: fc.constant("page" as const),
    name: fc.constantFrom("Home", "Pricing", null),
    properties: fc.record(
      {
        path: fc.constantFrom("/", "/pricing"),
        price: amount,
        tags: fc.constantFrom<Json[]>(["a"], ["a", "b"]),
      },
      { requiredKeys: [] },
    ),
  }),
  fc.record({
    type: fc.constant("identify" as const),
    name: fc.constant(null),
    traits: fc.record({ plan: fc.constantFrom("free", "pro") }, { requiredKeys: [] }),
  }),
);

const cartAct = fc.oneof(
  fc
    .tuple(fc.constantFrom("Product Added", "Product Added", "Product Removed"), tidyProduct, currency)
    .map(([name, fields, more]) => ({
      name,
      properties: { ...fields, ...more } as JsonObject,
    })),
  fc
    .tuple(
      fc.constantFrom("Cart Viewed", "Checkout Started"),
      fc.option(fc.array(tidyProduct, { maxLength: 3 }), { nil: undefined }),
      currency,
    )
    .map(([name, products, more]) => ({
      name,
      properties: { ...(products === undefined ? {} : { products }), ...more } as JsonObject,
    })),
);

const orderEvent = fc
  .tuple(
    fc.constantFrom(
      "Order Completed",
      "Order Completed",
      "Order Updated",
      "Order Cancelled",
      "Order Refunded",
    ),
    fc.record(
      {
        order_id: fc.constantFrom<Json[]>("o-1", "o-2", "constructor", 3, "3"),
        total: amount,
        revenue: amount,
        value: amount,
      },
      { requiredKeys: [] },
    ),
    currency,
  )
  .map(([name, fields, more]) => ({ name, properties: { ...fields, ...more } as JsonObject }));

/** Times over ten minutes and a few seconds, so that minutes and windows are crossed. */
const spread = fc.record({
  source: fc.constantFrom("web", "shop"),
  messageId: fc.integer({ min: 0, max: 60 }).map((number) => `m-${number}`),
  timestampMs: fc.integer({ min: -2, max: 30 }).map((step) => step * 20_000),
  receivedAtMs: fc.integer({ min: 0, max: 31 }).map((step) => step * 20_000),
  index: fc.integer({ min: 0, max: 1 }),
});

/** Events of the kinds asked for. */
export function trackEvents(kinds: "viewed" | "shop" | "all", maxLength: number): fc.Arbitrary<Event[]> {
  const kind =
    kinds === "viewed"
      ? fc.oneof({ weight: 4, arbitrary: viewed }, { weight: 1, arbitrary: called })
      : kinds === "shop"
        ? fc.oneof(cartAct, orderEvent)
        : fc.oneof(viewed, cartAct, orderEvent, called);
  return fc.uniqueArray(
    fc.tuple(spread, kind).map(([place, what]) => eventWith({ ...place, ...what })),
    { selector: (event) => `${event.source} ${event.messageId}`, maxLength },
  );
}
