/** Audiences: who is in a segment, how many, and how many there were. */
import { expect, test } from "bun:test";
import { judge } from "../../src/ingest/judge.ts";
import { seededIds } from "../../src/lib/id.ts";
import type { Definition } from "../../src/model/definition.ts";
import type { Event } from "../../src/model/event.ts";
import { ecommercePack } from "../../src/model/packs.ts";
import { compileRules, noRules, type Rules } from "../../src/model/rules.ts";
import { expectedSegments } from "../model/segmentOracle.ts";
import { FakeClock } from "../support/fakeClock.ts";
import { openTestStore, type TestStore } from "../support/openTestStore.ts";
import { tempFolder } from "../support/tempFolder.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const weekMs = 7 * 24 * hourMs;
const event = "Product Viewed";
const views6h: Definition = { name: "views6h", aggregate: "count", event, windowMs: 6 * hourMs };

const rules: Rules = {
  ...noRules,
  computed: [...ecommercePack("EUR"), views6h],
  segments: [
    { name: "recent", rule: { kind: "event", event, windowMs: 3 * hourMs } },
    { name: "keen", rule: { kind: "trait", path: ["views6h"], test: { condition: { atLeast: 2 } } } },
    {
      name: "cart-abandoned",
      rule: {
        kind: "all",
        of: [
          { kind: "trait", path: ["cart", "count"], test: { condition: { atLeast: 1 } } },
          { kind: "trait", path: ["cart", "updatedAt"], test: { olderThanMs: 30 * minuteMs } },
        ],
      },
    },
    { name: "quiet", rule: { kind: "not", of: { kind: "segment", name: "recent" } } },
    {
      name: "buyers",
      rule: { kind: "event", event: "Order Completed", windowMs: 48 * hourMs, times: { atLeast: 2 } },
    },
  ],
};

/** A shop's week: users look, fill carts and buy, at random. */
class Week {
  readonly clock = new FakeClock();
  readonly eventsOf = new Map<string, Event[]>();
  readonly #random: () => number;
  #sent = 0;

  constructor(seed: number) {
    const ids = seededIds(seed);
    this.#random = () => ids.random();
  }

