import { describe, expect, test } from "bun:test";
import { pointColumns, type Point, type SourceAnswer } from "../../../src/admin/api/adminWire.ts";
import { Attempts } from "../../../src/admin/api/attempts.ts";
import { nameOf } from "../../../src/admin/api/profileName.ts";
import { identityGraph } from "../../../src/admin/api/identityGraph.ts";
import { compileIdentity } from "../../../src/model/identity.ts";
import { joinsOf } from "../../../src/admin/api/joins.ts";
import { countsBetween, quantileOf } from "../../../src/admin/api/quantiles.ts";
import { RiverHistory } from "../../../src/admin/api/riverHistory.ts";
import { riverWords, type RiverState } from "../../../src/admin/api/riverWords.ts";
import { idleMs, lifeMs, Sessions } from "../../../src/admin/api/sessions.ts";
import { seededIds } from "../../../src/lib/id.ts";
import { Latency, Tally } from "../../../src/lib/metrics.ts";
import type { Json } from "../../../src/model/event.ts";
import type { HistoryEntry } from "../../../src/store/profiles.ts";
import type { StoreStatus } from "../../../src/store/storeApi.ts";
import { FakeClock } from "../../support/fakeClock.ts";
import { ManualTimers } from "../../support/manualTimers.ts";

describe("what a profile is called", () => {
  const email = { type: "email", value: "ann@example.com" };
  test.each([
    ["by a name", { name: "Ann Lee", firstName: "Nan" }, [email], "Ann Lee"],
    ["by its parts", { first_name: " Ann ", last_name: "Lee" }, [email], "Ann Lee"],
    ["by a first name alone", { firstName: "Ann" }, [email], "Ann"],
    ["by the e-mail address", { name: 7, firstName: "  " }, [email], "ann@example.com"],
    ["not at all", { plan: "pro" }, [{ type: "user_id", value: "42" }], null],
    ["cut between characters", { name: "🙂".repeat(101) }, [], `${"🙂".repeat(100)}…`],
  ])("%s", (_name, traits, identifiers, expected) => {
    expect(nameOf(traits, identifiers)).toBe(expected);
  });
});

describe("a session", () => {
  const open = () => {
    const clock = new FakeClock();
    const good = new Set(["key_1"]);
    const sessions = new Sessions({
      serverName: "a",
      clock,
      ids: seededIds(1),
      isKeyGood: (id) => good.has(id),
    });
    return { clock, good, sessions, id: sessions.begin({ id: "key_1", source: "ops" }).id };
  };

  test("lives while it is used, and ends after some quiet", () => {
    const { clock, sessions, id } = open();
    for (let act = 0; act < 5; act += 1) {
      clock.advance(idleMs - 1);
      expect(sessions.find(id, true)?.keyId).toBe("key_1");
    }
    clock.advance(idleMs);
    expect(sessions.find(id, true)).toBeNull();
  });

  test("is not kept alive by what the page asks by itself", () => {
    const { clock, sessions, id } = open();
    clock.advance(idleMs - 1);
    expect(sessions.find(id, false)).not.toBeNull();
    clock.advance(1);
    expect(sessions.find(id, false)).toBeNull();
  });

  test("ends at the latest after its whole life, however much it is used", () => {
    const { clock, sessions, id } = open();
    for (let passed = 0; passed + idleMs / 2 < lifeMs; passed += idleMs / 2) {
      expect(sessions.find(id, true)).not.toBeNull();
      clock.advance(idleMs / 2);
    }
    clock.advance(idleMs / 2);
    expect(sessions.find(id, true)).toBeNull();
  });

  test("ends with its key", () => {
    const { good, sessions, id } = open();
    good.clear();
    expect(sessions.find(id, true)).toBeNull();
  });

  test("is one of a bounded number", () => {
    const { sessions, id } = open();
    for (let more = 0; more < 1_000; more += 1) sessions.begin({ id: "key_1", source: "ops" });
    expect(sessions.find(id, true)).toBeNull();
  });
});

describe("tries of one address", () => {
  test("cost nothing, then a wait that doubles up to a quarter of an hour", () => {
    const clock = new FakeClock();
    const attempts = new Attempts(() => clock.monotonicMs());
    const waits = Array.from({ length: 14 }, () => attempts.failed("203.0.113.1").waitMs);
    expect(waits.slice(0, 6)).toEqual([0, 0, 1_000, 2_000, 4_000, 8_000]);
    expect(waits.at(-1)).toBe(900_000);
    expect(attempts.waitMs("203.0.113.1")).toBe(900_000);
    expect(attempts.waitMs("203.0.113.2")).toBe(0);
    clock.advance(900_000);
    expect(attempts.waitMs("203.0.113.1")).toBe(0);
  });

  test("are forgotten after an hour, or with a good key; one IPv6 network counts as one", () => {
    const clock = new FakeClock();
    const attempts = new Attempts(() => clock.monotonicMs());
    for (const host of ["1", "2", "3"]) attempts.failed(`2001:db8:0:1::${host}`);
    expect(attempts.waitMs("2001:db8:0:1::9")).toBe(1_000);
    attempts.cleared("2001:db8:0:1::4");
    expect(attempts.failed("2001:db8:0:1::9")).toEqual({ count: 1, waitMs: 0 });
    attempts.failed("2001:db8:0:1::9");
    clock.advance(3_600_000);
    expect(attempts.failed("2001:db8:0:1::9")).toEqual({ count: 1, waitMs: 0 });
  });
});

