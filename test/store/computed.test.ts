/** Computed traits through the real store: folded with the event, told to the feed, rebuilt when they are others. */
import { describe, expect, test } from "bun:test";
import { canonicalJson } from "../../src/model/canonicalJson.ts";
import { readComputed } from "../../src/model/computed.ts";
import { compile } from "../../src/model/compile.ts";
import type { Definition } from "../../src/model/definition.ts";
import type { Change } from "../../src/model/change.ts";
import type { Json } from "../../src/model/event.ts";
import { ecommercePack } from "../../src/model/packs.ts";
import { emptyState } from "../../src/model/profile.ts";
import { seededIds } from "../../src/lib/id.ts";
import { noRules } from "../../src/model/rules.ts";
import { openReadOnlyStore } from "../../src/store/readOnlyStore.ts";
import { restore } from "../../src/ingest/judge.ts";
import { openTestStore, type TestStore } from "../support/openTestStore.ts";
import { tempFolder } from "../support/tempFolder.ts";

const hourMs = 3_600_000;
const pack = ecommercePack("EUR");
const spent: Definition = { name: "spent", aggregate: "sum", event: "Order Completed", property: "total" };
const looks: Definition = {
  name: "looks",
  aggregate: "list",
  event: "Product Viewed",
  property: "product_id",
  keep: 3,
};
const views: Definition = { name: "views", aggregate: "count", event: "Product Viewed" };

function computed(opened: TestStore, type: string, value: string): Record<string, Json> {
  const profile = opened.find(type, value);
  if (profile === null) throw new Error(`no profile ${type}:${value}`);
  return readComputed(profile.state, profile.definitions, opened.clock.nowMs());
}

async function view(opened: TestStore, id: string, product = "P7"): Promise<void> {
  await opened.accept("track", {
    userId: "42",
    event: "Product Viewed",
    messageId: id,
    properties: { product_id: product },
  });
}

test("an event's effect on them is in the answer's wake, in the change, and in the state after a restart", async () => {
  using folder = tempFolder();
  {
    await using opened = await openTestStore(folder.at("data"), { rules: { ...noRules, computed: pack } });
    await view(opened, "v-1");
    opened.clock.advance(hourMs);
    await view(opened, "v-2", "P8");
    expect(computed(opened, "user_id", "42")["views24h"]).toBe(2);
    const [, second] = opened.changes();
    expect(second?.traits["views24h"]).toEqual({ old: 1, new: 2 });
    expect(second?.traits["recentlyViewed"]).toEqual({
      old: [{ product_id: "P7" }],
      new: [{ product_id: "P8" }, { product_id: "P7" }],
    });
    opened.clock.advance(23 * hourMs);
    expect(computed(opened, "user_id", "42")["views24h"]).toBe(1);
  }
  await using again = await openTestStore(folder.at("data"), { rules: { ...noRules, computed: pack } });
  expect(again.notices).toEqual([]);
  expect(computed(again, "user_id", "42")["views24h"]).toBe(2);
  expect((await again.store.admin.verify(() => {})).problems).toEqual([]);
});

test("an order empties the cart, counts once by its id, and says so in one change", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.at("data"), { rules: { ...noRules, computed: pack } });
  const bought = { order_id: "o-1", total: 84, currency: "EUR" };
  await opened.accept("track", {
    userId: "42",
    event: "Product Added",
    properties: { product_id: "P7", price: 84, quantity: 1, currency: "EUR" },
  });
  await opened.accept("track", { userId: "42", event: "Order Completed", properties: bought });
  await opened.accept(
    "track",
    { userId: "42", event: "Order Completed", properties: bought },
    { source: "shop" },
  );
  const { cart, ordersCount, totalRevenue, averageOrderValue } = computed(opened, "user_id", "42");
  expect({ ordersCount, totalRevenue, averageOrderValue }).toEqual({
    ordersCount: 1,
    totalRevenue: 84,
    averageOrderValue: 84,
  });
  expect(cart).toMatchObject({ items: [], count: 0, value: 0 });
  const [, order, twin] = opened.changes();
  expect(Object.keys(order?.traits ?? {}).sort()).toEqual([
    "averageOrderValue",
    "cart",
    "lastOrderAt",
    "ordersCount",
    "totalRevenue",
    "totalRevenueByCurrency",
  ]);
  expect(twin?.traits).toEqual({});
});

test("an anonymous past is joined with the user's, and the change tells the sum", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.at("data"), { rules: { ...noRules, computed: [views] } });
  const event = "Product Viewed";
  await opened.accept("track", { anonymousId: "a-1", event });
  await opened.accept("track", { anonymousId: "a-1", event });
  await opened.accept("track", { userId: "42", event });
  await opened.accept("identify", { userId: "42", anonymousId: "a-1", traits: {} });
  expect(computed(opened, "anonymous_id", "a-1")["views"]).toBe(3);
  expect(opened.changes().at(-1)?.traits["views"]).toEqual({ old: 1, new: 3 });
  expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
});

