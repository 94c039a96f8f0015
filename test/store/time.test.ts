/** Segments that turn when only time passes: told on time, in due order, once, whatever happens in between. */
import { describe, expect, test } from "bun:test";
import { crashPoints } from "../../src/lib/crashPoint.ts";
import type { Change } from "../../src/model/change.ts";
import type { Definition } from "../../src/model/definition.ts";
import { saasPack } from "../../src/model/packs.ts";
import { noRules, type Rules } from "../../src/model/rules.ts";
import { copyFolder } from "../support/copyFolder.ts";
import { FakeClock } from "../support/fakeClock.ts";
import { ManualTimers } from "../support/manualTimers.ts";
import { openTestStore, type TestStore } from "../support/openTestStore.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

const minuteMs = 60_000;
const event = "Product Viewed";

/** In `watchers` for five minutes from a look at a product, then in `gone`. */
const rules: Rules = {
  ...noRules,
  segments: [
    { name: "watchers", rule: { kind: "event", event, windowMs: 5 * minuteMs } },
    { name: "gone", rule: { kind: "not", of: { kind: "segment", name: "watchers" } } },
  ],
};

const looks: Definition = { name: "looks", aggregate: "count", event, windowMs: 10 * minuteMs };
const unread: Definition = { name: "unread", aggregate: "count", event, windowMs: 2 * minuteMs };
const keen: Rules = {
  ...noRules,
  computed: [looks, unread],
  segments: [{ name: "keen", rule: { kind: "trait", path: ["looks"], test: { condition: { atLeast: 1 } } } }],
};

async function look(opened: TestStore, userId: string, messageId: string): Promise<void> {
  await opened.accept("track", { userId, event, messageId });
}

/** Who it is, when it fell due, what turned. */
function turns(changes: readonly Change[]): readonly unknown[] {
  return changes
    .filter(({ cause }) => cause === "time")
    .map(({ identifiers, timestampMs, segments }) => [identifiers[0]?.value, timestampMs, segments]);
}

const left = { entered: ["gone"], exited: ["watchers"] };

