import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { canonicalState } from "../../src/model/canonical.ts";
import { canonicalJson } from "../../src/model/canonicalJson.ts";
import type { Event, Json } from "../../src/model/event.ts";
import { fold, maxTraits, maxTraitsBytes } from "../../src/model/fold.ts";
import { merge } from "../../src/model/merge.ts";
import { emptyState, type ProfileState } from "../../src/model/profile.ts";
import { childOf, readLeaves, readTrait, readTraits, type TraitChildren } from "../../src/model/trait.ts";
import type { TraitChanges } from "../../src/model/traitChanges.ts";
import { dealt, eventWith, shuffledWithRepeats, traitEvents } from "./arbitrary.ts";
import { expectedTraits, expectedWriter } from "./traitOracle.ts";

const runs = 1_500;

function foldAll(events: readonly Event[], state = emptyState()): ProfileState {
  for (const event of events) fold(state, event, { refused: null });
  return state;
}

function stored(state: ProfileState): ProfileState {
  return JSON.parse(JSON.stringify(state)) as ProfileState;
}

/** Counts what the state keeps counted: names, and how many nodes point to each stamp. */
function recount(state: ProfileState): { names: number; refs: number[] } {
  const refs = state.stamps.map(() => 0);
  const visit = (children: TraitChildren) => {
    for (const key of Object.keys(children)) {
      const node = childOf(children, key);
      if (node === undefined) throw new Error("a child that is no node");
      if (node[0] >= 0) refs[node[0]] = (refs[node[0]] ?? 0) + 1;
      if (node.length === 3) {
        expect(Object.keys(node[1]).length).toBeGreaterThan(0);
        visit(node[1]);
      }
    }
  };
  visit(state.traits);
  return { names: Object.keys(state.traits).length, refs };
}

describe("traits, any order", () => {
  test("every permutation and repetition gives the state that the writes alone decide", () => {
    fc.assert(
      fc.property(
        traitEvents.chain((events) => fc.tuple(fc.constant(events), shuffledWithRepeats(events))),
        ([events, again]) => {
          const straight = foldAll(events);
          const shuffled = foldAll(again);
          expect(canonicalState(shuffled)).toBe(canonicalState(straight));
          expect(canonicalJson(readTraits(straight))).toBe(canonicalJson(expectedTraits(events)));
        },
      ),
      { numRuns: runs },
    );
  });

  test("provenance is the newest write that stands", () => {
    fc.assert(
      fc.property(traitEvents, (events) => {
        const state = foldAll(events);
        const names = new Set(events.flatMap((event) => Object.keys(event.traits)));
        const values = readTraits(state);
        for (const name of [...names, "valueOf"]) {
          const writer = expectedWriter(events, name);
          const reading = readTrait(state, name);
          expect(reading?.eventMessageId).toBe(writer?.messageId);
          expect(reading?.source).toBe(writer?.source);
          expect(reading?.updatedAtMs).toBe(writer?.timestampMs);
          expect(reading?.receivedAtMs).toBe(writer?.receivedAtMs);
          expect(canonicalJson(reading?.value ?? null)).toBe(canonicalJson(values[name] ?? null));
        }
      }),
      { numRuns: runs },
    );
  });

  test("what is counted is right, and storing between events changes nothing", () => {
    fc.assert(
      fc.property(traitEvents, (events) => {
        let state = emptyState();
        for (const event of events) {
          fold(state, event, { refused: null });
          state = stored(state);
        }
        expect(canonicalState(state)).toBe(canonicalState(foldAll(events)));
        const counted = recount(state);
        expect(state.names).toBe(counted.names);
        expect(state.stamps.map((stamp) => (typeof stamp === "number" ? 0 : stamp[5]))).toEqual(counted.refs);
        expect(state.bytes).toBe(foldAll(events.toReversed()).bytes);
      }),
      { numRuns: runs },
    );
  });

  test("the changes told are the difference between before and after", () => {
    fc.assert(
      fc.property(traitEvents, (events) => {
        const state = emptyState();
        for (const event of events) {
          const before = readTraits(state);
          const { changed } = fold(state, event, { refused: null });
          const after = readTraits(state);
          expectDifference(before, after, changed);
        }
      }),
      { numRuns: runs },
    );
  });
});