  async live(opened: TestStore): Promise<void> {
    this.clock.advance(Math.floor(this.#random() ** 3 * 40 * minuteMs));
    if (this.#random() < 0.3) await this.#send(opened);
    await opened.store.admin.settle();
  }

  /** Segments of a user by the oracle. */
  expected(user: string, tMs: number): readonly string[] {
    const events = (this.eventsOf.get(user) ?? []).filter((known) => known.receivedAtMs <= tMs);
    const { limits } = compileRules(rules);
    return expectedSegments({ events, identifiers: [], rules, limits, lists: new Map() }, tMs);
  }

  async #send(opened: TestStore): Promise<void> {
    this.#sent += 1;
    const userId = `u${Math.floor(this.#random() * 8)}`;
    const dice = this.#random();
    const name = dice < 0.6 ? event : dice < 0.85 ? "Product Added" : "Order Completed";
    const messageId = `m${this.#sent}`;
    const properties = {
      product_id: `P${Math.floor(dice * 30)}`,
      quantity: 1,
      order_id: messageId,
      total: 9,
    };
    const body = new TextEncoder().encode(JSON.stringify({ userId, event: name, messageId, properties }));
    const receivedAtMs = this.clock.nowMs();
    const frame = { call: "track", source: "web", namespace: "live", trusted: true, receivedAtMs } as const;
    const verdict = judge({ ...frame, lane: "live", body }, () => "");
    if (verdict.kind !== "judged") throw new Error("the event is not taken");
    const mine = this.eventsOf.get(userId) ?? [];
    for (const judged of verdict.events) if (judged.kind === "event") mine.push(judged.event);
    this.eventsOf.set(userId, mine);
    await opened.store.accept.submit({ ...frame, lane: "live", body });
  }
}

test.each([1, 2, 3])(
  "are the oracle's at every step of a simulated week: seed %d",
  async (seed) => {
    using folder = tempFolder();
    const week = new Week(seed);
    const { clock } = week;
    const startMs = clock.nowMs();
    await using opened = await openTestStore(folder.path, { rules, clock });
    let steps = 0;
    while (clock.nowMs() < startMs + weekMs) {
      await week.live(opened);
      steps += 1;
      const all = [...week.eventsOf.keys()].flatMap((user) => week.expected(user, clock.nowMs()));
      const sizes = rules.segments.map(({ name }) => [name, all.filter((one) => one === name).length]);
      expect(opened.store.audiences.sizes("live")).toEqual(
        sizes.sort(([left], [right]) => (String(left) < String(right) ? -1 : 1)) as [string, number][],
      );
    }
    expect(steps).toBeGreaterThan(500);
    let turns = 0;
    for (const { cause, timestampMs, segments, identifiers } of opened.changes()) {
      if (cause !== "time") continue;
      const user = identifiers[0]?.value ?? "";
      const [before, after] = [timestampMs - 1, timestampMs].map((tMs) => week.expected(user, tMs));
      for (const name of segments.entered)
        expect([before?.includes(name), after?.includes(name)]).toEqual([false, true]);
      for (const name of segments.exited)
        expect([before?.includes(name), after?.includes(name)]).toEqual([true, false]);
      turns += segments.entered.length + segments.exited.length;
    }
    expect(turns).toBeGreaterThan(100);
    expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
  },
  60_000,
);

const lookers: Rules = {
  ...noRules,
  segments: [{ name: "lookers", rule: { kind: "event", event, windowMs: 90 * minuteMs } }],
};

test("members are paged by an index that leaves with the profile", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path, { rules: lookers });
  for (let at = 0; at < 5; at += 1)
    await opened.accept("track", { userId: `u${at}`, event, messageId: `m${at}` });
  await opened.accept("track", { userId: "u9", event, messageId: "t" }, { namespace: "test" });
  await opened.store.admin.erase("live", "user_id", "u1");
  await opened.accept("track", { userId: "u5", event: "Other", messageId: "other" });
  const { audiences } = opened.store;
  const found: string[] = [];
  for (let after: number | null = 0; after !== null;) {
    const page = audiences.members("live", "lookers", after, 2);
    if (page.kind !== "page") throw new Error("profiles are being rebuilt");
    found.push(...page.profiles.map(({ identifiers }) => identifiers[0]?.value ?? ""));
    after = page.nextPid;
  }
  expect(found).toEqual(["u0", "u2", "u3", "u4"]);
  expect(audiences.sizes("test")).toEqual([["lookers", 1]]);
  await opened.store.admin.compact();
  await opened.live();
  expect(audiences.sizes("live")).toEqual([["lookers", 4]]);
  expect(audiences.members("live", "lookers", 0, 10)).toMatchObject({ kind: "page", nextPid: null });
  expect(audiences.audience("live", "unknown")).toBeUndefined();
  expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
});

test("sizes over time are sampled once a minute, and outlive a restart and a rebuild", async () => {
  using folder = tempFolder();
  const clock = new FakeClock();
  const startMs = clock.nowMs();
  {
    await using opened = await openTestStore(folder.path, { rules: lookers, clock });
    for (let at = 0; at < 4; at += 1) {
      await opened.accept("track", { userId: `u${at}`, event, messageId: `m${at}` });
      clock.advance(40_000);
    }
    await opened.accept("track", { userId: "u9", event: "Other", messageId: "other" });
    clock.advance(2 * hourMs);
    await opened.store.admin.settle();
    await opened.accept("track", { userId: "u9", event: "Other", messageId: "other-2" });
    await opened.store.admin.settle();
    await opened.store.admin.rebuild();
    await opened.live();
  }
  await using again = await openTestStore(folder.path, { rules: lookers, clock });
  const audience = again.store.audiences.audience("live", "lookers");
  expect(audience?.size).toBe(0);
  const history = audience?.history ?? [];
  expect(history.at(-1)?.size).toBe(0);
  for (const [at, { atMs, size }] of history.slice(0, -1).entries()) {
    // One came every 40 s; a sample may stand before or after the one of its own instant.
    const came = Math.min(4, (atMs - startMs) / 40_000);
    expect([came, came + 1]).toContain(size);
    expect((history[at + 1]?.atMs ?? Infinity) - atMs).toBeGreaterThanOrEqual(minuteMs);
  }
  const later = again.store.audiences.audience("live", "lookers", startMs + 100_000)?.history ?? [];
  expect(later[0]?.atMs).toBeLessThanOrEqual(startMs + 100_000);
  expect(later.at(-1)).toEqual({ atMs: startMs + 160_000 + 2 * hourMs, size: 0 });
});
