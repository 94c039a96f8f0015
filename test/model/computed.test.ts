import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { canonicalState } from "../../src/model/canonical.ts";
import { canonicalJson } from "../../src/model/canonicalJson.ts";
import { nextDeadline, readComputed, valueAt } from "../../src/model/computed.ts";
import { compile } from "../../src/model/compile.ts";
import type { Definition, Definitions } from "../../src/model/definition.ts";
import type { ComputedTrait, Limits } from "../../src/model/evidencePlan.ts";
import type { Event, Json } from "../../src/model/event.ts";
import { fold } from "../../src/model/fold.ts";
import { emptyState, type ProfileState } from "../../src/model/profile.ts";
import { shuffledWithRepeats, trackEvents } from "./arbitrary.ts";
import { expectedValue } from "./computedOracle.ts";
import { expectedCart, expectedOrders } from "./shopOracle.ts";

const minuteMs = 60_000;
const event = "Product Viewed";
const where = { category: { is: "shoes" } } as const;

const tallied: Definition[] = [
  { name: "views", aggregate: "count", event },
  { name: "views3m", aggregate: "count", event, windowMs: 3 * minuteMs },
  { name: "shoes2m", aggregate: "count", event, where, windowMs: 2 * minuteMs },
  { name: "odd", aggregate: "count", event, where: { toString: { is: "odd" } } },
  { name: "inherited", aggregate: "unique", event, property: "constructor" },
  { name: "spent", aggregate: "sum", event, property: "price" },
  { name: "spent3m", aggregate: "sum", event, property: "price", windowMs: 3 * minuteMs },
  { name: "average3m", aggregate: "average", event, property: "price", where, windowMs: 3 * minuteMs },
  { name: "average", aggregate: "average", event, property: "price" },
  { name: "least3m", aggregate: "min", event, property: "price", windowMs: 3 * minuteMs },
  { name: "least", aggregate: "min", event, property: "price", where },
  { name: "most1m", aggregate: "max", event, property: "price", windowMs: minuteMs },
  { name: "most", aggregate: "max", event, property: "price" },
  { name: "first", aggregate: "first", event, property: "query", where },
  { name: "first3m", aggregate: "first", event, property: "query", windowMs: 3 * minuteMs },
  { name: "last", aggregate: "last", event, property: "query", where },
  { name: "last2m", aggregate: "last", event, property: "query", windowMs: 2 * minuteMs },
  { name: "lastAt", aggregate: "lastAt", event, where },
  { name: "lastAt2m", aggregate: "lastAt", event, windowMs: 2 * minuteMs },
  { name: "often", aggregate: "mostFrequent", event, property: "query" },
  { name: "often3m", aggregate: "mostFrequent", event, property: "price", where, windowMs: 3 * minuteMs },
  { name: "queries", aggregate: "unique", event, property: "query" },
  { name: "queries3m", aggregate: "unique", event, property: "query", where, windowMs: 3 * minuteMs },
  { name: "searches", aggregate: "list", event, property: "query", keep: 3, uniqueBy: "query" },
  { name: "prices2m", aggregate: "list", event, property: "price", keep: 2, windowMs: 2 * minuteMs },
  {
    name: "seen",
    aggregate: "list",
    event,
    property: ["query", "price", "nothing"],
    keep: 4,
    uniqueBy: "category",
  },
  {
    name: "dear",
    aggregate: "count",
    event,
    where: { price: { atLeast: 20, isNot: 49.99 } },
    windowMs: 4 * minuteMs,
  },
  {
    name: "cheap",
    aggregate: "sum",
    event,
    property: "price",
    where: { price: { below: 20 }, query: { exists: true } },
  },
  {
    name: "someQueries",
    aggregate: "list",
    event,
    property: "query",
    keep: 9,
    where: { query: { oneOf: ["a", 1] } },
  },
  { name: "tagged", aggregate: "count", event: { call: "page" }, where: { tags: { contains: "b" } } },
  { name: "pages", aggregate: "unique", event: { call: "page" }, property: "path" },
  { name: "pricing2m", aggregate: "count", event: { call: "page", name: "Pricing" }, windowMs: 2 * minuteMs },
  { name: "plan", aggregate: "last", event: { call: "identify" }, property: "plan" },
  { name: "lastActiveAt", aggregate: "lastAt", event: { call: "any" } },
  { name: "lastPlan", aggregate: "lastAt", event: { call: "any" }, where: { plan: { exists: true } } },
  { name: "sinceView", aggregate: "timeSince", event, unitMs: minuteMs },
  { name: "sinceShoes4m", aggregate: "timeSince", event, where, unitMs: 7_000, windowMs: 4 * minuteMs },
  { name: "shoesShare", aggregate: "ratio", of: { event, where }, per: { event } },
  {
    name: "perPage3m",
    aggregate: "ratio",
    of: { event },
    per: { event: { call: "page" } },
    windowMs: 3 * minuteMs,
  },
  {
    name: "spentPerPrice",
    aggregate: "ratio",
    of: { event, property: "price" },
    per: { event: { call: "any" }, property: "price" },
  },
];

