/**
 * A week of a shop, second by second: how many are in each segment, as told by segments that are decided at events and
 * at the instants at which they say that they turn, against counters that look at every second.
 */
import { expect, test } from "bun:test";
import type { Definition, Definitions } from "../../src/model/definition.ts";
import type { Event } from "../../src/model/event.ts";
import { fold } from "../../src/model/fold.ts";
import { emptyState } from "../../src/model/profile.ts";
import { compileRules, noRules } from "../../src/model/rules.ts";
import { segmentsAt } from "../../src/model/segment.ts";
import type { SegmentDefinition, SegmentRule } from "../../src/model/segmentRule.ts";
import { Random } from "../support/random.ts";
import { eventWith } from "./arbitrary.ts";

const startMs = Date.UTC(2026, 10, 16);
const weekSeconds = 7 * 86_400;
const people = 12;
const [minute, hour, day] = [60, 3_600, 86_400];

const computed: Definition[] = [
  { name: "cart", aggregate: "cart", currency: "EUR" },
  { name: "views24h", aggregate: "count", event: "Product Viewed", windowMs: day * 1_000 },
];

const trait = (path: string, asks: Extract<SegmentRule, { kind: "trait" }>["test"]): SegmentRule => ({
  kind: "trait",
  path: path.split("."),
  test: asks,
});
const asked = (name: string): SegmentRule => ({ kind: "segment", name });
const segments: SegmentDefinition[] = [
  {
    name: "cart-waiting",
    rule: {
      kind: "all",
      of: [
        trait("cart.count", { condition: { atLeast: 1 } }),
        trait("cart.updatedAt", { olderThanMs: 30 * minute * 1_000 }),
        { kind: "not", of: asked("repeat-buyers") },
      ],
    },
  },
  {
    name: "repeat-buyers",
    rule: { kind: "event", event: "Order Completed", windowMs: 2 * day * 1_000, times: { atLeast: 2 } },
  },
  { name: "lookers", rule: trait("views24h", { condition: { between: [2, 5] } }) },
  {
    name: "quiet",
    rule: {
      kind: "all",
      of: [
        trait("plan", { condition: { exists: true } }),
        { kind: "event", event: "Product Viewed", windowMs: 10 * hour * 1_000, times: { atMost: 0 } },
      ],
    },
  },
  {
    name: "new-pro",
    rule: {
      kind: "all",
      of: [
        trait("plan", { condition: { is: "pro" } }),
        trait("plan.updatedAt", { newerThanMs: 12 * hour * 1_000 }),
      ],
    },
  },
  {
    name: "write-to",
    rule: {
      kind: "all",
      of: [
        { kind: "any", of: [asked("new-pro"), asked("repeat-buyers"), asked("lookers")] },
        { kind: "not", of: { kind: "any", of: [asked("cart-waiting"), asked("quiet")] } },
      ],
    },
  },
];
const names = segments.map(({ name }) => name);

const kinds = [
  ["track", "Product Viewed", 0.6],
  ["track", "Product Added", 0.2],
  ["track", "Order Completed", 0.1],
  ["identify", null, 0.1],
] as const;

/** Bursts of events with silences between them, in order. */
function eventsOf(random: () => number): Event[] {
  const events: Event[] = [];
  let second = Math.floor(random() * 8 * hour);
  while (second < weekSeconds) {
    let left = random();
    const [type, name] = kinds.find(([, , share]) => (left -= share) < 0) ?? kinds[0];
    const timestampMs = startMs + second * 1_000;
    events.push(
      eventWith({
        type,
        name,
        messageId: `m-${events.length}`,
        timestampMs,
        receivedAtMs: timestampMs,
        properties: { product_id: `P${Math.floor(random() * 3)}` },
        traits: type === "identify" ? { plan: random() < 0.5 ? "pro" : "free" } : {},
      }),
    );
    second += 1 + Math.floor(random() < 0.7 ? random() * 40 * minute : random() * 20 * hour);
  }
  return events;
}

type Audience = ReadonlyMap<string, Int32Array>;

function nobody(): Audience {
  return new Map(names.map((name) => [name, new Int32Array(weekSeconds)]));
}

