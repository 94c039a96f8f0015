/** The freshet.yaml that a shop begins with, each of its lines at work in a whole server. */
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import type { Json } from "../../src/model/event.ts";
import { freshet } from "../support/command.ts";
import { startServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";

const web = "wk_sample_web_key_0001";
const shop = "wk_sample_shop_key_0001";

const config = `version: 1
sources:
  web:    { trust: browser, writeKey: "\${WEB_WRITE_KEY}" }
  shop:   { trust: server, writeKey: "\${SHOP_WRITE_KEY}" }
identity:
  phone: { limit: 3, priority: 4 }
traits:
  firstName: { type: string, maxLength: 80, default: there }
  plan:      { type: string, oneOf: [free, pro], setBy: [shop] }
use: [{ ecommerce: { currency: EUR } }, engagement]
computedTraits:
  shoesViewed7d: { aggregate: count, event: Product Viewed, where: { category: { is: shoes } }, window: 7d }
  biggestOrder:  { aggregate: max, event: Order Completed, property: total }
  lastSearches:  { aggregate: list, event: Products Searched, property: query, keep: 5, uniqueBy: query }
segments:
  big-spenders:  { trait: totalRevenue, atLeast: 500 }
  repeat-buyers: { event: Order Completed, within: 90d, times: { atLeast: 2 } }
  cart-abandoned:
    all:
      - { trait: cart.count, atLeast: 1 }
      - { trait: cart.updatedAt, olderThan: 30m }
      - { consent: email.marketing, is: granted }
      - { not: { segment: staff } }
  staff: { list: ./lists/staff.csv, match: email }
trackingPlan: ./plan
content: { folder: ./content, linkHosts: [shop.example] }
`;

const block = `---
needs: [firstName, cart]
fallback: <p>Hello</p>
---
<p>Hi {{ firstName }}: {{ cart.count }}</p>
`;

interface Read {
  readonly traits: Readonly<Record<string, Json>>;
  readonly segments: readonly string[];
}

test("does what it says", async () => {
  using folder = tempFolder();
  for (const name of ["data", "lists", "plan", "content"]) mkdirSync(folder.at(name));
  writeFileSync(folder.at("freshet.yaml"), config);
  writeFileSync(folder.at("lists/staff.csv"), "email\nBoss@Shop.example\n");
  writeFileSync(folder.at("content/cart-reminder.liquid"), block);
  const data = folder.at("data");
  await using server = await startServer({
    data,
    args: ["--config", folder.at("freshet.yaml")],
    env: { WEB_WRITE_KEY: web, SHOP_WRITE_KEY: shop },
  });
  const send = async (key: string, batch: readonly Record<string, Json>[]) => {
    const headers = { Authorization: `Basic ${btoa(`${key}:`)}` };
    const answer = await server.post("/v1/batch", { batch: batch as Json }, headers);
    expect([answer.status, await answer.json()]).toEqual([200, { success: true }]);
  };
  const read = async (id: string) =>
    (await (await server.get(`/v1/profiles/${encodeURIComponent(id)}`)).json()) as Read;
  const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
  const track = (userId: string, event: string, properties: Record<string, Json>, minutes = 0) => ({
    type: "track",
    userId,
    event,
    timestamp: ago(minutes),
    properties,
  });
  const granted = { channel: "email", topic: "marketing", status: "granted" };

  await send(web, [
    { type: "identify", userId: "ann", traits: { email: "Ann@Shop.example", phone: "+49 1", plan: "pro" } },
    { type: "identify", userId: "boss", traits: { email: "boss@shop.example", firstName: "x".repeat(81) } },
    track("ann", "Products Searched", { query: "boots" }, 5),
    track("ann", "Products Searched", { query: "socks" }, 4),
    track("ann", "Products Searched", { query: "boots" }, 3),
    track("ann", "Product Viewed", { product_id: "P7", category: "shoes" }, 8 * 24 * 60),
    track("ann", "Product Viewed", { product_id: "P7", category: "shoes" }, 60),
    track("ann", "Product Viewed", { product_id: "P9", category: "hats" }, 59),
  ]);
  await send(shop, [
    { type: "identify", userId: "ann", traits: { plan: "free" } },
    ...["ann", "boss"].map((userId) => track(userId, "Consent Changed", granted)),
    track("ann", "Order Completed", { order_id: "o-1", total: 480.5, currency: "EUR" }, 90),
    track("ann", "Order Completed", { order_id: "o-2", total: "19.5", currency: "EUR" }, 80),
    track("ann", "Order Completed", { order_id: "o-3", total: 900, currency: "USD" }, 70),
    ...["ann", "boss"].map((userId) =>
      track(userId, "Product Added", { product_id: "P7", price: 84, quantity: 2 }, 31),
    ),
  ]);

  const ann = await read("phone:+49 1");
  expect(ann.traits).toMatchObject({
    firstName: "there",
    plan: "free",
    email: "Ann@Shop.example",
    shoesViewed7d: 1,
    biggestOrder: 900,
    lastSearches: ["boots", "socks"],
    ordersCount: 3,
    totalRevenue: 500,
    averageOrderValue: 250,
    totalRevenueByCurrency: { EUR: 500, USD: 900 },
    cart: { count: 2, value: 168, currency: "EUR" },
    recentlyViewed: [
      { product_id: "P9", category: "hats" },
      { product_id: "P7", category: "shoes" },
    ],
    favoriteCategory: "shoes",
    views24h: 2,
    opens30d: 0,
    emailable: false,
  });
  expect(ann.segments).toEqual(["big-spenders", "cart-abandoned", "repeat-buyers"]);
  const boss = await read("email:BOSS@shop.example");
  expect([boss.traits["firstName"], boss.segments]).toEqual(["there", ["staff"]]);
  const mail = await server.get("/v1/content/cart-reminder?id=user_id:ann");
  expect(await mail.json()).toMatchObject({
    html: expect.stringContaining("Hi there: 2"),
    servedFrom: "default",
  });

  const printed = await freshet(["profile", "user_id:ann", "--data", data]);
  expect(printed.stdout).toMatch(
    /\n {2}phone +\+49 1 +first in \S+ \(identify, web, .+one with user_id:ann since /,
  );
  expect(printed.stdout).toMatch(/\n {2}shoesViewed7d +1 .*computed of 1 event, window 7d, changes \d{4}-/);
});