const spans: Definition[] = [
  { name: "sessions", aggregate: "sessions", event: { call: "any" }, idleMs: minuteMs },
  {
    name: "sessions4m",
    aggregate: "sessions",
    event: { call: "any" },
    idleMs: minuteMs,
    windowMs: 4 * minuteMs,
  },
  { name: "shoeSessions2m", aggregate: "sessions", event, where, idleMs: 20_001, windowMs: 2 * minuteMs },
  { name: "notViewed", aggregate: "sessions", event: { call: "any", except: [event] }, idleMs: 40_000 },
];

const shop: Definition[] = [
  { name: "cart", aggregate: "cart", currency: "EUR" },
  { name: "ordersCount", aggregate: "orders", measure: "count", currency: "EUR" },
  { name: "totalRevenue", aggregate: "orders", measure: "revenue", currency: "EUR" },
  { name: "revenue3m", aggregate: "orders", measure: "revenue", currency: "EUR", windowMs: 3 * minuteMs },
  { name: "averageOrderValue", aggregate: "orders", measure: "average", currency: "EUR" },
  { name: "lastOrderAt", aggregate: "orders", measure: "lastAt", currency: "EUR" },
  { name: "revenueByCurrency", aggregate: "orders", measure: "revenueByCurrency", currency: "EUR" },
];

/** So low that a few events lie beyond them. */
const low: Limits = { items: 4, minutes: 2, cartActs: 250, orders: 1_000, spans: 1_000 };
const roomy: Limits = { items: 1_000, minutes: 1_440, cartActs: 250, orders: 1_000, spans: 1_000 };

function foldAll(events: readonly Event[], definitions: Definitions): ProfileState {
  const state = emptyState();
  for (const one of events) fold(state, one, { refused: null }, definitions);
  return state;
}

function traitOf(definitions: Definitions, name: string): ComputedTrait {
  const trait = definitions.computed.find((candidate) => candidate.name === name);
  if (trait === undefined) throw new Error(`no trait ${name}`);
  return trait;
}

const atMs = fc.integer({ min: -60, max: 1_000 }).map((second) => second * 1_000 + 1);

/** The short way to the values and the one with provenance say the same. */
function checkBothWays(state: ProfileState, definitions: Definitions, tMs: number): void {
  const values = readComputed(state, definitions, tMs);
  for (const trait of definitions.computed) {
    const short: Json = [trait.name, values[trait.name] ?? null];
    expect(canonicalJson(short)).toBe(canonicalJson([trait.name, valueAt(state, trait, tMs).value]));
  }
}

function checkTallies(
  events: readonly Event[],
  state: ProfileState,
  definitions: Definitions,
  tMs: number,
): void {
  for (const definition of [...tallied, ...spans]) {
    if (definition.aggregate === "cart" || definition.aggregate === "orders") continue;
    const { value, approximate, eventCount } = valueAt(state, traitOf(definitions, definition.name), tMs);
    const expected = expectedValue(events, definition, tMs, definitions.limits);
    const got: Json = { name: definition.name, value, approximate, eventCount };
    expect(canonicalJson(got)).toBe(canonicalJson({ name: definition.name, ...expected }));
  }
}