/** Counts a profile in by what its segments say at events and when they turn; gives the number of turns. */
function countDecided(audience: Audience, events: readonly Event[], definitions: Definitions): number {
  const state = emptyState();
  let turns = 0;
  for (const [at, event] of events.entries()) {
    fold(state, event, {}, definitions);
    const endMs = events[at + 1]?.timestampMs ?? startMs + weekSeconds * 1_000;
    for (let fromMs = event.timestampMs; fromMs < endMs;) {
      const { members, nextAtMs } = segmentsAt({ state, identifiers: [] }, definitions, fromMs);
      const untilMs = Math.min(nextAtMs ?? Infinity, endMs);
      if (untilMs < endMs) turns += 1;
      for (const name of members) {
        const sizes = audience.get(name);
        // A segment that turns within a second holds, at that second, as it did when the second began.
        for (let second = secondAt(fromMs); second < secondAt(untilMs); second += 1)
          if (sizes !== undefined) sizes[second] = (sizes[second] ?? 0) + 1;
      }
      fromMs = untilMs;
    }
  }
  return turns;
}

function secondAt(timeMs: number): number {
  return Math.ceil((timeMs - startMs) / 1_000);
}

/** Counts a profile in by looking at every second what has happened by then. */
function countLooked(audience: Audience, events: readonly Event[]): void {
  const seen = { views: [] as number[], orders: [] as number[], cart: 0, cartAt: 0, plan: "", planAt: 0 };
  let next = 0;
  for (let second = 0; second < weekSeconds; second += 1) {
    for (; secondOf(events[next]) <= second; next += 1) {
      const event = events[next];
      if (event?.name === "Product Viewed") seen.views.push(second);
      if (event?.name === "Order Completed") seen.orders.push(second);
      if (event?.name === "Product Added") [seen.cart, seen.cartAt] = [seen.cart + 1, second];
      if (event?.name === "Order Completed") [seen.cart, seen.cartAt] = [0, second];
      if (event?.type === "identify")
        [seen.plan, seen.planAt] = [JSON.stringify(event.traits["plan"]), second];
    }
    const buyer = within(seen.orders, second, 2 * day) >= 2;
    const views = within(seen.views, second, day);
    const looker = views >= 2 && views <= 5;
    const waiting = seen.cart >= 1 && second - seen.cartAt >= 30 * minute && !buyer;
    const quiet = seen.plan !== "" && within(seen.views, second, 10 * hour) === 0;
    const pro = seen.plan === `"pro"` && second - seen.planAt < 12 * hour;
    const writeTo = (pro || buyer || looker) && !(waiting || quiet);
    for (const [at, isIn] of [waiting, buyer, looker, quiet, pro, writeTo].entries()) {
      const sizes = audience.get(names[at] ?? "");
      if (isIn && sizes !== undefined) sizes[second] = (sizes[second] ?? 0) + 1;
    }
  }
}

function secondOf(event: Event | undefined): number {
  return event === undefined ? Infinity : (event.timestampMs - startMs) / 1_000;
}

/** How many of these ascending seconds are less than so long ago. */
function within(seconds: readonly number[], now: number, window: number): number {
  let n = 0;
  for (let at = seconds.length - 1; at >= 0 && now - (seconds[at] ?? 0) < window; at -= 1) n += 1;
  return n;
}

test("audiences are those that a look at every second of a week gives", () => {
  const definitions = compileRules({ ...noRules, computed, segments });
  const seeded = new Random(20_261_116);
  const random = () => seeded.next();
  const [decided, looked] = [nobody(), nobody()];
  let turns = 0;
  for (let person = 0; person < people; person += 1) {
    const events = eventsOf(random);
    turns += countDecided(decided, events, definitions);
    countLooked(looked, events);
  }
  for (const name of names) {
    const [is, should] = [decided.get(name) ?? [], looked.get(name) ?? []];
    const wrong = [...should.keys()].filter((second) => is[second] !== should[second]);
    expect([name, wrong.slice(0, 5)]).toEqual([name, []]);
    expect(Math.max(...new Set(should))).toBeGreaterThan(1);
  }
  expect(turns).toBeGreaterThan(people * 10);
});
