/** The reader alone: positions, snapshots, resets, filters, pages. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Refusal } from "../../src/errors.ts";
import { ChangeTexts, type FeedFilter } from "../../src/esp/changeView.ts";
import { FeedReader, type Frame } from "../../src/esp/feed.ts";
import { MemoryStore, type SentEvent } from "../support/memoryStore.ts";

const everything: FeedFilter = {
  namespace: "live",
  traits: null,
  readable: null,
  segment: null,
  idType: null,
};

interface Opening {
  readonly cursor?: string | null;
  readonly snapshot?: boolean;
  readonly filter?: Partial<FeedFilter>;
}

function open(
  store: MemoryStore,
  { cursor = null, snapshot = false, filter = {} }: Opening = {},
): FeedReader {
  const whole = { ...everything, ...filter };
  return new FeedReader(store, whole, new ChangeTexts(whole), { cursor, snapshot });
}

/** Everything there is now; at most `pages` pages. */
function drain(reader: FeedReader, limit = 256, pages = 1_000): Frame[] {
  const frames: Frame[] = [];
  for (let page = 0; page < pages; page += 1) {
    const taken = reader.take(limit);
    expect(taken.frames.length).toBeLessThanOrEqual(limit + 1);
    frames.push(...taken.frames);
    if (taken.next !== "more") return frames;
  }
  return frames;
}

interface Parsed {
  readonly version: number;
  readonly profileId: string;
  readonly traits: Record<string, unknown>;
}

function parsed(frame: Frame): Parsed {
  return JSON.parse(frame.data) as Parsed;
}

function versions(frames: readonly Frame[]): number[] {
  return frames.filter(({ event }) => event === "change").map((frame) => parsed(frame).version);
}

function storeWith(
  count: number,
  event: (index: number) => SentEvent = (index) => ({ userId: `u-${index % 7}`, traits: { index } }),
): MemoryStore {
  const store = new MemoryStore();
  for (let index = 1; index <= count; index += 1) {
    store.clock.advance(1);
    store.send(event(index));
  }
  return store;
}

describe("a start", () => {
  test("without a cursor is now", () => {
    const store = storeWith(3);
    const reader = open(store);
    expect(reader.cursor).toBe("3.3");
    expect(drain(reader)).toEqual([]);
    store.send({ userId: "u-1" });
    expect(drain(reader)).toMatchObject([{ event: "change", cursor: "3.4" }]);
  });

  test("at earliest is the oldest change there is", () => {
    const store = storeWith(5);
    expect(versions(drain(open(store, { cursor: "earliest" })))).toEqual([1, 2, 3, 4, 5]);
    store.changes.trim(2);
    expect(versions(drain(open(store, { cursor: "earliest" })))).toEqual([3, 4, 5]);
  });

  test.each([
    "",
    "0",
    "-1",
    "1e9",
    "3",
    "3.",
    ".3",
    "3.1.",
    "3.1.2.3",
    "3.-1",
    "3.1e2",
    " 3.1",
    "3.1 ",
    "a.b",
    "3.9007199254740993",
    "Earliest",
    "3.1\n",
    "𝟙.1",
    "0x3.1",
  ])("at %j is refused", (cursor) => {
    const start = () => open(storeWith(3), { cursor });
    expect(start).toThrow(Refusal);
    expect(start).toThrow(expect.objectContaining({ code: "invalid_cursor" }));
  });

  test.each([
    ["4.1", "epoch"],
    ["3.6", "future"],
    ["3.1", "expired"],
    ["3.1.0", "expired"],
  ])("at %s says reset (%s) and goes on from now", (cursor, reason) => {
    const store = storeWith(5);
    store.changes.trim(2);
    const reader = open(store, { cursor });
    expect(drain(reader)).toEqual([{ event: "reset", cursor: "3.5", data: JSON.stringify({ reason }) }]);
    store.send({ userId: "u-1" });
    expect(versions(drain(reader))).toEqual([6]);
  });

  test("that was reset begins its snapshot anew, if it asked for one", () => {
    const frames = drain(open(storeWith(5), { cursor: "4.99.7", snapshot: true }));
    expect(frames.map(({ event }): string => event)).toEqual([
      "reset",
      ...Array.from({ length: 5 }, () => "snapshot"),
      "live",
    ]);
    expect(frames[0]?.cursor).toBe("3.5.0");
  });

  test("with a cursor that readers can't see yet waits, and repeats nothing", () => {
    const store = storeWith(5);
    store.changes.hold(2);
    const reader = open(store, { cursor: "3.4" });
    expect(drain(reader)).toEqual([]);
    expect(reader.cursor).toBe("3.4");
    store.changes.release();
    expect(versions(drain(reader))).toEqual([5]);
  });

  test("with the cursor of a snapshot goes on without one when it is over", () => {
    const store = storeWith(5);
    const live = drain(open(store, { snapshot: true })).find(({ event }) => event === "live");
    expect(drain(open(store, { cursor: live?.cursor ?? "", snapshot: true }))).toEqual([]);
  });
});