describe("computed traits against the whole history", () => {
  for (const [title, limits] of [
    ["all kept", roomy],
    ["most of it pressed", low],
  ] as const) {
    test(`counts, sums, ends, lists, at any time; ${title}`, () => {
      const definitions = compile([...tallied, ...spans], limits);
      fc.assert(
        fc.property(
          trackEvents("viewed", 16).chain((list) =>
            fc.tuple(fc.shuffledSubarray(list, { minLength: list.length }), atMs, atMs),
          ),
          ([events, t1, t2]) => {
            const state = JSON.parse(JSON.stringify(foldAll(events, definitions))) as ProfileState;
            checkTallies(events, state, definitions, t1);
            checkTallies(events, state, definitions, t2);
            checkBothWays(state, definitions, t1);
          },
        ),
        { numRuns: 1_000 },
      );
    });
  }

  test("the cart and the orders, at any time", () => {
    const definitions = compile(shop);
    fc.assert(
      fc.property(
        trackEvents("shop", 14).chain((list) =>
          fc.tuple(fc.shuffledSubarray(list, { minLength: list.length }), atMs),
        ),
        ([events, tMs]) => {
          const state = foldAll(events, definitions);
          const values = readComputed(state, definitions, tMs);
          checkBothWays(state, definitions, tMs);
          expect(canonicalJson(values["cart"] ?? null)).toBe(canonicalJson(expectedCart(events, "EUR")));
          for (const definition of shop) {
            if (definition.aggregate !== "orders") continue;
            const got: Json = [definition.name, values[definition.name] ?? null];
            expect(canonicalJson(got)).toBe(
              canonicalJson([definition.name, expectedOrders(events, definition, tMs)]),
            );
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test("any permutation, and repeats of what is still kept, give the same state", () => {
    const definitions = compile([...tallied, ...spans, ...shop]);
    fc.assert(
      fc.property(
        trackEvents("all", 16).chain((events) => fc.tuple(fc.constant(events), shuffledWithRepeats(events))),
        ([events, again]) => {
          expect(canonicalState(foldAll(again, definitions))).toBe(
            canonicalState(foldAll(events, definitions)),
          );
        },
      ),
      { numRuns: 1_500 },
    );
  });

  test("any permutation gives the same state where most of it is pressed", () => {
    const definitions = compile([...tallied, ...spans], low);
    fc.assert(
      fc.property(
        trackEvents("viewed", 20).chain((events) =>
          fc.tuple(fc.constant(events), fc.shuffledSubarray(events, { minLength: events.length })),
        ),
        ([events, again]) => {
          expect(canonicalState(foldAll(again, definitions))).toBe(
            canonicalState(foldAll(events, definitions)),
          );
        },
      ),
      { numRuns: 1_500 },
    );
  });
});

describe("time passing", () => {
  const definitions = compile([...tallied, ...spans, ...shop], low);

  test("nothing changes by itself before the deadline that is told", () => {
    fc.assert(
      fc.property(
        trackEvents("all", 14),
        atMs,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (events, tMs, share) => {
          const state = foldAll(events, definitions);
          for (const trait of definitions.computed) {
            const now = valueAt(state, trait, tMs);
            const due = now.nextChangeAtMs ?? tMs + 60 * minuteMs;
            expect(due).toBeGreaterThan(tMs);
            for (const later of [Math.floor(tMs + (due - tMs) * share), due - 1]) {
              const then = valueAt(state, trait, Math.min(later, due - 1));
              expect(canonicalJson([trait.name, then.value])).toBe(canonicalJson([trait.name, now.value]));
            }
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("while all is kept, what hangs on single events does change at its deadline", () => {
    const kept = compile([...tallied, ...spans]);
    const names = [
      "views3m",
      "shoes2m",
      "least3m",
      "most1m",
      "last2m",
      "queries3m",
      "prices2m",
      "sinceView",
      "sessions4m",
    ];
    fc.assert(
      fc.property(trackEvents("viewed", 14), atMs, (events, tMs) => {
        const state = foldAll(events, kept);
        for (const name of names) {
          const now = valueAt(state, traitOf(kept, name), tMs);
          if (now.nextChangeAtMs === null) continue;
          const then = valueAt(state, traitOf(kept, name), now.nextChangeAtMs);
          expect([name, canonicalJson(then.value)]).not.toEqual([name, canonicalJson(now.value)]);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("a count does change at its deadline, and the profile's deadline is the first of all", () => {
    fc.assert(
      fc.property(trackEvents("all", 14), atMs, (events, tMs) => {
        const state = foldAll(events, definitions);
        const count = valueAt(state, traitOf(definitions, "views3m"), tMs);
        if (count.nextChangeAtMs !== null) {
          const then = valueAt(state, traitOf(definitions, "views3m"), count.nextChangeAtMs);
          expect(Number(then.value)).toBeLessThan(Number(count.value));
        }
        const all = definitions.computed
          .map((trait) => valueAt(state, trait, tMs).nextChangeAtMs)
          .filter((due) => due !== null);
        expect(nextDeadline(state, definitions, tMs)).toBe(all.length === 0 ? null : Math.min(...all));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("changes of computed traits", () => {
  for (const limits of [roomy, { ...low, cartActs: 3, orders: 2, spans: 1_000 }]) {
    const definitions = compile([...tallied, ...spans, ...shop], limits);
    test(`a first fold tells the difference at the event's receivedAt, a replay none; ${limits.items} kept`, () => {
      fc.assert(
        fc.property(trackEvents("all", 16), (events) => {
          const state = emptyState();
          const replayed = emptyState();
          for (const one of events) {
            // Of copies, which know nothing of what the fold remembers.
            const before = readComputed(structuredClone(state), definitions, one.receivedAtMs);
            const { changed } = fold(state, one, {}, definitions);
            const after = readComputed(structuredClone(state), definitions, one.receivedAtMs);
            const names = Object.keys(after).filter(
              (name) => canonicalJson(after[name] ?? null) !== canonicalJson(before[name] ?? null),
            );
            expect(Object.keys(changed ?? {}).sort()).toEqual(names.sort());
            for (const name of names) {
              expect(canonicalJson(changed?.[name]?.old ?? null)).toBe(canonicalJson(before[name] ?? null));
              expect(canonicalJson(changed?.[name]?.new ?? null)).toBe(canonicalJson(after[name] ?? null));
            }
            expect(fold(replayed, one, { refused: null }, definitions).changed).toBeNull();
          }
          expect(canonicalState(replayed)).toBe(canonicalState(state));
        }),
        { numRuns: 500 },
      );
    });
  }
});