describe("quantiles", () => {
  test("lie within the bucket that holds them", () => {
    const latency = new Latency();
    latency.note(3, 98);
    latency.note(300, 2);
    const { counts } = latency.read();
    expect(quantileOf(counts, 0.5)).toBeWithin(2, 4);
    expect(quantileOf(counts, 0.99)).toBeWithin(250, 500);
    expect(quantileOf([0, 0], 0.5)).toBeNull();
  });

  test("are of what came between two readings", () => {
    const latency = new Latency();
    latency.note(1_000, 50);
    const before = latency.read().counts;
    latency.note(3, 10);
    expect(quantileOf(countsBetween(before, latency.read().counts), 0.99)).toBeWithin(2, 4);
  });
});

describe("the river's history", () => {
  const status = (accepted: number): StoreStatus => ({
    mode: "live",
    progress: null,
    rulesProgress: null,
    head: accepted,
    visible: accepted,
    inFlightRequests: 0,
    inFlightBytes: 0,
    journalBytes: 10,
    profilesBytes: 20,
    counts: {
      accepted,
      repeated: 0,
      quarantined: 0,
      blocked: 0,
      foldFailed: 0,
      ignoredIds: 0,
      overLimit: 0,
      groups: 0,
      commitMs: 0,
      profilesMs: 0,
      foldMs: 0,
    },
  });

  test("has a point a second and one a minute, of rates per second, and stays bounded", async () => {
    const clock = new FakeClock();
    const timers = new ManualTimers();
    const gauges = {
      submissions: new Tally(),
      committed: new Latency(),
      visible: new Latency(),
      fed: new Latency(),
    };
    let accepted = 0;
    using history = new RiverHistory({ clock, timers, gauges, status: () => status(accepted) });
    const at = (name: (typeof pointColumns)[number]) => pointColumns.indexOf(name);
    for (let second = 0; second < 1_000; second += 1) {
      clock.advance(1_000);
      accepted += 30;
      gauges.committed.note(3);
      await timers.tick();
    }
    const { seconds, minutes } = history.since(0);
    expect([seconds.length, minutes.length]).toEqual([900, 16]);
    expect(seconds.at(-1)?.[at("events")]).toBe(30);
    expect(minutes.at(-1)?.[at("events")]).toBe(30);
    expect(minutes.at(-1)?.[at("committedP95")]).toBeWithin(2, 4);
    expect(seconds.at(-1)?.[at("fedP95")]).toBeNull();
    expect(history.since(clock.nowMs() - 2_000).seconds).toHaveLength(2);
  });
});

describe("words about the river", () => {
  const nowMs = Date.UTC(2026, 10, 24, 9);
  const state: RiverState = {
    mode: "live",
    progress: null,
    head: 10,
    visible: 10,
    diskFreeShare: 0.5,
    nowMs,
    sources: [],
    seconds: [],
  };
  const point = (values: Partial<Record<(typeof pointColumns)[number], number>>): Point =>
    pointColumns.map((name) => values[name] ?? null);
  const said = (change: Partial<RiverState>) =>
    riverWords({ ...state, ...change }).map(({ level, sentence }) => `${level}: ${sentence}`);
  const source: SourceAnswer = {
    source: "web",
    lastSeenAt: new Date(nowMs - 300_000).toISOString(),
    requests: 1,
    refused: 1,
    lastRefusedAt: new Date(nowMs - 1_000).toISOString(),
    lastRefusedCode: "missing_id",
  };

  test.each<[Partial<RiverState>, string[]]>([
    [{ head: 0 }, ["good: No event has come yet."]],
    [{ seconds: [point({ events: 12.34 })] }, ["good: All is well. About 12 events a second."]],
    [
      {
        seconds: [
          ...Array.from({ length: 50 }, () => point({})),
          ...Array.from({ length: 10 }, () => point({ events: 50 })),
        ],
      },
      ["good: All is well. About 50 events a second."],
    ],
    [{ sources: [source] }, ["good: All is well, and quiet. The last event came 5 min ago."]],
    [
      { mode: "rebuilding", progress: 0.428 },
      ["wrong: Profiles are being rebuilt from the journal: 42 % done."],
    ],
    [{ diskFreeShare: 0.04 }, ["wrong: The disk is 96 % full."]],
    [
      { seconds: [point({ events: 1, committedP95: 400, visibleP95: 500 })] },
      ["slow: In the last minute it took up to 400 ms until events were on disk."],
    ],
    [
      { seconds: [point({ events: 1, visibleP95: 1_500 })] },
      ["slow: In the last minute it took up to 1.5 s until events could be read."],
    ],
    [
      { seconds: [point({ events: 1, fedP95: 5_000 })] },
      ["slow: In the last minute changes reached a feed reader only after up to 5 s."],
    ],
    [
      { seconds: [point({ events: 9, refused: 1 })], sources: [source] },
      ["wrong: 10 % of the events of the last minute were refused, the latest from web."],
    ],
    [{ seconds: [point({ events: 99, refused: 1 })] }, ["good: All is well. About 99 events a second."]],
  ])("of %j", (change, words) => expect(said(change)).toEqual(words));
});