describe("what falls due", () => {
  test("is told at once by one timer, as of its own time", async () => {
    using folder = tempFolder();
    const timers = new ManualTimers();
    await using opened = await openTestStore(folder.path, { rules, timers });
    expect(timers.delaysMs).toEqual([]);
    const startMs = opened.clock.nowMs();
    await look(opened, "u1", "m1");
    opened.clock.advance(10);
    await look(opened, "u2", "m2");
    await until("a timer runs", () => timers.delaysMs.length === 1);
    expect(timers.delaysMs).toEqual([1_000]);
    opened.clock.advance(5 * minuteMs - 10);
    timers.fire();
    await until("it is told", () => opened.changes().length === 3);
    const [, , change] = opened.changes();
    expect(change).toMatchObject({
      cause: "time",
      event: null,
      receivedAtMs: null,
      timestampMs: startMs + 5 * minuteMs,
      traits: {},
      segments: left,
    });
    await until("the next one is waited for", () => timers.delaysMs[0] === 10);
    opened.clock.advance(10);
    timers.fire();
    await until("that is told too", () => opened.changes().length === 4);
    await opened.store.admin.settle();
    expect(timers.delaysMs).toEqual([]);
    expect(opened.find("user_id", "u1")?.membership?.since).toEqual(
      new Map([["gone", startMs + 5 * minuteMs]]),
    );
    expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
  });

  test("while the server is down is told when it starts, in due order", async () => {
    using folder = tempFolder();
    const clock = new FakeClock();
    const startMs = clock.nowMs();
    {
      await using opened = await openTestStore(folder.path, { rules, clock });
      for (const [at, user] of ["u3", "u1", "u2"].entries()) {
        await look(opened, user, `m${at}`);
        clock.advance(1_000);
      }
    }
    clock.advance(60 * minuteMs);
    await using again = await openTestStore(folder.path, { rules, clock });
    await again.store.admin.settle();
    expect(turns(again.changes())).toEqual(
      ["u3", "u1", "u2"].map((user, at) => [user, startMs + 5 * minuteMs + at * 1_000, left]),
    );
  });

  test("while profiles are rebuilt waits for them", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path, { rules });
    await look(opened, "u1", "m1");
    await look(opened, "u2", "m2");
    await opened.store.admin.rebuild();
    opened.clock.advance(6 * minuteMs);
    await look(opened, "u2", "m3");
    await opened.live();
    await opened.store.admin.settle();
    const [first] = turns(opened.changes());
    expect(first).toEqual(["u1", opened.clock.nowMs() - minuteMs, left]);
    expect([...(opened.find("user_id", "u2")?.membership?.since.keys() ?? [])]).toEqual(["watchers"]);
    expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
  });

  test("is told once though the clock is set back", async () => {
    using folder = tempFolder();
    const clock = new FakeClock();
    await using opened = await openTestStore(folder.path, { rules, clock });
    await look(opened, "u1", "m1");
    clock.advance(5 * minuteMs);
    await opened.store.admin.settle();
    clock.advance(-4 * minuteMs);
    await opened.accept("identify", { userId: "u1", messageId: "m2", traits: { plan: "pro" } });
    clock.advance(10 * minuteMs);
    await opened.store.admin.settle();
    expect(turns(opened.changes())).toHaveLength(1);
    expect(opened.changes().at(-1)?.segments).toEqual({ entered: [], exited: [] });
    expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
  });

  test("is that of both where two profiles became one", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path, { rules });
    await opened.accept("track", { anonymousId: "a1", event, messageId: "m1" });
    opened.clock.advance(minuteMs);
    await opened.accept("identify", { userId: "u1", messageId: "m2", traits: {} });
    await opened.accept("identify", { userId: "u1", anonymousId: "a1", messageId: "m3", traits: {} });
    const startMs = opened.clock.nowMs() - minuteMs;
    expect(opened.changes().at(-1)?.segments).toEqual({ entered: ["watchers"], exited: ["gone"] });
    expect(opened.find("user_id", "u1")?.membership?.since).toEqual(new Map([["watchers", startMs]]));
    opened.clock.advance(5 * minuteMs);
    await opened.store.admin.settle();
    expect(turns(opened.changes())).toHaveLength(1);
    expect(opened.store.audiences.sizes("live")).toEqual([
      ["gone", 1],
      ["watchers", 0],
    ]);
    expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
  });

  test("of those who are erased is told to nobody", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path, { rules });
    await look(opened, "u1", "m1");
    await opened.store.admin.erase("live", "user_id", "u1");
    opened.clock.advance(6 * minuteMs);
    await opened.store.admin.settle();
    expect(turns(opened.changes())).toEqual([]);
    expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
  });

  test("for many at once is told in turns, and an event comes after what was due before it", async () => {
    using folder = tempFolder();
    const clock = new FakeClock();
    const users = Array.from({ length: 4_000 }, (_, at) => `u${at}`);
    await using again = await openTestStore(folder.path, { rules, clock });
    const batch = users.map((userId) => ({ type: "track", userId, event, messageId: `m-${userId}` }));
    await again.accept("batch", { batch: batch.slice(0, 2_000) });
    await again.accept("batch", { batch: batch.slice(2_000) });
    clock.advance(6 * minuteMs);
    await look(again, "u3999", "late");
    await again.store.admin.settle();
    const told = again.changes().filter(({ cause }) => cause === "time");
    expect(new Set(told.map(({ profileId }) => profileId)).size).toBe(4_000);
    expect(told).toHaveLength(4_000);
    const mine = again.changes().filter(({ identifiers }) => identifiers[0]?.value === "u3999");
    expect(mine.map(({ cause, segments }) => [cause, segments])).toEqual([
      ["event", { entered: ["watchers"], exited: [] }],
      ["time", left],
      ["event", { entered: ["watchers"], exited: ["gone"] }],
    ]);
    expect(mine[2]?.seq ?? 0).toBeLessThan(7_500);
  });
});