function expectDifference(
  before: Record<string, Json>,
  after: Record<string, Json>,
  changed: TraitChanges | null,
): void {
  const expected: Record<string, Json> = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, now] = [before[name] ?? null, after[name] ?? null];
    if (canonicalJson(old) !== canonicalJson(now)) expected[name] = { old, new: now };
  }
  expect(canonicalJson(plain(changed))).toBe(canonicalJson(expected));
  if (changed !== null) expect(Object.keys(changed).length).toBeGreaterThan(0);
}

describe("merge of traits", () => {
  const split = traitEvents.chain((events) =>
    fc.tuple(fc.constant(events), dealt(events, 3), fc.shuffledSubarray([0, 1, 2], { minLength: 3 })),
  );

  test("profiles merged in any order and grouping equal one profile", () => {
    fc.assert(
      fc.property(split, ([events, piles, [x = 0, y = 0, z = 0]]) => {
        const whole = canonicalState(foldAll(events));
        const pile = (at: number) => foldAll(piles[at] ?? []);
        const left = pile(x);
        merge(left, pile(y));
        merge(left, pile(z));
        const right = pile(y);
        merge(right, pile(z));
        const other = pile(x);
        merge(other, right);
        expect(canonicalState(left)).toBe(whole);
        expect(canonicalState(other)).toBe(whole);
        merge(left, right);
        merge(left, stored(left));
        expect(canonicalState(left)).toBe(whole);
        const counted = recount(left);
        expect(left.stamps.map((stamp) => (typeof stamp === "number" ? 0 : stamp[5]))).toEqual(counted.refs);
      }),
      { numRuns: runs },
    );
  });

  test("tells the difference, leaves the other as it was, and folding goes on", () => {
    fc.assert(
      fc.property(split, ([events, piles]) => {
        const into = foldAll(piles[0] ?? []);
        const from = foldAll(piles[1] ?? []);
        const untouched = JSON.stringify(from);
        const before = readTraits(into);
        const changed = merge(into, from);
        expectDifference(before, readTraits(into), changed);
        expect(JSON.stringify(from)).toBe(untouched);
        expect(canonicalState(foldAll(piles[2] ?? [], into))).toBe(canonicalState(foldAll(events)));
      }),
      { numRuns: runs },
    );
  });
});

/** Changes as JSON. */
function plain(changed: TraitChanges | null): Json {
  return JSON.parse(JSON.stringify(changed ?? {})) as Json;
}

/** An identify event at that time. */
function set(at: number, traits: Record<string, Json>): Event {
  return eventWith({ type: "identify", messageId: `m-${at}`, timestampMs: at, receivedAtMs: at + 5, traits });
}

/** That many traits with names of their own. */
function many(from: number, count: number): Record<string, Json> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`t${from + at}`, from + at]));
}

