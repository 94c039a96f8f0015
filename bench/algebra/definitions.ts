/** Computed traits as a shop would declare them, and one of each kind alone. */
import { compile } from "../../src/model/compile.ts";
import type { Definition, Definitions } from "../../src/model/definition.ts";
import type { Event } from "../../src/model/event.ts";
import { added, viewed } from "./events.ts";

const dayMs = 86_400_000;

const ecommerce: Definition[] = [
  { name: "cart", aggregate: "cart", currency: "EUR" },
  { name: "ordersCount", aggregate: "orders", measure: "count", currency: "EUR" },
  { name: "totalRevenue", aggregate: "orders", measure: "revenue", currency: "EUR" },
  { name: "averageOrderValue", aggregate: "orders", measure: "average", currency: "EUR" },
  { name: "lastOrderAt", aggregate: "orders", measure: "lastAt", currency: "EUR" },
  { name: "views24h", aggregate: "count", event: "Product Viewed", windowMs: dayMs },
  { name: "views", aggregate: "count", event: "Product Viewed" },
  {
    name: "shoesViewed7d",
    aggregate: "count",
    event: "Product Viewed",
    where: { category: { is: "shoes" } },
    windowMs: 7 * dayMs,
  },
  {
    name: "spentMind7d",
    aggregate: "average",
    event: "Product Viewed",
    property: "price",
    windowMs: 7 * dayMs,
  },
  {
    name: "recentlyViewed",
    aggregate: "list",
    event: "Product Viewed",
    property: ["product_id", "name", "price"],
    keep: 5,
    uniqueBy: "product_id",
  },
  { name: "productsSeen", aggregate: "unique", event: "Product Viewed", property: "product_id" },
];

/** The definitions again under other names, up to 30 traits. */
export const thirty = compile([
  ...ecommerce,
  ...Array.from({ length: 19 }, (_, at): Definition => ({
    name: `extra${at}`,
    aggregate: "sum",
    event: "Product Viewed",
    property: "price",
    windowMs: (at + 1) * dayMs,
  })),
]);
/** The 11 traits of a shop. */
export const pack = compile(ecommerce);

/** One kind of computed trait, with the events that it reads. */
export interface Kind {
  readonly name: string;
  readonly definitions: Definitions;
  readonly make: (number: number) => Event;
}

const views = { event: "Product Viewed", windowMs: 7 * dayMs } as const;

const alone: readonly (readonly [name: string, definition: Definition, make: Kind["make"]])[] = [
  ["count", { name: "a", aggregate: "count", event: "Product Viewed" }, viewed],
  ["count, 7 days", { ...views, name: "a", aggregate: "count" }, viewed],
  [
    "count, 7 days, one condition",
    { ...views, name: "a", aggregate: "count", where: { category: { is: "shoes" } } },
    viewed,
  ],
  ["sum, 7 days", { ...views, name: "a", aggregate: "sum", property: "price" }, viewed],
  ["average, 7 days", { ...views, name: "a", aggregate: "average", property: "price" }, viewed],
  ["max, 7 days", { ...views, name: "a", aggregate: "max", property: "price" }, viewed],
  ["last value", { name: "a", aggregate: "last", event: "Product Viewed", property: "product_id" }, viewed],
  ["unique, 7 days", { ...views, name: "a", aggregate: "unique", property: "product_id" }, viewed],
  [
    "list of 5",
    { name: "a", aggregate: "list", event: "Product Viewed", property: "product_id", keep: 5 },
    viewed,
  ],
  [
    "list of 5, three properties, unique",
    {
      name: "a",
      aggregate: "list",
      event: "Product Viewed",
      property: ["product_id", "name", "price"],
      keep: 5,
      uniqueBy: "product_id",
    },
    viewed,
  ],
  ["cart", { name: "a", aggregate: "cart", currency: "EUR" }, added],
  [
    "orders, revenue",
    { name: "a", aggregate: "orders", measure: "revenue", currency: "EUR" },
    (number) => added(number * 8 + 7),
  ],
];

/** Every kind, each with its one definition. */
export const kinds: readonly Kind[] = alone.map(([name, definition, make]) => ({
  name,
  definitions: compile([definition]),
  make,
}));