describe("a kill while it is told", () => {
  const points = crashPoints.filter((point) => /Time|Profiles(Commit)/.test(point));

  test.each(points)("at %s tells nothing twice and loses nothing", async (point) => {
    using folder = tempFolder();
    const clock = new FakeClock();
    const image = folder.at("image");
    let isArmed = false;
    let wasTaken = false;
    {
      await using opened = await openTestStore(folder.at("first"), {
        rules,
        clock,
        crash: (reached) => {
          if (!isArmed || wasTaken || reached !== point) return;
          wasTaken = true;
          copyFolder(opened.folder, image);
        },
      });
      for (const user of ["u1", "u2", "u3"]) {
        await look(opened, user, `m-${user}`);
        clock.advance(1_000);
      }
      clock.advance(5 * minuteMs - 2_000);
      isArmed = true;
      await opened.store.admin.settle();
    }
    expect(wasTaken).toBe(true);
    clock.advance(minuteMs);
    await using again = await openTestStore(image, { rules, clock });
    await again.store.admin.settle();
    const told = turns(again.changes());
    expect(told).toMatchObject(["u1", "u2", "u3"].map((user) => [user, expect.any(Number), left]));
    expect((await again.store.admin.verify(() => {})).problems).toEqual([]);
  });
});

describe("what leaves a window", () => {
  test("is told where a segment reads the trait, once a minute at most, and not at all where none does", async () => {
    using folder = tempFolder();
    const clock = new FakeClock();
    await using opened = await openTestStore(folder.path, { rules: keen, clock });
    const startMs = clock.nowMs();
    for (let at = 0; at < 4; at += 1) {
      await look(opened, "u1", `m${at}`);
      clock.advance(20_000);
    }
    clock.advance(20 * minuteMs);
    await opened.store.admin.settle();
    const told = opened.changes().filter(({ cause }) => cause === "time");
    expect(
      told.map(({ timestampMs, traits, segments }) => [timestampMs - startMs, traits, segments]),
    ).toEqual([
      [10 * minuteMs, { looks: { old: 4, new: 3 } }, { entered: [], exited: [] }],
      // Two more have left by then, and the last one takes the segment with it.
      [11 * minuteMs, { looks: { old: 3, new: 0 } }, { entered: [], exited: ["keen"] }],
    ]);
    expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
  });

  test("is told too where a way out passes the trait on, also without any segment", async () => {
    using folder = tempFolder();
    const clock = new FakeClock();
    const startMs = clock.nowMs();
    const passedOn: Rules = { ...noRules, computed: [looks, unread], watched: ["looks"] };
    {
      await using opened = await openTestStore(folder.path, { rules: { ...passedOn, watched: [] }, clock });
      await look(opened, "u1", "m1");
      clock.advance(1_000);
      await look(opened, "u2", "m2");
    }
    const others = async (watched: readonly string[], passMs: number) => {
      await using opened = await openTestStore(folder.path, { rules: { ...passedOn, watched }, clock });
      await opened.live();
      clock.advance(passMs);
      await opened.store.admin.settle();
      expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
      return opened
        .changes()
        .filter(({ cause }) => cause === "time")
        .map(({ identifiers, timestampMs, traits }) => [
          identifiers[0]?.value,
          timestampMs - startMs,
          traits,
        ]);
    };
    expect(await others([], 5 * minuteMs)).toEqual([]);
    const told = [
      ["u1", 10 * minuteMs, { looks: { old: 1, new: 0 } }],
      ["u2", 10 * minuteMs + 1_000, { looks: { old: 1, new: 0 } }],
    ];
    expect(await others(["looks", "plan"], 6 * minuteMs)).toEqual(told);
    expect(await others(["looks"], 60 * minuteMs)).toEqual(told);
  });

  test("is never told of an age, which would go on for ever; who is in a segment by it is", async () => {
    using folder = tempFolder();
    const clock = new FakeClock();
    const startMs = clock.nowMs();
    const name = "minutesSince";
    await using opened = await openTestStore(folder.path, {
      clock,
      rules: {
        ...noRules,
        computed: [{ name, aggregate: "timeSince", event, unitMs: minuteMs }],
        segments: [
          { name: "away", rule: { kind: "trait", path: [name], test: { condition: { atLeast: 5 } } } },
        ],
        watched: [name],
      },
    });
    await look(opened, "u1", "m1");
    clock.advance(60 * minuteMs);
    await opened.store.admin.settle();
    const told = opened.changes().filter(({ cause }) => cause === "time");
    expect(
      told.map(({ timestampMs, traits, segments }) => [timestampMs - startMs, traits, segments]),
    ).toEqual([[5 * minuteMs, {}, { entered: ["away"], exited: [] }]]);
  });

  test("is told with the next event where that comes first", async () => {
    using folder = tempFolder();
    const clock = new FakeClock();
    await using opened = await openTestStore(folder.path, { rules: keen, clock });
    for (const id of ["m1", "m2", "m3"]) {
      await look(opened, "u1", id);
      clock.advance(1_000);
    }
    clock.advance(10 * minuteMs - 3_000);
    await opened.store.admin.settle();
    clock.advance(1_500);
    await opened.accept("identify", { userId: "u1", messageId: "m4", traits: { plan: "pro" } });
    const told = opened.changes().map(({ traits }) => traits["looks"]);
    expect(told.slice(-2)).toEqual([
      { old: 3, new: 2 },
      { old: 2, new: 1 },
    ]);
  });
});

