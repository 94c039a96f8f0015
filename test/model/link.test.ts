import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { compareOrderKeys, type OrderKey } from "../../src/model/event.ts";
import {
  addLink,
  attribute,
  emptyRecord,
  newestUser,
  noteAnonymous,
  rebuildRecord,
  usersOf,
  type LinkFact,
  type LinkRecord,
} from "../../src/model/link.ts";

/** One event with this anonymousId: with a user it is a fact, without it is an anonymous event. */
interface Seen {
  readonly key: OrderKey;
  readonly user: string | null;
}

/** All facts, no compression: the newest with key ≤ k, else the oldest. */
function expectedOwner(facts: readonly LinkFact[], key: OrderKey): string | null {
  const sorted = [...facts].sort((a, b) => compareOrderKeys(a.key, b.key) || (a.user < b.user ? -1 : 1));
  const newest = sorted.filter((fact) => compareOrderKeys(fact.key, key) <= 0).at(-1);
  return (newest ?? sorted[0])?.user ?? null;
}

/** A store in miniature: it does what the verdicts ask for and no more. */
class TinyStore {
  record: LinkRecord = emptyRecord();
  readonly facts: LinkFact[] = [];
  readonly owners = new Map<OrderKey, string | null>();
  readonly verdicts: string[] = [];

  take(seen: Seen): void {
    if (seen.user === null) {
      noteAnonymous(this.record, seen.key);
      this.owners.set(seen.key, attribute(this.record, seen.key));
      return;
    }
    this.facts.push({ key: seen.key, user: seen.user });
    const before = JSON.stringify(this.record);
    const verdict = addLink(this.record, seen.key, seen.user);
    this.verdicts.push(verdict.kind);
    if (verdict.kind === "same" || verdict.kind === "conflict")
      expect(JSON.stringify(this.record)).toBe(before);
    if (verdict.kind === "run") expect(JSON.stringify(this.record)).not.toBe(before);
    if (verdict.kind === "first") for (const key of this.owners.keys()) this.owners.set(key, verdict.to);
    if (verdict.kind === "conflict") this.record = rebuildRecord(this.facts, [...this.owners.keys()]);
    if (verdict.kind === "moved" || verdict.kind === "conflict")
      this.#attributeAnew(verdict.from, verdict.to);
  }

  /** Only what the losers had is looked at, and it may only go to the winner. */
  #attributeAnew(from: readonly string[], to: string): void {
    for (const [key, owner] of this.owners) {
      if (owner === null || !from.includes(owner)) continue;
      const now = attribute(this.record, key);
      expect(now === owner || now === to).toBe(true);
      this.owners.set(key, now);
    }
  }

  check(): void {
    for (const [key, owner] of this.owners) expect(owner).toBe(expectedOwner(this.facts, key));
    expect(this.record).toEqual(rebuildRecord(this.facts, [...this.owners.keys()]));
    expect(newestUser(this.record)).toBe(expectedOwner(this.facts, [Number.MAX_SAFE_INTEGER, 0, 0, ""]));
    expect(usersOf(this.record).sort()).toEqual([...new Set(this.facts.map((fact) => fact.user))].sort());
  }
}

const minuteMs = 60_000;

/** Times in steps of half a minute, so that the coarse bounds of anonymous events are crossed and not. */
const sightings: fc.Arbitrary<Seen[]> = fc
  .array(
    fc.record({
      at: fc.integer({ min: -3, max: 14 }),
      index: fc.integer({ min: 0, max: 1 }),
      user: fc.constantFrom(null, null, "ann", "bob", "cy"),
    }),
    { maxLength: 14 },
  )
  .map((list) =>
    list.map(({ at, index, user }, number): Seen => ({
      key: [(at * minuteMs) / 2, 0, index, `m-${number}`],
      user,
    })),
  );

