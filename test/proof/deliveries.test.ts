/** Destinations through kills, failures and clocks that move: at the end each holds what is true, and nothing is lost. */
import { describe, expect, test } from "bun:test";
import { systemClock } from "../../src/lib/clock.ts";
import { deliveryCrashPoints } from "../../src/lib/crashPoint.ts";
import { systemIds } from "../../src/lib/id.ts";
import { deliveryRig } from "../support/deliveryRig.ts";
import { faultServer } from "../support/faultServer.ts";
import { Random } from "../support/random.ts";
import { Receiver } from "../support/receiver.ts";
import { until } from "../support/until.ts";
import { DeliveryChaos } from "./deliveryChaos.ts";

async function expectTruth(chaos: DeliveryChaos): Promise<void> {
  await chaos.heal();
  const { wanted, got } = await chaos.compare();
  expect(got).toEqual({ steady: wanted, flaky: wanted });
  expect(Object.keys(wanted).length).toBeGreaterThan(3);
  expect(chaos.leftOver()).toEqual([]);
  expect(await chaos.wrongMails()).toEqual([]);
}

describe("after kill -9 each live destination holds everybody's last state", () => {
  test("at every crash point of a delivery", async () => {
    await using chaos = await DeliveryChaos.begin(new Random(3));
    for (const [at, point] of deliveryCrashPoints.entries()) {
      await chaos.start(`${point}:${2 + at}`);
      await chaos.untilCrashed();
    }
    await chaos.start();
    // However early it was killed each time, there are some people to compare.
    await chaos.live(20);
    await expectTruth(chaos);
  }, 120_000);

  test("again and again, one destination failing at random, one dead", async () => {
    const random = new Random(4);
    await using chaos = await DeliveryChaos.begin(random);
    for (let kill = 0; kill < 3; kill += 1) {
      await chaos.start(null, { moved: kill === 1 });
      await chaos.live(40 + random.below(40));
      await chaos.kill();
    }
    await chaos.start();
    await expectTruth(chaos);
    expect(chaos.erasures).toBeGreaterThan(0);
    expect(chaos.mails).toBeGreaterThan(3);
  }, 120_000);
});

test("a clock that leaps ahead or falls back ages nothing and strands nothing", async () => {
  let offsetMs = 0;
  const clock = { nowMs: () => Date.now() + offsetMs, monotonicMs: () => systemClock.monotonicMs() };
  const random = new Random(5);
  const receiver = new Receiver();
  using server = faultServer((request, body) =>
    random.chance(0.3) ? new Response("", { status: 429 }) : receiver.answer(request, body),
  );
  await using rig = await deliveryRig({ deps: { clock } });
  const own = { url: `${server.origin}/in`, maxRows: 10, maxBytes: 1_000_000 };
  await rig.use({ type: "http", own });
  for (let at = 0; at < 60; at += 1) {
    offsetMs = random.pick([0, 80 * 3_600_000, -80 * 3_600_000, 600_000]);
    await rig.test.accept("identify", { userId: `u${at % 12}`, traits: { n: at } });
  }
  await rig.settled();
  for (let at = 48; at < 60; at += 1) {
    const userId = `u${at % 12}`;
    const profileId = rig.test.find("user_id", userId)?.profileId ?? "";
    expect(receiver.fields({ userId, email: "", profileId })).toEqual({ n: at });
  }
  expect(await rig.ops.ask("deadLetters", "page", 1, Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
}, 60_000);

test("a clock that went back while nobody was there keeps nothing waiting for the hour it lost", async () => {
  let offsetMs = 3_600_000;
  const clock = { nowMs: () => Date.now() + offsetMs, monotonicMs: () => systemClock.monotonicMs() };
  const receiver = new Receiver();
  using server = faultServer((request, body) => receiver.answer(request, body));
  server.failing = { kind: "status", status: 503 };
  await using rig = await deliveryRig({ deps: { clock, ids: systemIds } });
  await rig.use({ type: "http", own: { url: `${server.origin}/in`, maxRows: 10, maxBytes: 1_000_000 } });
  await rig.test.accept("identify", { userId: "u1", traits: { n: 1 } });
  await until("it is put off", async () => {
    const { byLane } = await rig.ops.ask("deliveries", "counts", 1);
    return byLane.behavioural === 1 && server.seen.length > 0;
  });
  server.failing = null;
  offsetMs = 0;
  await rig.restart();
  await rig.settled();
  const profileId = rig.test.find("user_id", "u1")?.profileId ?? "";
  expect(receiver.fields({ userId: "u1", email: "", profileId })).toEqual({ n: 1 });
}, 40_000);

test("a dead, a hanging and a failing destination hold no other one up", async () => {
  /** How many changes behind the newest one a row is when it arrives, at the median. */
  const behindOf = async (others: boolean): Promise<number> => {
    const behind: number[] = [];
    const receiver = new Receiver();
    using server = faultServer((request, body) => {
      const { rows } = JSON.parse(body) as { readonly rows: readonly { readonly version: number }[] };
      for (const { version } of rows) behind.push(rig.test.store.changes.head() - version);
      return receiver.answer(request, body);
    });
    using failing = faultServer(() => new Response("", { status: 500 }));
    using hanging = faultServer(() => new Response());
    hanging.failing = { kind: "timeout" };
    // With the usual patience: what fails is tried again after a while, as everywhere.
    await using rig = await deliveryRig({ deps: { ids: systemIds } });
    const setting = (name: string, url: string) => ({
      name,
      type: "http",
      own: { url, maxRows: 50, maxBytes: 1_000_000 },
    });
    const bad = ["http://127.0.0.1:9", failing.origin, hanging.origin].map((url, at) =>
      setting(`bad${at}`, url),
    );
    await rig.use(setting("steady", `${server.origin}/in`), ...(others ? bad : []));
    for (let at = 0; at < 200; at += 1) {
      await rig.test.accept("identify", { userId: `u${at}`, traits: { n: at } });
      if (at % 10 === 9) await rig.settled("steady");
    }
    expect(behind.length).toBeGreaterThanOrEqual(200);
    for (const { name } of others ? bad : []) {
      const id = rig.deliveries.running.get(name)?.id ?? 0;
      const { byLane } = await rig.ops.ask("deliveries", "counts", id);
      expect([name, byLane.behavioural]).toEqual([name, 200]);
    }
    return behind.toSorted((a, b) => a - b)[behind.length >> 1] ?? 0;
  };
  const alone = await behindOf(false);
  const beside = await behindOf(true);
  expect(beside).toBeLessThanOrEqual(2 * alone + 5);
}, 60_000);