test("segments that are defined anew are decided for everybody, and what others were in stays", async () => {
  using folder = tempFolder();
  const clock = new FakeClock();
  const startMs = clock.nowMs();
  {
    await using opened = await openTestStore(folder.path, { rules, clock });
    await look(opened, "u1", "m1");
  }
  clock.advance(minuteMs);
  const more: Rules = {
    ...rules,
    segments: [...rules.segments, { name: "recent", rule: { kind: "event", event, windowMs: 3 * minuteMs } }],
  };
  await using again = await openTestStore(folder.path, { rules: more, clock });
  await again.live();
  expect(again.find("user_id", "u1")?.membership?.since).toEqual(
    new Map([
      ["recent", startMs + minuteMs],
      ["watchers", startMs],
    ]),
  );
  clock.advance(2 * minuteMs);
  await again.store.admin.settle();
  expect(again.changes().at(-1)).toMatchObject({
    cause: "time",
    timestampMs: startMs + 3 * minuteMs,
    segments: { entered: [], exited: ["recent"] },
  });
  expect((await again.store.admin.verify(() => {})).problems).toEqual([]);
});

test("an event that a trait reads, of whatever kind, decides the segments that read the trait", async () => {
  using folder = tempFolder();
  const active: Rules = {
    ...noRules,
    computed: saasPack(),
    segments: [
      {
        name: "active",
        rule: { kind: "trait", path: ["lastActiveAt"], test: { newerThanMs: 5 * minuteMs } },
      },
    ],
  };
  await using opened = await openTestStore(folder.path, { rules: active });
  await opened.accept("page", { userId: "u1", messageId: "m1", name: "Home" });
  opened.clock.advance(5 * minuteMs);
  await opened.store.admin.settle();
  await opened.accept("page", { userId: "u1", messageId: "m2", name: "Home" });
  expect(opened.changes().map(({ cause, segments }) => [cause, segments])).toEqual([
    ["event", { entered: ["active"], exited: [] }],
    ["time", { entered: [], exited: ["active"] }],
    ["event", { entered: ["active"], exited: [] }],
  ]);
  expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
});
