/** Random segments and histories for them, on a grid of five seconds. */
import * as fc from "fast-check";
import type { Condition } from "../../src/model/condition.ts";
import { compile } from "../../src/model/compile.ts";
import type { Definition, Definitions } from "../../src/model/definition.ts";
import type { Limits } from "../../src/model/evidencePlan.ts";
import type { Event, JsonObject } from "../../src/model/event.ts";
import { fold } from "../../src/model/fold.ts";
import { emptyState } from "../../src/model/profile.ts";
import { compileSegments } from "../../src/model/segmentCompile.ts";
import type { SegmentSubject } from "../../src/model/segmentMoment.ts";
import type { SegmentDefinition, SegmentRule } from "../../src/model/segmentRule.ts";
import type { ValueTest } from "../../src/model/valueTest.ts";
import { eventWith, trackEvents } from "./arbitrary.ts";

const minuteMs = 60_000;
export const stepMs = 5_000;

export const computed: Definition[] = [
  { name: "cart", aggregate: "cart", currency: "EUR" },
  { name: "revenue3m", aggregate: "orders", measure: "revenue", currency: "EUR", windowMs: 3 * minuteMs },
  { name: "views3m", aggregate: "count", event: "Product Viewed", windowMs: 3 * minuteMs },
  { name: "spent4m", aggregate: "sum", event: "Product Viewed", property: "price", windowMs: 4 * minuteMs },
  { name: "lastViewAt", aggregate: "lastAt", event: "Product Viewed" },
  {
    name: "queries2m",
    aggregate: "list",
    event: "Product Viewed",
    property: "query",
    keep: 3,
    windowMs: 2 * minuteMs,
  },
];

export const lists = new Map([
  ["h1", ["ann@example.com"]],
  ["h2", ["u-9"]],
]);
const listSets = new Map(
  [...lists].map(([hash, values]) => [
    hash,
    { size: values.length, has: (value: string) => values.includes(value) },
  ]),
);
export const identifiers = ["Luser_id:u-1", "Lemail:ann@example.com"];

const paths = [
  "cart.count",
  "cart.value",
  "cart.updatedAt",
  "cart.items.product_id",
  "cart",
  "revenue3m",
  "views3m",
  "spent4m",
  "lastViewAt",
  "queries2m",
  "plan",
  "plan.updatedAt",
  "address.city",
  "address.updatedAt",
  "seenAt",
  "nothing",
  "nothing.updatedAt",
].map((path) => path.split("."));

const scalar = fc.constantFrom("pro", "free", "a", "P1", 1, 2, true);
const condition: fc.Arbitrary<Condition> = fc.oneof(
  fc.record({ atLeast: fc.integer({ min: 0, max: 60 }) }),
  fc.record({ below: fc.integer({ min: 0, max: 60 }) }),
  fc.record({ atLeast: fc.integer({ min: 0, max: 3 }), below: fc.integer({ min: 0, max: 60 }) }),
  fc.record({ is: scalar }),
  fc.record({ isNot: scalar }),
  fc.record({ oneOf: fc.array(scalar, { minLength: 1, maxLength: 3 }) }),
  fc.record({ exists: fc.boolean() }),
);
const seconds = fc.integer({ min: 1, max: 80 }).map((steps) => steps * stepMs);
const ageTest: fc.Arbitrary<ValueTest> = fc.oneof(
  seconds.map((olderThanMs) => ({ olderThanMs })),
  seconds.map((newerThanMs) => ({ newerThanMs })),
  fc.tuple(seconds, seconds).map(([olderThanMs, newerThanMs]) => ({ olderThanMs, newerThanMs })),
  seconds.map((afterMs) => ({ afterMs })),
  fc.tuple(seconds, seconds).map(([beforeMs, olderThanMs]) => ({ beforeMs, olderThanMs })),
);
const valueTest = fc.oneof(
  condition.map((asked): ValueTest => ({ condition: asked })),
  ageTest,
);

const eventRule: fc.Arbitrary<SegmentRule> = fc
  .record(
    {
      event: fc.constantFrom("Product Viewed", "Order Completed", "Product Added"),
      where: fc.constant({ category: { is: "shoes" } }),
      windowMs: seconds,
      times: fc.oneof(
        fc.record({ atLeast: fc.integer({ min: 1, max: 4 }) }),
        fc.record({ atMost: fc.integer({ min: 0, max: 3 }) }),
        fc.record({ atLeast: fc.integer({ min: 1, max: 2 }), atMost: fc.integer({ min: 1, max: 4 }) }),
      ),
    },
    { requiredKeys: ["event"] },
  )
  .map((rule): SegmentRule => ({ kind: "event", ...rule }));

