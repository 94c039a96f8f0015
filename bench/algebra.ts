/**
 * What the algebra costs: µs an operation beside JSON.parse of the event's own text in the same round, and bytes a
 * profile as it is stored. `bun bench/algebra.ts`
 */
import { nextDeadline, readComputed } from "../src/model/computed.ts";
import { compile, noDefinitions, type Definition, type Definitions } from "../src/model/definition.ts";
import type { Event, Json, JsonObject, OrderKey } from "../src/model/event.ts";
import { fold, type FoldOptions } from "../src/model/fold.ts";
import { addLink, attribute, emptyRecord, noteAnonymous } from "../src/model/link.ts";
import { merge } from "../src/model/merge.ts";
import { emptyState, type ProfileState } from "../src/model/profile.ts";
import { readTraits } from "../src/model/trait.ts";
import { median } from "./support/stats.ts";

const startMs = Date.UTC(2026, 10, 24, 9);
const dayMs = 86_400_000;
const profiles = 20_000;
const rounds = 7;
const operations = 40_000;

const ecommerce: Definition[] = [
  { name: "cart", aggregate: "cart", currency: "EUR" },
  { name: "ordersCount", aggregate: "orders", measure: "count", currency: "EUR" },
  { name: "totalRevenue", aggregate: "orders", measure: "revenue", currency: "EUR" },
  { name: "averageOrderValue", aggregate: "orders", measure: "average", currency: "EUR" },
  { name: "lastOrderAt", aggregate: "orders", measure: "lastAt", currency: "EUR" },
  { name: "views24h", aggregate: "count", event: "Product Viewed", windowMs: dayMs },
  { name: "views", aggregate: "count", event: "Product Viewed" },
  {
    name: "shoesViewed7d",
    aggregate: "count",
    event: "Product Viewed",
    where: { category: { is: "shoes" } },
    windowMs: 7 * dayMs,
  },
  {
    name: "spentMind7d",
    aggregate: "average",
    event: "Product Viewed",
    property: "price",
    windowMs: 7 * dayMs,
  },
  {
    name: "recentlyViewed",
    aggregate: "list",
    event: "Product Viewed",
    property: ["product_id", "name", "price"],
    keep: 5,
    uniqueBy: "product_id",
  },
  { name: "productsSeen", aggregate: "unique", event: "Product Viewed", property: "product_id" },
];

/** The definitions again under other names, up to 30 traits. */
const thirty = compile([
  ...ecommerce,
  ...Array.from({ length: 19 }, (_, at): Definition => ({
    name: `extra${at}`,
    aggregate: "sum",
    event: "Product Viewed",
    property: "price",
    windowMs: (at + 1) * dayMs,
  })),
]);
const pack = compile(ecommerce);

function messageId(number: number): string {
  return `ajs-next-${startMs + number}-6b2f41c3-9a53-4c71-8b0e-${number.toString(16).padStart(12, "0")}`;
}

function eventOf(number: number, part: Partial<Event>): Event {
  const timestampMs = startMs + number;
  return {
    namespace: "live",
    source: "web",
    trusted: false,
    type: "track",
    name: "Product Viewed",
    messageId: messageId(number),
    userId: "u",
    anonymousId: null,
    previousId: null,
    groupId: null,
    timestampMs,
    receivedAtMs: timestampMs + 120,
    index: 0,
    properties: {},
    traits: {},
    ...part,
  };
}

function viewed(number: number): Event {
  return eventOf(number, {
    properties: {
      product_id: `P${number % 97}`,
      name: "Trail shoe",
      price: 84.5,
      currency: "EUR",
      category: number % 2 === 0 ? "shoes" : "hats",
    },
  });
}

function added(number: number): Event {
  const properties = {
    product_id: `P${number % 5}`,
    name: "Trail shoe",
    price: 84.5,
    quantity: 1,
    currency: "EUR",
    category: "shoes",
  };
  return eventOf(number, {
    name: number % 8 === 7 ? "Order Completed" : "Product Added",
    properties: { ...properties, order_id: `o-${number}`, total: 84.5 },
  });
}