describe("traits by example", () => {
  test("a path is beaten from above and from below", () => {
    const older = set(1, { address: { city: "Ulm", zip: 1 } });
    const above = set(2, { address: "none" });
    const below = set(3, { address: { city: "Bonn" } });
    expect(canonicalJson(readTraits(foldAll([older, above])))).toBe('{"address":"none"}');
    expect(canonicalJson(readTraits(foldAll([below, older, above])))).toBe('{"address":{"city":"Bonn"}}');
    expect(canonicalJson(readTraits(foldAll([older, below])))).toBe('{"address":{"city":"Bonn","zip":1}}');
  });

  test("an array is one value: a later one replaces it whole, and a path into it replaces it too", () => {
    const older = set(1, { sizes: [1, 2, { a: 1 }] });
    const shorter = set(2, { sizes: [3] });
    const below = set(3, { sizes: { a: 1 } });
    const late = set(2, { sizes: [] });
    expect(canonicalJson(readTraits(foldAll([shorter, older])))).toBe('{"sizes":[3]}');
    expect(canonicalJson(readTraits(foldAll([below, older, shorter])))).toBe('{"sizes":{"a":1}}');
    expect(canonicalJson(readTraits(foldAll([older, late])))).toBe('{"sizes":[]}');
  });

  test("a path that is cleared below or above stays cleared for what is older, and for nothing newer", () => {
    const set3 = set(3, { home: { city: "Ulm", zip: "1" } });
    const below = set(4, { home: { zip: null } });
    const above = set(2, { home: null });
    const older = set(1, { home: { street: "A" } });
    const state = foldAll([older, set3, below, above]);
    expect(canonicalJson(readTraits(state))).toBe('{"home":{"city":"Ulm"}}');
    expect(readLeaves(state, "home").map(({ pointer, stamp }) => [pointer, stamp[3]])).toEqual([
      ["/city", "m-3"],
    ]);
  });

  test("a cleared trait is absent, and its clearing has a time that beats late writes", () => {
    const state = foldAll([set(5, { plan: null }), set(4, { plan: "pro" })]);
    expect(canonicalJson(readTraits(state))).toBe("{}");
    expect(readTrait(state, "plan")).toEqual({
      value: null,
      updatedAtMs: 5,
      receivedAtMs: 10,
      source: "web",
      eventMessageId: "m-5",
    });
    const cleared = fold(foldAll([set(1, { plan: "pro" })]), set(2, { plan: null }), {});
    expect(canonicalJson(plain(cleared.changed))).toBe('{"plan":{"new":null,"old":"pro"}}');
  });

  test("the same value written again moves its time and is no change", () => {
    const state = foldAll([set(1, { plan: "pro", tags: ["a"] })]);
    expect(fold(state, set(2, { plan: "pro", tags: ["a"] }), {}).changed).toBeNull();
    expect(readTrait(state, "tags")?.updatedAtMs).toBe(2);
    expect(state.stamps.filter((stamp) => typeof stamp !== "number").length).toBe(1);
  });

  test("events other than identify set no trait but are seen", () => {
    const state = emptyState();
    expect(fold(state, eventWith({ traits: { a: 1 }, timestampMs: 7 }), {})).toEqual({
      changed: null,
      refused: null,
    });
    fold(state, eventWith({ timestampMs: 3 }), {});
    expect([state.first, state.last]).toEqual([3, 7]);
    expect(canonicalJson(readTraits(state))).toBe("{}");
  });

  test("a __proto__ that comes in an object of its own reaches no prototype", () => {
    const traits = JSON.parse(
      '{"__proto__":{"polluted":1},"a":{"__proto__":{"polluted":1}},"b":{"__proto__":1,"c":2}}',
    ) as Record<string, Json>;
    const state = foldAll([set(1, traits)]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(Object.getPrototypeOf(stored(state).traits) === Object.prototype).toBe(true);
    expect(canonicalJson(readTraits(stored(state))["b"] ?? null)).toBe('{"c":2}');
  });
});

describe("caps", () => {
  test(`the ${maxTraits}th name goes in, the next is refused, known ones are still written`, () => {
    const state = emptyState();
    expect(fold(state, set(1, many(0, maxTraits)), {}).refused).toBeNull();
    const result = fold(state, set(2, { t1: "new", extra: 1, other: 2 }), {});
    expect(result.refused).toEqual(["extra", "other"]);
    expect(Object.keys(result.changed ?? {})).toEqual(["t1"]);
  });

  test("what would grow past the size is refused, what shrinks or fits is not", () => {
    const state = emptyState();
    const half = "x".repeat(maxTraitsBytes / 2);
    fold(state, set(1, { a: half, small: 1 }), {});
    expect(fold(state, set(2, { b: half }), {}).refused).toEqual(["b"]);
    expect(fold(state, set(3, { a: `${half}yy` }), {}).refused).toBeNull();
    expect(fold(state, set(4, { a: { deep: "x".repeat(maxTraitsBytes) } }), {}).refused).toEqual(["a"]);
    expect(readTraits(state)["a"]).toBe(`${half}yy`);
    expect(fold(state, set(5, { a: null, b: half }), {}).refused).toBeNull();
    expect(state.bytes).toBeLessThanOrEqual(maxTraitsBytes);
  });

  test("an older write that changes nothing is not refused for its size", () => {
    const state = emptyState();
    const half = "x".repeat(maxTraitsBytes / 2);
    fold(state, set(5, { a: half }), {});
    expect(fold(state, set(4, { a: `${half}${half}` }), {})).toEqual({ changed: null, refused: null });
  });

  test("a replay repeats what was recorded instead of judging anew", () => {
    const events = [set(1, many(0, 300)), set(3, many(250, 300)), set(2, many(500, 30))];
    const live = emptyState();
    const recorded = events.map((event) => fold(live, event, {}).refused);
    expect(recorded[1]?.length).toBe(50);
    expect(recorded[2]?.length).toBe(30);
    const again = emptyState();
    events.forEach((event, at) => fold(again, event, { refused: recorded[at] ?? null }));
    expect(canonicalState(again)).toBe(canonicalState(live));
    const all = emptyState();
    events.forEach((event) => fold(all, event, { refused: null }));
    expect(all.names).toBe(550);
  });
});