describe("reading on", () => {
  test("from every frame gives the rest, without a gap and without a repeat", () => {
    const store = storeWith(40);
    const whole = drain(open(store, { cursor: "earliest" }), 7);
    for (const [index, { cursor }] of whole.entries()) {
      expect(drain(open(store, { cursor }), 3)).toEqual(whole.slice(index + 1));
    }
  });

  test("from every frame of a snapshot gives the rest of it, and the changes since it began", () => {
    const store = storeWith(30, (index) => ({ userId: `u-${index}`, traits: { index } }));
    const reader = open(store, { snapshot: true });
    const begun = drain(reader, 5, 2);
    for (let index = 1; index <= 9; index += 1)
      store.send({ userId: `u-${index * 4}`, traits: { again: index } });
    const whole = [...begun, ...drain(reader, 5)];
    expect(whole.filter(({ event }) => event === "snapshot")).toHaveLength(30);
    expect(versions(whole)).toEqual([31, 32, 33, 34, 35, 36, 37, 38, 39]);
    for (const [index, { cursor }] of whole.entries()) {
      const rest = drain(open(store, { cursor, snapshot: true }), 5);
      expect(rest.map((frame) => frame.cursor)).toEqual(whole.slice(index + 1).map((frame) => frame.cursor));
    }
  });

  test("says reset when what comes next was trimmed away", () => {
    const store = storeWith(5);
    const reader = open(store, { cursor: "3.1" });
    store.changes.trim(3);
    expect(drain(reader)).toMatchObject([{ event: "reset", cursor: "3.5" }]);
  });

  test("in pages that stay small, however large the changes are", () => {
    const store = storeWith(60, (index) => ({ userId: `u-${index}`, traits: { text: "x".repeat(20_000) } }));
    for (const reader of [open(store, { cursor: "earliest" }), open(store, { snapshot: true })]) {
      let largest = 0;
      for (let page = reader.take(); page.frames.length > 0; page = reader.take()) {
        largest = Math.max(
          largest,
          page.frames.reduce((sum, { data }) => sum + data.length, 0),
        );
      }
      expect(largest).toBeLessThan(64 * 1024 + 21_000);
    }
    expect(versions(drain(open(store, { cursor: "earliest" })))).toHaveLength(60);
  });
});

describe("a snapshot", () => {
  test("is every profile, then live, then the changes since", () => {
    const store = storeWith(10);
    const reader = open(store, { snapshot: true });
    expect(reader.cursor).toBe("3.10.0");
    const frames = drain(reader);
    expect(frames.map(({ event }): string => event)).toEqual([
      ...Array.from({ length: 7 }, () => "snapshot"),
      "live",
    ]);
    expect(frames.at(-1)).toEqual({ event: "live", cursor: "3.10", data: "{}" });
    expect(parsed(frames[0] as Frame)).toMatchObject({
      profileId: "prf_00000001",
      version: 8,
      traits: { index: 8 },
    });
    store.send({ userId: "new" });
    expect(versions(drain(reader))).toEqual([11]);
  });

  test("ends, however fast profiles are made", () => {
    const store = storeWith(10, (index) => ({ userId: `u-${index}` }));
    const reader = open(store, { snapshot: true });
    const frames: Frame[] = [];
    for (let round = 0; !frames.some(({ event }) => event === "live"); round += 1) {
      expect(round).toBeLessThan(20);
      for (let index = 0; index < 10; index += 1) store.send({ userId: `new-${round}-${index}` });
      frames.push(...reader.take(1).frames);
    }
    expect(frames.filter(({ event }) => event === "snapshot")).toHaveLength(10);
  });

  test("of nothing is live at once", () => {
    expect(drain(open(new MemoryStore(), { snapshot: true }))).toEqual([
      { event: "live", cursor: "3.0", data: "{}" },
    ]);
  });

  test("waits while profiles are rebuilt", () => {
    const store = storeWith(3);
    store.profiles.isRebuilding = true;
    const reader = open(store, { snapshot: true });
    expect(reader.take()).toEqual({ frames: [], next: "while" });
    store.profiles.isRebuilding = false;
    expect(drain(reader).map(({ event }): string => event)).toEqual([
      "snapshot",
      "snapshot",
      "snapshot",
      "live",
    ]);
  });

  test("and the changes after it make the profiles of now, whatever happens meanwhile", () => {
    const act = fc.oneof(
      fc.record({
        kind: fc.constant("set" as const),
        user: fc.nat(9),
        trait: fc.constantFrom("a", "b", "c"),
        value: fc.nat(99),
      }),
      fc.record({ kind: fc.constant("join" as const), user: fc.nat(9), visitor: fc.nat(4) }),
      fc.record({ kind: fc.constant("visit" as const), visitor: fc.nat(4), value: fc.nat(99) }),
      fc.record({ kind: fc.constant("erase" as const), user: fc.nat(9) }),
      fc.record({ kind: fc.constant("take" as const), limit: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ kind: fc.constant("reconnect" as const), back: fc.nat(3) }),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), fc.array(act, { maxLength: 60 }), (before, during) => {
        const store = new MemoryStore();
        const mirror = new Mirror(store);
        for (const one of before) if (one.kind !== "take" && one.kind !== "reconnect") apply(store, one);
        mirror.connect(null);
        for (const one of during) {
          if (one.kind === "take") mirror.take(one.limit);
          else if (one.kind === "reconnect") mirror.reconnect(one.back);
          else apply(store, one);
        }
        mirror.take(1_000, 1_000);
        expect(mirror.profiles()).toEqual(truth(store));
      }),
      { numRuns: 300 },
    );
  });
});