function identified(number: number, changing: boolean): Event {
  const traits: JsonObject = {
    firstName: "Ann",
    lastName: "Miller",
    email: "ann.miller@example.com",
    plan: "pro",
    city: "Ulm",
    newsletter: true,
    logins: changing ? number : 7,
    address: { street: "Long Road 7", city: changing && number % 2 === 0 ? "Bonn" : "Ulm", zip: "89073" },
  };
  return eventOf(number, { type: "identify", name: null, traits });
}

/** As an SDK writes it, about 450 bytes. */
function textOf(event: Event): string {
  const { type, name, messageId: id, properties } = event;
  return JSON.stringify({
    type,
    messageId: id,
    userId: "user-12345",
    anonymousId: "395d5813-c5f7-4082-9d6c-43ffce146ee8",
    event: name,
    timestamp: "2026-11-24T08:58:12.345Z",
    properties,
    context: {
      page: { path: "/p/1", url: "http://shop.test/p/1" },
      library: { name: "analytics.js", version: "1.84.3" },
    },
  });
}

interface Work {
  readonly name: string;
  /** Unmeasured, before a round that begins at this number. */
  readonly prepare?: (first: number) => void;
  /** Does one operation; the number counts up over all rounds. */
  readonly step: (number: number) => unknown;
}

const live: FoldOptions = {};
const replay: FoldOptions = { refused: null };

/**
 * Folds events over many profiles in turn; `before` events a profile were folded ahead. Events are made between the
 * rounds. Their number counts the profile's own events too, so that every profile gets every kind.
 */
function folding(
  name: string,
  make: (number: number) => Event,
  options: FoldOptions,
  definitions: Definitions,
  before: number,
): Work {
  const states = Array.from({ length: profiles }, () => emptyState());
  const eventAt = (number: number): Event => {
    const made = make(number + Math.floor(number / profiles));
    return {
      ...made,
      messageId: messageId(number),
      timestampMs: startMs + number,
      receivedAtMs: startMs + number + 120,
    };
  };
  const ahead = before * profiles;
  for (let number = 0; number < ahead; number += 1) {
    fold(states[number % profiles] ?? emptyState(), eventAt(number), replay, definitions);
  }
  let events: Event[] = [];
  return {
    name,
    prepare: (first) => {
      events = Array.from({ length: operations }, (_, at) => eventAt(ahead + first + at));
    },
    step: (number) => {
      const event = events[number % operations];
      return event === undefined
        ? undefined
        : fold(states[number % profiles] ?? emptyState(), event, options, definitions);
    },
  };
}

function stateOf(count: number, make: (number: number) => Event, definitions: Definitions): ProfileState {
  const state = emptyState();
  for (let number = 0; number < count; number += 1) fold(state, make(number), replay, definitions);
  return state;
}

function keyAt(number: number): OrderKey {
  return [startMs + number * 1_000, startMs, 0, messageId(number)];
}

const texts = Array.from({ length: 1_000 }, (_, number) => textOf(viewed(number)));
const known = stateOf(3, (number) => identified(number, true), noDefinitions);
const busy = stateOf(50, viewed, thirty);
for (let number = 0; number < 12; number += 1) fold(busy, added(100 + number), replay, thirty);
const stored = JSON.stringify(known);
const record = emptyRecord();

const floor: Work = {
  name: "JSON.parse of a 450-byte event",
  step: (number) => JSON.parse(texts[number % 1_000] ?? "") as Json,
};

