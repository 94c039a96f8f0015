/** Rules that change while events come: reads, feed, restarts, and what is left in the end. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { canonicalJson } from "../../src/model/canonicalJson.ts";
import { readComputed } from "../../src/model/computed.ts";
import type { Definition, Definitions } from "../../src/model/definition.ts";
import { emptyState } from "../../src/model/profile.ts";
import type { Json } from "../../src/model/event.ts";
import { ecommercePack } from "../../src/model/packs.ts";
import { noRules, type Rules } from "../../src/model/rules.ts";
import { seededIds } from "../../src/lib/id.ts";
import { openTestStore, type TestStore } from "../support/openTestStore.ts";
import { tempFolder } from "../support/tempFolder.ts";

const event = "Product Viewed";
const views: Definition = { name: "views", aggregate: "count", event };
const newest: Definition = { name: "newest", aggregate: "last", event, property: "product_id" };
const seen: Definition = { name: "views", aggregate: "unique", event, property: "product_id" };
const views1h: Definition = { name: "views1h", aggregate: "count", event, windowMs: 3_600_000 };

function rulesOf(...computed: readonly Definition[]): Rules {
  return { ...noRules, computed };
}

function values(opened: TestStore, user: string): string {
  const profile = opened.find("user_id", user);
  if (profile === null) return "none";
  return canonicalJson(readComputed(profile.state, profile.definitions, opened.clock.nowMs()));
}

async function view(opened: TestStore, user: string, product: string): Promise<void> {
  await opened.accept("track", { userId: user, event, properties: { product_id: product } });
}

/** Knows profiles by the feed alone. */
class Follower {
  readonly #told = new Map<string, Map<string, Json>>();
  #after = 0;

  /** Holds what it heard against what reads say; windows apart, since they move without a word. */
  check(opened: TestStore, users: readonly string[]): void {
    while (this.#after < opened.store.changes.head()) {
      const { changes, scannedTo } = opened.store.changes.read(this.#after, 1_000);
      this.#after = scannedTo;
      for (const { profileId, mergedFrom, cause, traits } of changes) {
        for (const gone of mergedFrom ?? []) this.#told.delete(gone);
        if (cause === "erase") this.#told.delete(profileId);
        const told = this.#told.get(profileId) ?? new Map<string, Json>();
        this.#told.set(profileId, told);
        for (const [name, change] of Object.entries(traits)) told.set(name, change.new);
      }
    }
    for (const user of users) {
      const profile = opened.find("user_id", user);
      if (profile === null) continue;
      const { definitions, state } = profile;
      const [are, untouched] = [readComputed(state, definitions, 0), blank(definitions)];
      for (const { name, windowMs } of definitions.computed)
        if (windowMs === null)
          expect([
            user,
            name,
            this.#told.get(profile.profileId)?.get(name) ?? untouched[name] ?? null,
          ]).toEqual([user, name, are[name] ?? null]);
    }
  }
}

function blank(definitions: Definitions): Readonly<Record<string, Json>> {
  return readComputed(emptyState(), definitions, 0);
}

test("new rules know the past, and the feed tells what they made another, with its cause", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.at("data"), { rules: rulesOf(views) });
  for (const user of ["1", "2"]) for (const product of ["a", "b", "a"]) await view(opened, user, product);
  await opened.accept("identify", { userId: "3", traits: { newest: "mine" } });
  const before = opened.changes().length;
  expect(await opened.store.admin.applyRules(rulesOf(seen, newest))).toEqual({ changed: true, profiles: 3 });
  expect(values(opened, "1")).toBe('{"newest":"a","views":2}');
  const told = opened.changes().slice(before);
  expect(told.map(({ cause, traits }) => ({ cause, traits: { ...traits } }))).toEqual([
    ...["1", "2"].map(() => ({
      cause: "definition" as const,
      traits: { newest: { old: null, new: "a" }, views: { old: 3, new: 2 } },
    })),
    { cause: "definition", traits: { newest: { old: "mine", new: null } } },
  ]);
  expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
  expect(readdirSync(folder.at("data")).filter((name) => name.startsWith("profiles-"))).toHaveLength(1);
  expect(await opened.store.admin.applyRules(rulesOf(seen, newest))).toEqual({ changed: false, profiles: 0 });
});