type Act =
  | { readonly kind: "set"; readonly user: number; readonly trait: string; readonly value: number }
  | { readonly kind: "join"; readonly user: number; readonly visitor: number }
  | { readonly kind: "visit"; readonly visitor: number; readonly value: number }
  | { readonly kind: "erase"; readonly user: number };

function apply(store: MemoryStore, act: Act): void {
  store.clock.advance(1);
  if (act.kind === "set") store.send({ userId: `u-${act.user}`, traits: { [act.trait]: act.value } });
  else if (act.kind === "visit") store.send({ anonymousId: `v-${act.visitor}`, traits: { seen: act.value } });
  else if (act.kind === "join") store.send({ userId: `u-${act.user}`, anonymousId: `v-${act.visitor}` });
  else if (store.profiles.find("live", "user_id", `u-${act.user}`).kind === "found")
    store.erase("live", "user_id", `u-${act.user}`);
}

/** What a consumer keeps: traits by profile, made of snapshots and changes as docs/protocol.md says. */
class Mirror {
  readonly #store: MemoryStore;
  readonly #profiles = new Map<string, { version: number; traits: Record<string, unknown> }>();
  readonly #cursors: (string | null)[] = [];
  #reader: FeedReader;

  constructor(store: MemoryStore) {
    this.#store = store;
    this.#reader = open(store, { snapshot: true });
  }

  connect(cursor: string | null): void {
    this.#reader = open(this.#store, { cursor, snapshot: true });
    this.#cursors.push(this.#reader.cursor);
  }