describe("a client that sets one", () => {
  test("is heard without it; what it set lies in the quarantine", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.at("data"), { rules: { ...noRules, computed: [views] } });
    await opened.accept("identify", { userId: "42", messageId: "i-1", traits: { views: 99, plan: "pro" } });
    expect(opened.traits("user_id", "42")).toEqual({ plan: "pro" });
    expect(computed(opened, "user_id", "42")["views"]).toBe(0);
    expect(Object.keys(opened.changes()[0]?.traits ?? {})).toEqual(["plan"]);
    const [piece] = opened.store.admin.quarantine(null, 10);
    expect(piece?.code).toBe("trait_reserved");
  });

  test("is not heard later either, once it is no computed trait any more; what it set can be sent again", async () => {
    using folder = tempFolder();
    {
      await using opened = await openTestStore(folder.at("data"), {
        rules: { ...noRules, computed: [views] },
      });
      await opened.accept("identify", { userId: "42", traits: { views: 99 } });
    }
    await using again = await openTestStore(folder.at("data"));
    await again.live();
    expect(again.traits("user_id", "42")).toEqual({});
    const [piece] = again.store.admin.quarantine(null, 10);
    expect(await again.store.admin.replayQuarantine(piece?.id ?? 0)).toEqual({ kind: "accepted" });
    expect(again.traits("user_id", "42")).toEqual({ views: 99 });
  });
});

describe("other definitions than before", () => {
  test("have the profiles rebuilt beside the service, with what was accepted before and meanwhile", async () => {
    using folder = tempFolder();
    {
      await using opened = await openTestStore(folder.at("data"));
      await view(opened, "v-1");
      await view(opened, "v-2");
    }
    await using again = await openTestStore(folder.at("data"), { rules: { ...noRules, computed: pack } });
    expect(again.store.status().mode).toBe("rebuilding");
    await view(again, "v-3");
    await again.live();
    expect(again.notices).toEqual([
      "warn: rebuilding profiles from the journal: the computed traits are others than before",
    ]);
    expect(computed(again, "user_id", "42")["views24h"]).toBe(3);
    expect((await again.store.admin.verify(() => {})).problems).toEqual([]);
  });

  test("are remembered for whoever opens the folder without any", async () => {
    using folder = tempFolder();
    {
      await using opened = await openTestStore(folder.at("data"), { rules: { ...noRules, computed: pack } });
      await view(opened, "v-1");
    }
    {
      await using stored = await openTestStore(folder.at("data"), { rules: "stored" });
      expect(stored.notices).toEqual([]);
      await view(stored, "v-2");
      expect(computed(stored, "user_id", "42")["views24h"]).toBe(2);
    }
    const reading = openReadOnlyStore(folder.at("data"));
    const found = reading.profiles.find("live", "user_id", "42");
    expect(found.kind === "found" && found.profile.definitions.names.has("views24h")).toBe(true);
    expect((await reading.verify(restore, () => {})).problems).toEqual([]);
    await reading.close();
  });
});

describe("whoever follows the changes", () => {
  const definitions: readonly Definition[] = [
    views,
    spent,
    looks,
    ...pack.filter(({ name }) => name === "cart" || name === "totalRevenue"),
  ];

  for (let seed = 1; seed <= 20; seed += 1)
    test(`knows every value, through joins and late links: seed ${seed}`, async () => {
      using folder = tempFolder();
      await using opened = await openTestStore(folder.at("data"), {
        rules: { ...noRules, computed: definitions },
      });
      const follower = new Follower(opened);
      const ids = seededIds(seed);
      const pick = (...from: string[]) => from[Math.floor(ids.random() * from.length)] ?? "";
      for (let step = 0; step < 40; step += 1) {
        opened.clock.advance(1_000);
        const isLink = ids.random() < 0.25;
        const user = ids.random() < 0.4 || isLink ? { userId: pick("u1", "u2") } : {};
        const device = !("userId" in user) || isLink ? { anonymousId: pick("a1", "a2", "a3") } : {};
        await opened.accept("track", {
          ...user,
          ...device,
          event: pick("Product Viewed", "Product Added", "Order Completed"),
          timestamp: new Date(opened.clock.nowMs() - Math.floor(ids.random() * 20_000)).toISOString(),
          properties: {
            product_id: pick("p1", "p2", "p3"),
            price: 2.5,
            total: 10,
            order_id: pick("o1", "o2"),
          },
        });
        await opened.store.admin.settle();
        follower.check();
      }
    });
});

/** Reads the change log as it grows and keeps the newest value of every computed trait. */
class Follower {
  readonly #opened: TestStore;
  readonly #told = new Map<string, Map<string, Json>>();
  #after = 0;

  constructor(opened: TestStore) {
    this.#opened = opened;
  }

  check(): void {
    const { changes, scannedTo } = this.#opened.store.changes.read(this.#after, 1_000);
    this.#after = scannedTo;
    for (const change of changes) this.#hear(change);
    for (const id of ["u1", "u2", "a1", "a2", "a3"]) this.#compare(id);
  }

  #hear({ profileId, mergedFrom, traits }: Change): void {
    for (const gone of mergedFrom ?? []) this.#told.delete(gone);
    const told = this.#told.get(profileId) ?? new Map<string, Json>();
    this.#told.set(profileId, told);
    for (const [name, { old, new: value }] of Object.entries(traits)) {
      expect(canonicalJson(old)).toBe(canonicalJson(told.get(name) ?? this.#untouched(name)));
      told.set(name, value);
    }
  }

  #compare(id: string): void {
    const profile = this.#opened.find(id.startsWith("u") ? "user_id" : "anonymous_id", id);
    if (profile === null) return;
    const told = this.#told.get(profile.profileId);
    const values = readComputed(profile.state, profile.definitions, 0);
    for (const name of profile.definitions.names)
      expect([id, name, canonicalJson(told?.get(name) ?? this.#untouched(name))]).toEqual([
        id,
        name,
        canonicalJson(values[name] ?? null),
      ]);
  }

  #untouched(name: string): Json {
    return readComputed(emptyState(), compile([...pack, views, spent, looks]), 0)[name] ?? null;
  }
}
