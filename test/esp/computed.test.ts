/** Computed traits over HTTP, at instants that the test chooses. */
import { describe, expect, test } from "bun:test";
import { compile } from "../../src/model/compile.ts";
import type { Definition } from "../../src/model/definition.ts";
import { ecommercePack } from "../../src/model/packs.ts";
import { FakeClock } from "../support/fakeClock.ts";
import { MemoryStore } from "../support/memoryStore.ts";
import { OutServer } from "./outServer.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const path = "/v1/profiles/user_id:42";

const definitions = compile([
  ...ecommercePack("EUR"),
  {
    name: "shoesViewed7d",
    aggregate: "count",
    event: "Product Viewed",
    where: { category: { is: "shoes" } },
    windowMs: 7 * 24 * hourMs,
  },
  { name: "biggestOrder", aggregate: "max", event: "Order Completed", property: "total" },
] satisfies Definition[]);

function withShop(): OutServer {
  return new OutServer({ store: new MemoryStore(new FakeClock(), definitions) });
}

function view(server: OutServer, messageId: string): void {
  server.store.send({
    userId: "42",
    name: "Product Viewed",
    messageId,
    properties: { product_id: "P7", category: "shoes" },
  });
}

async function traitsOf(server: OutServer, query = ""): Promise<Record<string, unknown>> {
  return (await server.json(`${path}${query}`))["traits"] as Record<string, unknown>;
}

describe("a read", () => {
  test("tells values at its own moment: an event leaves its window to the millisecond", async () => {
    await using server = withShop();
    view(server, "v-1");
    server.store.clock.advance(hourMs);
    view(server, "v-2");
    expect((await traitsOf(server))["views24h"]).toBe(2);
    server.store.clock.advance(23 * hourMs - 1);
    expect((await traitsOf(server))["views24h"]).toBe(2);
    server.store.clock.advance(1);
    expect((await traitsOf(server))["views24h"]).toBe(1);
    server.store.clock.advance(hourMs);
    expect((await traitsOf(server))["views24h"]).toBe(0);
    expect((await traitsOf(server))["shoesViewed7d"]).toBe(2);
  });

  test("shows what has a value, among the other traits and only as far as asked for", async () => {
    await using server = withShop();
    server.store.send({ userId: "42", traits: { firstName: "Ann" } });
    view(server, "v-1");
    expect(await traitsOf(server)).toEqual({
      favoriteCategory: "shoes",
      firstName: "Ann",
      ordersCount: 0,
      recentlyViewed: [{ product_id: "P7", category: "shoes" }],
      shoesViewed7d: 1,
      totalRevenue: 0,
      totalRevenueByCurrency: {},
      views24h: 1,
    });
    expect(await traitsOf(server, "?traits=views24h,biggestOrder,firstName")).toEqual({
      views24h: 1,
      firstName: "Ann",
    });
    const kept = await server.json(path, { key: "sk_names_only_000" });
    expect(kept["traits"]).toEqual({ firstName: "Ann" });
  });

  test("does not tell what a client set under a computed name", async () => {
    await using server = withShop();
    server.store.send({ userId: "42", traits: { views24h: 99 } });
    expect((await traitsOf(server))["views24h"]).toBe(0);
  });
});

describe("caching", () => {
  test("the ETag changes when a window moves on, and not before", async () => {
    await using server = withShop();
    view(server, "v-1");
    const first = (await server.fetch(path)).headers.get("etag") ?? "";
    server.store.clock.advance(24 * hourMs - 1);
    const same = await server.fetch(path, { headers: { "If-None-Match": first } });
    expect(same.status).toBe(304);
    server.store.clock.advance(1);
    const other = await server.fetch(path, { headers: { "If-None-Match": first } });
    expect(other.status).toBe(200);
    expect(other.headers.get("etag")).not.toBe(first);
  });

  test("an answer may be kept until the next window moves on, however often it is given", async () => {
    await using server = withShop();
    view(server, "v-1");
    server.store.clock.advance(22 * hourMs);
    const control = async () => (await server.fetch(path)).headers.get("cache-control");
    expect(await control()).toBe("private, max-age=0, stale-if-error=7200");
    server.store.clock.advance(hourMs + 500);
    expect(await control()).toBe("private, max-age=0, stale-if-error=3599");
    const etag = (await server.fetch(path)).headers.get("etag") ?? "";
    server.store.clock.advance(hourMs - 1_000);
    const late = await server.fetch(path, { headers: { "If-None-Match": etag } });
    expect([late.status, late.headers.get("cache-control")]).toEqual([304, "private, max-age=0"]);
    server.store.clock.advance(500);
    expect(await control()).toBe("private, max-age=0, stale-if-error=86400");
  });
});

describe("the verbose form", () => {
  test("tells what a value is made of and when it changes by itself", async () => {
    await using server = withShop();
    for (const id of ["v-1", "v-2", "v-3"]) {
      view(server, id);
      server.store.clock.advance(minuteMs);
    }
    const body = await server.json(`${path}?verbose=true&traits=views24h,biggestOrder,ordersCount`);
    expect(body["traits"]).toEqual({
      views24h: {
        value: 3,
        updatedAt: "2026-11-24T09:02:00.000Z",
        receivedAt: "2026-11-24T09:02:00.000Z",
        ageMs: minuteMs,
        source: "web",
        eventMessageId: "v-3",
        servedFrom: "live",
        computed: {
          window: "24h",
          eventMessageIds: ["v-3", "v-2", "v-1"],
          eventCount: 3,
          nextChangeAt: "2026-11-25T09:00:00.000Z",
          approximate: false,
        },
      },
      ordersCount: {
        value: 0,
        updatedAt: null,
        receivedAt: null,
        ageMs: null,
        source: null,
        eventMessageId: null,
        servedFrom: "live",
        computed: {
          window: null,
          eventMessageIds: [],
          eventCount: 0,
          nextChangeAt: null,
          approximate: false,
        },
      },
    });
  });

  test("says so where old events are kept in minutes only", async () => {
    await using server = withShop();
    for (let sent = 0; sent < 1_200; sent += 1) {
      view(server, `v-${sent}`);
      server.store.clock.advance(1_000);
    }
    const traits = (await server.json(`${path}?verbose=true&traits=views24h`))["traits"];
    expect(traits).toMatchObject({ views24h: { value: 1_200, computed: { approximate: true } } });
  });
});

test("many profiles at once tell them too", async () => {
  await using server = withShop();
  view(server, "v-1");
  const body = JSON.stringify({ ids: ["user_id:42"] });
  const answer = await server.json("/v1/profiles/batch?traits=views24h", { method: "POST", body });
  expect(answer["profiles"]).toMatchObject([{ traits: { views24h: 1 } }]);
});

test("the feed's snapshot tells them as they are then, and a change their old and new value", async () => {
  await using server = withShop();
  view(server, "v-1");
  server.store.clock.advance(24 * hourMs);
  await using feed = await server.feed("?snapshot=true&traits=views24h");
  await feed.take(2);
  view(server, "v-2");
  const [snapshot, live, change] = await feed.take(3);
  expect(JSON.parse(snapshot?.data ?? "")).toMatchObject({ traits: { views24h: 0 } });
  expect([snapshot?.event, live?.event, change?.event]).toEqual(["snapshot", "live", "change"]);
  expect(JSON.parse(change?.data ?? "")).toMatchObject({ traits: { views24h: { old: 0, new: 1 } } });
});