  /** Loses the connection, and with it the last few frames. */
  reconnect(back: number): void {
    this.connect(this.#cursors[Math.max(0, this.#cursors.length - 1 - back)] ?? null);
  }

  take(limit: number, pages = 1): void {
    for (const frame of drain(this.#reader, limit, pages)) {
      this.#take(frame);
      this.#cursors.push(frame.cursor);
    }
  }

  profiles(): Record<string, unknown> {
    return Object.fromEntries([...this.#profiles].map(([id, { traits }]) => [id, traits]));
  }

  #take(frame: Frame): void {
    if (frame.event === "live") return;
    const { profileId, version, traits, ...rest } = JSON.parse(frame.data) as Parsed & {
      cause?: string;
      mergedFrom?: string[];
    };
    // What is gone is gone, also when a snapshot has shown the survivor's new version before.
    for (const gone of rest.mergedFrom ?? []) this.#profiles.delete(gone);
    if (rest.cause === "erase") this.#profiles.delete(profileId);
    const held = this.#profiles.get(profileId);
    if (rest.cause === "erase" || (held !== undefined && held.version >= version)) return;
    if (frame.event === "snapshot") {
      this.#profiles.set(profileId, { version, traits });
      return;
    }
    const kept = { version, traits: { ...held?.traits } };
    for (const [name, change] of Object.entries(traits as Record<string, { new: unknown }>)) {
      if (change.new === null) delete kept.traits[name];
      else kept.traits[name] = change.new;
    }
    this.#profiles.set(profileId, kept);
  }
}

function truth(store: MemoryStore): Record<string, unknown> {
  const page = store.profiles.page("live", 0, 1_000);
  if (page.kind === "rebuilding") throw new Error("profiles are being rebuilt");
  const whole = drain(open(store, { snapshot: true }), 1_000).filter(({ event }) => event === "snapshot");
  expect(whole).toHaveLength(page.profiles.length);
  return Object.fromEntries(whole.map((frame) => [parsed(frame).profileId, parsed(frame).traits]));
}

describe("a filter", () => {
  /** 1 name, 2 email and plan, 3 anonymous plan, 4 plain event, 5 test data, 6 merge, 7 erasure. */
  function mixed(): MemoryStore {
    const store = new MemoryStore();
    store.send({ userId: "1", traits: { firstName: "Ann" } });
    store.send({ userId: "2", traits: { email: "bob@example.com", plan: "free" } });
    store.send({ anonymousId: "a", traits: { plan: "pro" } });
    store.send({ userId: "1", name: "Product Viewed" });
    store.send({ userId: "3", namespace: "test", traits: { firstName: "Eve" } });
    store.send({ userId: "1", anonymousId: "a" });
    store.erase("live", "user_id", "2");
    return store;
  }

  const changesWith = (filter: Partial<FeedFilter>) => drain(open(mixed(), { cursor: "earliest", filter }));

  test.each<[string, Partial<FeedFilter>, number[]]>([
    ["none", {}, [1, 2, 3, 4, 6, 7]],
    ["test data", { namespace: "test" }, [5]],
    ["one trait", { traits: ["firstName"] }, [1, 6, 7]],
    ["two traits", { traits: ["firstName", "plan"] }, [1, 2, 3, 6, 7]],
    ["no trait", { traits: [] }, [6, 7]],
    ["an identifier type", { idType: "email" }, [2, 7]],
    ["an identifier type of merged ones", { idType: "anonymous_id" }, [3, 6, 7]],
    ["a segment", { segment: "big" }, [6, 7]],
    ["trait and identifier type", { traits: ["plan"], idType: "user_id" }, [2, 6, 7]],
    ["trait and identifier type that never meet", { traits: ["firstName"], idType: "email" }, [7]],
    ["readable traits", { readable: ["plan"] }, [1, 2, 3, 4, 6, 7]],
    ["asked for, but not readable", { readable: ["plan"], traits: ["firstName"] }, [6, 7]],
    ["an e-mail that may not be read", { readable: ["plan"], idType: "email" }, [7]],
  ])("on %s passes what touches it", (_what, filter, expected) => {
    expect(versions(changesWith(filter))).toEqual(expected);
  });

  test("leaves of a change what was asked for and may be read", () => {
    const change = (filter: Partial<FeedFilter>) =>
      JSON.parse(changesWith(filter).find(({ cursor }) => cursor === "3.2")?.data ?? "{}") as unknown;
    expect(change({ traits: ["plan"] })).toMatchObject({
      traits: { plan: { old: null, new: "free" } },
      identifiers: [{ type: "user_id" }, { type: "email" }],
    });
    expect(Object.keys((change({ traits: ["plan"] }) as Parsed).traits)).toEqual(["plan"]);
    expect(change({ readable: ["plan"] })).toMatchObject({
      traits: { plan: { old: null, new: "free" } },
      identifiers: [{ type: "user_id", value: "2" }],
    });
    expect(JSON.stringify(change({ readable: ["plan"] }))).not.toContain("bob@");
    expect(JSON.stringify(change({ readable: ["email"] }))).toContain("bob@");
  });

  test("holds for snapshots too", () => {
    const store = mixed();
    store.send({ userId: "4", traits: { firstName: "Joe", email: "joe@example.com" } });
    const names = (filter: Partial<FeedFilter>) =>
      drain(open(store, { snapshot: true, filter }))
        .filter(({ event }) => event === "snapshot")
        .map((frame) => parsed(frame).traits);
    expect(names({})).toEqual([
      { firstName: "Ann", plan: "pro" },
      { firstName: "Joe", email: "joe@example.com" },
    ]);
    expect(names({ traits: ["plan"] })).toEqual([{ plan: "pro" }]);
    expect(names({ idType: "email" })).toHaveLength(1);
    expect(names({ readable: ["firstName"] })).toEqual([{ firstName: "Ann" }, { firstName: "Joe" }]);
    expect(names({ segment: "big" })).toEqual([]);
    expect(names({ namespace: "test" })).toEqual([{ firstName: "Eve" }]);
  });

  test("moves the position over what it keeps back", () => {
    const reader = open(mixed(), { cursor: "earliest", filter: { namespace: "test", traits: ["nothing"] } });
    expect(drain(reader)).toEqual([]);
    expect(reader.cursor).toBe("3.7");
  });
});