describe("links", () => {
  test("in any order, every anonymous event is its owner's after every step", () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(
        sightings.chain((list) => fc.shuffledSubarray(list, { minLength: list.length })),
        (list) => {
          const store = new TinyStore();
          for (const seen of list) {
            store.take(seen);
            store.record = JSON.parse(JSON.stringify(store.record)) as LinkRecord;
            store.check();
          }
          for (const kind of store.verdicts) kinds.add(kind);
        },
      ),
      { numRuns: 3_000 },
    );
    expect([...kinds].sort()).toEqual(["conflict", "first", "moved", "run", "same"]);
  });

  test("every permutation of a small history, one by one", () => {
    const history: Seen[] = [
      { key: [1 * minuteMs, 0, 0, "a"], user: null },
      { key: [2 * minuteMs, 0, 0, "b"], user: "ann" },
      { key: [3 * minuteMs, 0, 0, "c"], user: "bob" },
      { key: [4 * minuteMs, 0, 0, "d"], user: null },
      { key: [5 * minuteMs, 0, 0, "e"], user: "ann" },
      { key: [6 * minuteMs, 0, 0, "f"], user: null },
    ];
    let seen = 0;
    for (const order of permutations(history)) {
      const store = new TinyStore();
      for (const sighting of order) {
        store.take(sighting);
        store.check();
      }
      expect([...store.owners].sort(([a], [b]) => compareOrderKeys(a, b)).map(([, owner]) => owner)).toEqual([
        "ann",
        "bob",
        "ann",
      ]);
      seen += 1;
    }
    expect(seen).toBe(720);
  });

  test("two sources with one messageId at one time are told apart by user, in any order", () => {
    const key: OrderKey = [5, 0, 0, "m"];
    const orders = [
      ["ann", "bob", "cy"],
      ["cy", "bob", "ann"],
      ["bob", "cy", "ann"],
    ];
    const records = orders.map((users) => {
      const record = emptyRecord();
      for (const user of users) expect(addLink(record, key, user).kind).not.toBe("conflict");
      return record;
    });
    expect(records[1]).toEqual(records[0] ?? emptyRecord());
    expect(records[2]).toEqual(records[0] ?? emptyRecord());
    expect(attribute(records[0] ?? emptyRecord(), [5, 0, 0, "z"])).toBe("cy");
  });
});

function atMinute(minute: number): OrderKey {
  return [minute * minuteMs, 0, 0, `m-${minute}`];
}

describe("verdicts by example", () => {
  test("a device that changes hands in order asks for nothing but the first", () => {
    const record = emptyRecord();
    noteAnonymous(record, atMinute(1));
    expect(addLink(record, atMinute(2), "ann")).toEqual({ kind: "first", to: "ann" });
    expect(addLink(record, atMinute(3), "ann").kind).toBe("run");
    expect(addLink(record, atMinute(5), "bob").kind).toBe("run");
    expect(addLink(record, atMinute(2), "ann").kind).toBe("same");
    expect([
      attribute(record, atMinute(1)),
      attribute(record, atMinute(4)),
      attribute(record, atMinute(9)),
    ]).toEqual(["ann", "ann", "bob"]);
  });

  test("a late link moves what lies in its range, and asks for nothing where no event lies", () => {
    const record = emptyRecord();
    addLink(record, atMinute(1), "ann");
    noteAnonymous(record, atMinute(20));
    expect(addLink(record, atMinute(10), "bob")).toEqual({ kind: "moved", from: ["ann"], to: "bob" });
    expect(addLink(record, atMinute(5), "cy").kind).toBe("run");
    expect(addLink(record, atMinute(0), "dee").kind).toBe("run");
    expect(attribute(record, atMinute(20))).toBe("bob");
  });

  test("a fact inside another user's run is a conflict and leaves the record alone", () => {
    const record = emptyRecord();
    addLink(record, atMinute(1), "ann");
    addLink(record, atMinute(9), "ann");
    expect(addLink(record, atMinute(5), "bob")).toEqual({ kind: "conflict", from: ["ann"], to: "bob" });
    expect(usersOf(record)).toEqual(["ann"]);
  });

  test("a visitor's record changes at most once a minute", () => {
    const record = emptyRecord();
    expect(noteAnonymous(record, [minuteMs + 1, 0, 0, "a"])).toBe(true);
    expect(noteAnonymous(record, [minuteMs + 59_999, 0, 0, "b"])).toBe(false);
    expect(noteAnonymous(record, [2 * minuteMs, 0, 0, "c"])).toBe(true);
    expect([record.minMs, record.maxMs]).toEqual([minuteMs, 3 * minuteMs]);
  });
});

function* permutations<T>(list: readonly T[]): Generator<T[]> {
  if (list.length <= 1) yield [...list];
  for (const [at, first] of list.entries()) {
    if (list.length <= 1) return;
    for (const rest of permutations(list.toSpliced(at, 1))) yield [first, ...rest];
  }
}
