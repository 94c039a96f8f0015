import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { canonicalState } from "../../src/model/canonical.ts";
import { canonicalJson } from "../../src/model/canonicalJson.ts";
import { readComputed } from "../../src/model/computed.ts";
import { compile } from "../../src/model/compile.ts";
import type { Definition, Definitions } from "../../src/model/definition.ts";
import type { Limits } from "../../src/model/evidencePlan.ts";
import type { Event } from "../../src/model/event.ts";
import { fold } from "../../src/model/fold.ts";
import { merge } from "../../src/model/merge.ts";
import { emptyState, type ProfileState } from "../../src/model/profile.ts";
import { dealt, eventWith, trackEvents } from "./arbitrary.ts";

const event = "Product Viewed";
const windowMs = 180_000;

const definitions: Definition[] = [
  { name: "views", aggregate: "count", event },
  { name: "views3m", aggregate: "count", event, windowMs, where: { category: { is: "shoes" } } },
  { name: "spent", aggregate: "sum", event, property: "price" },
  { name: "most3m", aggregate: "max", event, property: "price", windowMs },
  { name: "first", aggregate: "first", event, property: "query" },
  { name: "searches", aggregate: "list", event, property: "query", keep: 3, uniqueBy: "query" },
  { name: "perPage", aggregate: "ratio", of: { event }, per: { event: { call: "page" } } },
  { name: "sessions", aggregate: "sessions", event: { call: "any" }, idleMs: 40_000, windowMs },
  { name: "shown", aggregate: "sessions", event, idleMs: 60_000, where: { category: { isNot: "hats" } } },
  { name: "activeAt", aggregate: "lastAt", event: { call: "any", except: [event] } },
  { name: "days", aggregate: "streak", event: { call: "any" }, timeZone: "Asia/Kolkata" },
  { name: "cart", aggregate: "cart", currency: "EUR" },
  { name: "totalRevenue", aggregate: "orders", measure: "revenue", currency: "EUR" },
  { name: "ordersCount", aggregate: "orders", measure: "count", currency: "EUR" },
];

const low: Limits = { items: 3, minutes: 2, cartActs: 3, orders: 1_000, spans: 1_000 };

/** A profile beside the number that the store knows it by. */
interface Numbered {
  readonly pid: number;
  readonly state: ProfileState;
}

function profileOf(pid: number, events: readonly Event[], compiled: Definitions): Numbered {
  const state = emptyState();
  for (const one of events) fold(state, one, { refused: null }, compiled);
  return { pid, state };
}

/** Stored and read back, so that nothing is shared. */
function copyOf({ pid, state }: Numbered): Numbered {
  return { pid, state: JSON.parse(JSON.stringify(state)) as ProfileState };
}

function joined(into: Numbered, from: Numbered, compiled: Definitions): Numbered {
  const survivor = copyOf(into);
  const untouched = JSON.stringify(from.state);
  merge(survivor.state, from.state, { definitions: compiled, into: into.pid, from: from.pid });
  expect(JSON.stringify(from.state)).toBe(untouched);
  return survivor;
}

const split = trackEvents("all", 24).chain((events) =>
  fc.tuple(fc.constant(events), dealt(events, 3), fc.shuffledSubarray([0, 1, 2], { minLength: 3 })),
);