/** Made one after the other, so that one kind's profiles at a time are alive. */
const works: readonly (() => Work)[] = [
  () => folding("fold: track, no computed traits", viewed, live, noDefinitions, 0),
  () =>
    folding(
      "fold: identify, 8 traits, nothing new",
      (number) => identified(number, false),
      live,
      noDefinitions,
      1,
    ),
  () =>
    folding(
      "fold: identify, 8 traits, 2 changed",
      (number) => identified(number, true),
      live,
      noDefinitions,
      1,
    ),
  () => folding("fold: Product Viewed, 11 traits defined, 10 known", viewed, live, pack, 10),
  () => folding("fold: the same as a replay", viewed, replay, pack, 10),
  () => folding("fold: cart and orders, 11 traits defined, 10 known", added, live, pack, 10),
  () => ({ name: "merge: a profile of 10 leaves into a new one", step: () => merge(emptyState(), known) }),
  () => ({
    name: "link: event with both ids, and one with none",
    step: (number) => [
      addLink(record, keyAt(number), "u-1"),
      noteAnonymous(record, keyAt(number)),
      attribute(record, keyAt(number)),
    ],
  }),
  () => ({ name: "read: 8 plain traits", step: () => readTraits(known) }),
  () => ({
    name: "read: 30 computed traits over 62 events",
    step: (number) => readComputed(busy, thirty, startMs + number),
  }),
  () => ({
    name: "read: next deadline of 30 computed traits",
    step: (number) => nextDeadline(busy, thirty, startMs + number),
  }),
  () => ({ name: "store: JSON.stringify of 8 plain traits", step: () => JSON.stringify(known) }),
  () => ({ name: "store: JSON.parse of the same", step: () => JSON.parse(stored) as Json }),
];

let used = 0;

/** µs an operation. */
function measure(work: Work, first: number): number {
  const startedNs = Bun.nanoseconds();
  for (let number = first; number < first + operations; number += 1)
    if (work.step(number) === undefined) used += 1;
  return (Bun.nanoseconds() - startedNs) / 1_000 / operations;
}

const measured = new Map<string, { ours: number[]; floors: number[] }>();
for (const make of works) {
  const work = make();
  const result = { ours: [] as number[], floors: [] as number[] };
  measured.set(work.name, result);
  for (let round = 0; round <= rounds; round += 1) {
    work.prepare?.(round * operations);
    const floorUs = measure(floor, round * operations);
    const oursUs = measure(work, round * operations);
    if (round === 0) continue;
    result.ours.push(oursUs);
    result.floors.push(floorUs);
  }
}

console.log(
  `µs an operation, median of ${rounds} rounds (least–most); × against JSON.parse of ${texts[0]?.length ?? 0} bytes beside it`,
);
for (const [name, { ours, floors }] of measured) {
  const spread = `${Math.min(...ours).toFixed(2)}–${Math.max(...ours).toFixed(2)}`;
  const times = median(ours.map((us, at) => us / (floors[at] ?? us)));
  console.log(`${name.padEnd(52)} ${median(ours).toFixed(2).padStart(7)} (${spread})  × ${times.toFixed(2)}`);
}

const sizes: readonly (readonly [string, ProfileState])[] = [
  ["nothing", emptyState()],
  ["8 traits from one identify", stateOf(1, (number) => identified(number, false), noDefinitions)],
  ["the same, each leaf from an event of its own", stateOf(10, leafByLeaf, noDefinitions)],
  ["8 traits and 20 views, 11 traits defined", withTraits(20)],
  ["8 traits and 200 views, 11 traits defined", withTraits(200)],
  ["8 traits and 1,000 views, 11 traits defined", withTraits(1_000)],
  ["8 traits and 5,000 views in as many minutes", withTraits(5_000, 60_000)],
  ["7 acts of a cart", stateOf(7, added, pack)],
  ["10 orders", stateOf(10, (number) => added(number * 8 + 7), pack)],
];
console.log("\nbytes a profile (JSON of its state)");
for (const [name, state] of sizes)
  console.log(`${name.padEnd(52)} ${String(JSON.stringify(state).length).padStart(7)}`);

function withTraits(views: number, stepMs = 1): ProfileState {
  const state = stateOf(
    views,
    (number) => ({
      ...viewed(number),
      timestampMs: startMs + number * stepMs,
      receivedAtMs: startMs + number * stepMs + 120,
    }),
    pack,
  );
  fold(state, identified(0, false), replay, pack);
  return state;
}

function leafByLeaf(number: number): Event {
  const whole = Object.entries(identified(0, false).traits);
  const [name, value] = whole[number % whole.length] ?? ["none", null];
  if (name !== "address") return eventOf(number, { type: "identify", name: null, traits: { [name]: value } });
  const [key, inner] = Object.entries(value as JsonObject)[Math.floor(number / whole.length)] ?? [
    "street",
    "Long Road 7",
  ];
  return eventOf(number, { type: "identify", name: null, traits: { address: { [key]: inner } } });
}

if (used > 0) console.log(`${used} operations gave nothing`);