test("segments of other rules are entered and left with cause definition; others are not spoken of", async () => {
  using folder = tempFolder();
  const often = (times: number): Rules["segments"][number] => ({
    name: "often",
    rule: { kind: "trait", path: ["views"], test: { condition: { atLeast: times } } },
  });
  const any = { ...often(1), name: "any" };
  const rules = (...segments: Rules["segments"]): Rules => ({ ...rulesOf(views), segments });
  await using opened = await openTestStore(folder.at("data"), { rules: rules(often(2), any) });
  for (const user of ["1", "1", "1", "2"]) await view(opened, user, "a");
  const before = opened.changes().length;
  expect(await opened.store.admin.rehearseRules(rules(often(3), any), undefined, () => {})).toMatchObject({
    changed: 0,
  });
  expect(await opened.store.admin.rehearseRules(rules(often(4), any), undefined, () => {})).toMatchObject({
    profiles: 2,
    changed: 1,
    segments: { often: { entered: 0, exited: 1 } },
  });
  await opened.store.admin.applyRules(rules(often(1), any));
  const told = opened.changes().slice(before);
  expect(told.map(({ cause, traits, segments }) => ({ cause, traits: { ...traits }, segments }))).toEqual([
    { cause: "definition", traits: {}, segments: { entered: ["often"], exited: [] } },
  ]);
  expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
});

test("rules that contradict themselves change nothing", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.at("data"), { rules: rulesOf(views) });
  await view(opened, "1", "a");
  const refused = opened.store.admin.applyRules(rulesOf(views, seen));
  expect(await refused.catch((error: unknown) => String(error))).toContain("twice");
  await view(opened, "1", "b");
  expect(values(opened, "1")).toBe('{"views":2}');
});

test("what a new rule reserves, a client sets no more from that turn on", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.at("data"));
  await opened.accept("identify", { userId: "1", traits: { views: "mine" } });
  await opened.store.admin.applyRules(rulesOf(views));
  await opened.accept("identify", { userId: "1", traits: { views: "again" } });
  expect(opened.store.admin.quarantine(null, 10).map(({ code }) => code)).toEqual(["trait_reserved"]);
});

test("a stop in the midst of telling: the next start tells the rest", async () => {
  using folder = tempFolder();
  {
    await using opened = await openTestStore(folder.at("data"), { rules: rulesOf(views) });
    for (let user = 1; user <= 20; user += 1) await view(opened, String(user), "a");
    // Nobody hears how this ends: the store is closed under it.
    opened.store.admin.applyRules(rulesOf(seen, newest)).catch(() => {});
    while (values(opened, "1") === '{"views":1}') await Bun.sleep(1);
    await opened.close();
  }
  await using again = await openTestStore(folder.at("data"), { rules: "stored" });
  const told = () =>
    new Set(again.changes().flatMap(({ cause, profileId }) => (cause === "definition" ? [profileId] : [])))
      .size;
  while (told() < 20) await Bun.sleep(1);
  expect(values(again, "20")).toBe('{"newest":"a","views":1}');
  expect((await again.store.admin.verify(() => {})).problems).toEqual([]);
});

describe("changes of rules among events, joins, late links, erasures and restarts", () => {
  const choices: readonly Rules[] = [
    rulesOf(views),
    rulesOf(seen, newest),
    rulesOf(views1h, newest),
    rulesOf(...ecommercePack("EUR")),
    rulesOf(),
  ];
  for (let seed = 1; seed <= 12; seed += 1)
    test(`end like a start with the last rules: seed ${seed}`, async () => {
      using folder = tempFolder();
      const ids = seededIds(seed);
      const below = (limit: number) => Math.floor(ids.random() * limit);
      let opened = await openTestStore(folder.at("data"), { rules: "stored" });
      const follower = new Follower();
      const applying: Promise<unknown>[] = [];
      try {
        for (let step = 0; step < 60; step += 1) {
          opened.clock.advance(below(600_000));
          const dice = below(100);
          const [userId, anonymousId] = [`u${below(4)}`, `a${below(4)}`];
          const properties = { product_id: `p${below(3)}`, price: 5, quantity: 1, currency: "EUR" };
          const name = below(3) === 0 ? "Product Added" : event;
          if (dice < 55) await opened.accept("track", { userId, event: name, properties });
          else if (dice < 70) await opened.accept("track", { anonymousId, event: name, properties });
          else if (dice < 76) await opened.accept("identify", { userId, anonymousId, traits: { step } });
          else if (dice < 79) await opened.accept("alias", { userId, previousId: `u${below(4)}` });
          else if (dice < 81) await opened.store.admin.erase("live", "user_id", userId);
          else if (dice < 93)
            applying.push(opened.store.admin.applyRules(choices[below(choices.length)] ?? noRules));
          else if (dice < 96) {
            await Promise.allSettled(applying.splice(0));
            await opened.close();
            opened = await openTestStore(folder.at("data"), { rules: "stored", clock: opened.clock });
            await opened.live();
          }
        }
        const results = await Promise.allSettled(applying);
        for (const result of results) if (result.status === "rejected") throw result.reason;
        await opened.live();
        const last = choices[below(choices.length)] ?? noRules;
        await opened.store.admin.applyRules(last);
        await opened.store.admin.settle();
        const users = ["u0", "u1", "u2", "u3"];
        follower.check(opened, users);
        const lived = users.map((user) => values(opened, user));
        expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
        await opened.store.admin.rebuild();
        await opened.live();
        expect(users.map((user) => values(opened, user))).toEqual(lived);
      } finally {
        await opened.close();
      }
    });
});