describe("why identifiers are one", () => {
  let seq = 0;
  const entry = (body: Json, type = "track"): HistoryEntry => {
    seq += 1;
    const times = { timestampMs: seq, receivedAtMs: seq, committedAtMs: seq };
    return {
      seq,
      messageId: `m-${seq}`,
      type,
      name: "Seen",
      source: "web",
      trusted: true,
      ignored: {},
      body,
      ...times,
    };
  };

  test("is the first event that carried two of them", () => {
    seq = 0;
    const history = [
      entry({ anonymousId: "a1" }),
      entry({ anonymousId: "a1", userId: "42" }),
      entry({ anonymousId: "a1", userId: "42" }),
      entry({ userId: "42", traits: { email: " Ann@Example.com" } }, "identify"),
      entry({ userId: "42", previousId: "a2" }, "alias"),
    ].toReversed();
    const found = joinsOf(
      [
        { type: "user_id", value: "42" },
        { type: "email", value: "ann@example.com" },
        { type: "anonymous_id", value: "a1" },
        { type: "anonymous_id", value: "a2" },
        { type: "anonymous_id", value: "a3" },
      ],
      history,
    );
    expect(found.map(({ firstSeen, joinedBy }) => [firstSeen?.messageId, joinedBy?.messageId])).toEqual([
      ["m-2", "m-2"],
      ["m-4", "m-4"],
      ["m-1", "m-2"],
      ["m-5", "m-5"],
      [undefined, undefined],
    ]);
    expect(found[2]?.joinedTo).toEqual({ type: "user_id", value: "42" });
  });

  test("is drawn once for each pair, kind and standing; an alias is read as what it joined", () => {
    seq = 0;
    const own = [
      { type: "user_id", value: "42" },
      { type: "user_id", value: "old" },
      { type: "phone", value: "+491511234567" },
      { type: "anonymous_id", value: "a1" },
    ];
    const identity = compileIdentity([{ type: "phone", limit: 3, priority: 4, normalise: "phone" }]);
    const history = [
      entry({ anonymousId: "a1", userId: "42" }),
      { ...entry({ anonymousId: "none", userId: "42" }), ignored: { anonymous_id: "blocked" } } as const,
      entry({ userId: "42", traits: { phone: "+49 151 1234567" } }, "identify"),
      entry({ userId: "42", previousId: "old" }, "alias"),
      entry({ anonymousId: "a1", userId: "42" }),
    ].toReversed();
    const { nodes, edges, left } = identityGraph(own, history, identity);
    expect(
      edges.map(({ by, to, standing, count, event }) => [by, to.value, standing, count, event.messageId]),
    ).toEqual([
      ["link", "a1", "counts", 2, "m-1"],
      ["claim", "+491511234567", "counts", 1, "m-3"],
      ["alias", "old", "counts", 1, "m-4"],
      ["link", "none", "blocked", 1, "m-2"],
    ]);
    expect(nodes.map(({ value, isOwn }) => [value, isOwn])).toEqual([
      ["42", true],
      ["old", true],
      ["+491511234567", true],
      ["a1", true],
      ["none", false],
    ]);
    expect(left).toBe(0);
    expect(joinsOf(own, history, identity)[2]?.joinedBy?.messageId).toBe("m-3");
  });

  test("stays unsaid for what is no object, erased, or of odd types", () => {
    const odd = [entry(null), entry("text"), entry({ userId: { a: 1 }, anonymousId: "" })];
    expect(joinsOf([{ type: "user_id", value: "42" }], odd)).toEqual([
      { type: "user_id", value: "42", firstSeen: null, joinedBy: null, joinedTo: null },
    ]);
  });
});
