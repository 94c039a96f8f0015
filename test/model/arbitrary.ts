/** Random events for the algebra's tests: few times, names and values, so that they meet. */
import * as fc from "fast-check";
import type { Event, Json, JsonObject } from "../../src/model/event.ts";

/** A track event of one person; change what a test is about. */
export function eventWith(part: Partial<Event>): Event {
  return {
    namespace: "live",
    source: "web",
    trusted: false,
    type: "track",
    name: "Product Viewed",
    messageId: "m-1",
    userId: "u-1",
    anonymousId: null,
    previousId: null,
    groupId: null,
    timestampMs: 1_000,
    receivedAtMs: 1_000,
    index: 0,
    properties: {},
    traits: {},
    ...part,
  };
}

/** Keys that a careless dictionary falls over. "__proto__" never gets past ingest. */
const traitKeys = ["a", "b", "c", "constructor", "prototype", "toString", "hasOwnProperty", "", "é"];

const leaf: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json[]>(null, null, 0, 1, 2.5, true, false, "", "x", "grün", "constructor"),
  fc.constantFrom<Json[]>({}, [], [1, null], [{ a: 1 }], ["x", ["y"]]),
);

/** Trait values, deep enough to pass the depth limit. */
export const traitValue: fc.Arbitrary<Json> = fc.letrec<{ value: Json; tree: Json }>((tie) => ({
  value: fc.oneof({ weight: 3, arbitrary: leaf }, { weight: 2, arbitrary: tie("tree") }),
  tree: fc.dictionary(fc.constantFrom(...traitKeys), tie("value"), { maxKeys: 3 }),
})).value;

/** A value under a long path, around the depth limit. */
const deepValue: fc.Arbitrary<Json> = fc
  .tuple(fc.integer({ min: 5, max: 10 }), traitValue, fc.constantFrom("a", "b"))
  .map(([depth, value, key]) => {
    let wrapped = value;
    for (let level = 0; level < depth; level += 1) wrapped = { [level === depth - 2 ? key : "a"]: wrapped };
    return wrapped;
  });

const traits: fc.Arbitrary<JsonObject> = fc.dictionary(
  fc.constantFrom(...traitKeys),
  fc.oneof({ weight: 8, arbitrary: traitValue }, { weight: 1, arbitrary: deepValue }),
  { maxKeys: 4 },
);

/** The parts that make an order key; (source, messageId) is unique within a list. */
export const placeOfEvent = fc.record({
  source: fc.constantFrom("web", "shop"),
  messageId: fc.integer({ min: 0, max: 40 }).map((number) => `m-${number}`),
  timestampMs: fc.integer({ min: 0, max: 12 }),
  receivedAtMs: fc.integer({ min: 0, max: 2 }),
  index: fc.integer({ min: 0, max: 1 }),
});

/** identify and track events with traits. */
export const traitEvents: fc.Arbitrary<Event[]> = fc.uniqueArray(
  fc
    .tuple(placeOfEvent, traits)
    .map(([place, written]) => eventWith({ type: "identify", name: null, traits: written, ...place })),
  { selector: (event) => `${event.source} ${event.messageId}`, maxLength: 10 },
);

/** A list in another order, some of it twice. */
export function shuffledWithRepeats<T>(list: readonly T[]): fc.Arbitrary<T[]> {
  const whole = fc.shuffledSubarray([...list], { minLength: list.length });
  return fc.tuple(whole, fc.shuffledSubarray([...list])).map(([all, again]) => [...all, ...again]);
}

/** The same events, dealt to `hands` piles. */
export function dealt<T>(list: readonly T[], hands: number): fc.Arbitrary<T[][]> {
  return fc
    .array(fc.nat({ max: hands - 1 }), { minLength: list.length, maxLength: list.length })
    .map((places) => {
      const piles: T[][] = Array.from({ length: hands }, () => []);
      list.forEach((item, at) => piles[places[at] ?? 0]?.push(item));
      return piles;
    });
}