const statuses = fc.constantFrom("granted" as const, "denied" as const, "unknown" as const);

const leaf: fc.Arbitrary<SegmentRule> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(...paths), valueTest)
      .map(([path, asked]) => ({ kind: "trait" as const, path, test: asked })),
  },
  { weight: 3, arbitrary: eventRule },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("consent" as const),
      channel: fc.constantFrom("email", "sms"),
      topic: fc.constantFrom(null, "marketing"),
      is: statuses,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<SegmentRule[]>(
      { kind: "list", file: "staff.csv", sha256: "h1", rows: 1, match: "email" },
      { kind: "list", file: "bad.csv", sha256: "h2", rows: 1, match: "user_id" },
    ),
  },
);

/** `asked`: segments that a rule may ask for. */
export function ruleOver(asked: readonly string[]): fc.Arbitrary<SegmentRule> {
  return fc.letrec<{ rule: SegmentRule; many: SegmentRule[] }>((tie) => ({
    many: fc.array(tie("rule"), { minLength: 1, maxLength: 3 }),
    rule: fc.oneof(
      { maxDepth: 3 },
      { weight: 3, arbitrary: leaf },
      ...asked.map((name) => ({ weight: 1, arbitrary: fc.constant<SegmentRule>({ kind: "segment", name }) })),
      { weight: 1, arbitrary: tie("many").map((of): SegmentRule => ({ kind: "all", of })) },
      { weight: 1, arbitrary: tie("many").map((of): SegmentRule => ({ kind: "any", of })) },
      { weight: 1, arbitrary: tie("rule").map((of): SegmentRule => ({ kind: "not", of })) },
    ),
  })).rule;
}

export const segments: fc.Arbitrary<SegmentDefinition[]> = fc
  .tuple(ruleOver(["c"]), ruleOver(["a", "c"]), ruleOver([]))
  .map((rules) => rules.map((rule, at) => ({ name: ["a", "b", "c"][at] ?? "", rule })));

const traits = fc.record(
  {
    plan: fc.constantFrom("pro", "free", null),
    address: fc.constantFrom<JsonObject[]>({ city: "a" }, { city: "pro", zip: 1 }),
    seenAt: fc.integer({ min: 0, max: 200 }).map((steps) => new Date(steps * stepMs).toISOString()),
  },
  { requiredKeys: [] },
);
const identifies = fc.uniqueArray(
  fc.tuple(traits, fc.integer({ min: 0, max: 30 }), fc.nat({ max: 20 })).map(([written, at, id]) =>
    eventWith({
      type: "identify",
      name: null,
      traits: written,
      timestampMs: at * 20_000,
      receivedAtMs: at * 20_000,
      messageId: `i-${id}`,
    }),
  ),
  { selector: ({ messageId }) => messageId, maxLength: 4 },
);
const consents = fc.uniqueArray(
  fc
    .record({
      at: fc.integer({ min: 0, max: 30 }),
      id: fc.nat({ max: 20 }),
      trusted: fc.constantFrom(true, true, false),
      word: fc.record(
        { channel: fc.constantFrom("email", "sms"), topic: fc.constant("marketing"), status: statuses },
        { requiredKeys: ["channel", "status"] },
      ),
    })
    .map(({ at, id, trusted, word }) =>
      eventWith({
        name: "Consent Changed",
        trusted,
        properties: { ...word },
        timestampMs: at * 20_000,
        receivedAtMs: at * 20_000,
        messageId: `c-${id}`,
      }),
    ),
  { selector: ({ messageId }) => messageId, maxLength: 4 },
);
export const history = fc.tuple(trackEvents("all", 25), identifies, consents).map((parts) => parts.flat());

export function subjectOf(events: readonly Event[], definitions: Definitions): SegmentSubject {
  const state = emptyState();
  for (const event of events) fold(state, event, {}, definitions);
  return { state, identifiers };
}

export const usual = compile([]).limits;

export function compiled(list: readonly SegmentDefinition[], limits: Limits): Definitions {
  const made = compileSegments(list, listSets);
  return { ...compile(computed, limits, made.hidden), segments: made.segments };
}
