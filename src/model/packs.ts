/** Packs: computed traits under fixed names. They read the events of Segment's e-commerce and e-mail specs. */
import type { Definition } from "./definition.ts";
import type { OrderMeasure } from "./evidencePlan.ts";
import type { Where } from "./selector.ts";

export const packNames = ["ecommerce", "engagement", "saas"] as const;

/** So long without an event ends a session. */
export const sessionIdleMs = 30 * 60_000;

/** How long pages were looked at, milliseconds: what the browser snippet says of each look (docs/snippet.md). */
export const pageTime = { event: "Page Engaged", property: "visibleMs" } as const;

/** The e-mail spec's events: what becomes of a message says nothing of somebody being at work in a product. */
const emailEvents = [
  "Email Bounced",
  "Email Delivered",
  "Email Link Clicked",
  "Email Marked as Spam",
  "Email Opened",
  "Unsubscribed",
] as const;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** What tells a product that was looked at; under these keys it is shown. */
const productProperties = ["product_id", "name", "category", "price", "url", "image_url"] as const;
const productsShown = 10;

const orderTraits: readonly (readonly [name: string, measure: OrderMeasure])[] = [
  ["ordersCount", "count"],
  ["totalRevenue", "revenue"],
  ["averageOrderValue", "average"],
  ["lastOrderAt", "lastAt"],
  ["totalRevenueByCurrency", "revenueByCurrency"],
];

/** Cart, orders and what was looked at. Amounts in other currencies than `currency` (ISO 4217) don't count. */
export function ecommercePack(currency: string): readonly Definition[] {
  return [
    { name: "cart", aggregate: "cart", currency },
    ...orderTraits.map(([name, measure]): Definition => ({ name, aggregate: "orders", measure, currency })),
    {
      name: "recentlyViewed",
      aggregate: "list",
      event: "Product Viewed",
      property: productProperties,
      keep: productsShown,
      uniqueBy: "product_id",
    },
    { name: "favoriteCategory", aggregate: "mostFrequent", event: "Product Viewed", property: "category" },
    { name: "views24h", aggregate: "count", event: "Product Viewed", windowMs: dayMs },
  ];
}

/** An open that neither a proxy made for a reader nor a robot or scanner (facts.ts). */
const byHumans: Where = { "context.bot": { isNot: true }, "context.proxy": { exists: false } };

/** What became of e-mails. In `opens30d`, opens by mail proxies count like any other. */
export function engagementPack(): readonly Definition[] {
  return [
    { name: "opens30d", aggregate: "count", event: "Email Opened", windowMs: 30 * dayMs },
    {
      name: "humanOpens30d",
      aggregate: "count",
      event: "Email Opened",
      where: byHumans,
      windowMs: 30 * dayMs,
    },
    { name: "clicks30d", aggregate: "count", event: "Email Link Clicked", windowMs: 30 * dayMs },
    { name: "lastOpenedAt", aggregate: "lastAt", event: "Email Opened" },
    { name: "lastClickedAt", aggregate: "lastAt", event: "Email Link Clicked" },
    { name: "emailable", aggregate: "emailable", topic: null },
  ];
}

/** Who is active: calls of every kind, but for what became of e-mails. */
export function saasPack(): readonly Definition[] {
  const event = { call: "any", except: emailEvents } as const;
  return [
    { name: "lastActiveAt", aggregate: "lastAt", event },
    { name: "sessions7d", aggregate: "sessions", event, idleMs: sessionIdleMs, windowMs: 7 * dayMs },
  ];
}