for (const [title, limits] of [
  ["all kept", undefined],
  ["most of it pressed", low],
] as const) {
  describe(`merge of evidence, ${title}`, () => {
    const compiled = limits === undefined ? compile(definitions) : compile(definitions, limits);

    test("profiles merged in any order and grouping equal one profile; merging again changes nothing", () => {
      fc.assert(
        fc.property(split, ([events, piles, [x = 0, y = 0, z = 0]]) => {
          const whole = canonicalState(profileOf(9, events, compiled).state);
          const pile = (at: number) => profileOf(at + 1, piles[at] ?? [], compiled);
          const left = joined(joined(pile(x), pile(y), compiled), pile(z), compiled);
          const yz = joined(pile(y), pile(z), compiled);
          const right = joined(pile(x), yz, compiled);
          expect(canonicalState(left.state)).toBe(whole);
          expect(canonicalState(right.state)).toBe(whole);
          for (const again of [pile(y), pile(z), yz, left, pile(x)]) {
            expect(canonicalState(joined(left, again, compiled).state)).toBe(whole);
          }
          expect(canonicalState(joined(pile(z), left, compiled).state)).toBe(whole);
        }),
        { numRuns: 1_000 },
      );
    });

    test("folding goes on after a merge, and a newer copy of a part replaces what is known of it", () => {
      fc.assert(
        fc.property(split, ([events, [first = [], second = [], third = []]]) => {
          const whole = canonicalState(profileOf(9, events, compiled).state);
          const both = joined(profileOf(1, first, compiled), profileOf(2, second, compiled), compiled);
          for (const one of third) fold(both.state, one, { refused: null }, compiled);
          expect(canonicalState(both.state)).toBe(whole);
          const older = profileOf(1, first, compiled);
          expect(canonicalState(joined(older, both, compiled).state)).toBe(whole);
          expect(canonicalState(joined(both, older, compiled).state)).toBe(whole);
        }),
        { numRuns: 500 },
      );
    });
  });
}

describe("merge of evidence by example", () => {
  const compiled = compile(definitions);

  test("an event that two profiles hold counts once while it is kept", () => {
    fc.assert(
      fc.property(split, ([events, [first = [], second = []]]) => {
        const whole = canonicalState(profileOf(9, events, compiled).state);
        const left = profileOf(1, [...first, ...second], compiled);
        const right = profileOf(
          2,
          events.filter((one) => !first.includes(one)),
          compiled,
        );
        expect(canonicalState(joined(left, right, compiled).state)).toBe(whole);
        expect(canonicalState(joined(right, left, compiled).state)).toBe(whole);
      }),
      { numRuns: 500 },
    );
  });

  test("tells the computed traits that changed against the survivor's own", () => {
    fc.assert(
      fc.property(split, ([, [first = [], second = []]]) => {
        const into = profileOf(1, first, compiled);
        const from = profileOf(2, second, compiled);
        const atMs = Math.max(into.state.last, from.state.last);
        const before = readComputed(into.state, compiled, atMs);
        const changed = merge(into.state, from.state, { definitions: compiled, into: 1, from: 2 });
        const after = readComputed(into.state, compiled, atMs);
        for (const name of Object.keys(after)) {
          const [old, now] = [before[name] ?? null, after[name] ?? null];
          const told = changed?.[name];
          expect(told !== undefined).toBe(canonicalJson(old) !== canonicalJson(now));
          if (told !== undefined) expect(canonicalJson([told.old, told.new])).toBe(canonicalJson([old, now]));
        }
      }),
      { numRuns: 500 },
    );
  });

  test("the state names whose evidence went in beside its own", () => {
    const left = profileOf(1, [eventWith({ messageId: "a" }), eventWith({ messageId: "b" })], compiled);
    const both = joined(left, profileOf(2, [eventWith({ messageId: "c" })], compiled), compiled);
    const all = joined(profileOf(3, [eventWith({ messageId: "d" })], compiled), both, compiled);
    expect(both.state.evidence).toMatchObject({ folded: 2, parts: [[2, 1]] });
    expect(all.state.evidence).toMatchObject({
      folded: 1,
      parts: [
        [1, 2],
        [2, 1],
      ],
    });
  });

  test("the newest minute that was given up is the newer one of both", () => {
    const tiny = compile(definitions, { items: 1, minutes: 1, cartActs: 9, orders: 9, spans: 1_000 });
    const at = (minute: number) => eventWith({ messageId: `m-${minute}`, timestampMs: minute * 60_000 });
    const [left, right] = [[0, 5, 9].map(at), [3, 5.5, 9.5].map(at)];
    const whole = canonicalState(profileOf(9, [...left, ...right], tiny).state);
    const [a, b] = [profileOf(1, left, tiny), profileOf(2, right, tiny)];
    expect(canonicalState(joined(a, b, tiny).state)).toBe(whole);
    expect(canonicalState(joined(b, a, tiny).state)).toBe(whole);
  });

  test("evidence is not merged without the definitions that made it", () => {
    const from = profileOf(2, [eventWith({})], compiled).state;
    expect(() => merge(emptyState(), from)).toThrow("without its definitions");
    expect(merge(emptyState(), emptyState())).toBeNull();
  });
});
