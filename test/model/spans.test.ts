import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { localDays } from "../../src/lib/localDay.ts";
import { canonicalState } from "../../src/model/canonical.ts";
import { compile } from "../../src/model/compile.ts";
import { valueAt } from "../../src/model/computed.ts";
import type { Definition, Definitions } from "../../src/model/definition.ts";
import type { Event } from "../../src/model/event.ts";
import { fold } from "../../src/model/fold.ts";
import { merge } from "../../src/model/merge.ts";
import { saasPack } from "../../src/model/packs.ts";
import { emptyState, type ProfileState } from "../../src/model/profile.ts";
import { eventWith } from "./arbitrary.ts";
import { expectedValue } from "./computedOracle.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

function foldAll(events: readonly Event[], definitions: Definitions): ProfileState {
  const state = emptyState();
  for (const one of events) fold(state, one, { refused: null }, definitions);
  return state;
}

function readingOf(events: readonly Event[], definition: Definition, tMs: number, limit = 1_000) {
  const definitions = compile([definition], { items: 9, minutes: 9, cartActs: 9, orders: 9, spans: limit });
  const [trait] = definitions.computed;
  if (trait === undefined) throw new Error("no trait");
  return valueAt(foldAll(events, definitions), trait, tMs);
}

function at(...timesMs: readonly number[]): Event[] {
  return timesMs.map((timestampMs, number) =>
    eventWith({ name: "X", messageId: `m-${number}`, timestampMs, receivedAtMs: timestampMs }),
  );
}

const visits: Definition = { name: "n", aggregate: "sessions", event: "X", idleMs: 30 * minuteMs };

describe("sessions", () => {
  test("end after 30 minutes without an event, to the millisecond", () => {
    expect(readingOf(at(0, 30 * minuteMs - 1), visits, 0).value).toBe(1);
    expect(readingOf(at(0, 30 * minuteMs), visits, 0).value).toBe(2);
  });

  test("a late event joins the two that it lies between", () => {
    const apart = at(0, 50 * minuteMs);
    expect(readingOf(apart, visits, 0).value).toBe(2);
    expect(readingOf([...apart, ...at(25 * minuteMs)], visits, 0).value).toBe(1);
  });

  test("one that reaches into the window counts, and leaves with its last event", () => {
    const week: Definition = { ...visits, windowMs: 7 * dayMs };
    const events = at(0, 10 * minuteMs, 20 * minuteMs);
    const leavesMs = 7 * dayMs + 20 * minuteMs;
    expect(readingOf(events, week, leavesMs - 1)).toMatchObject({ value: 1, nextChangeAtMs: leavesMs });
    expect(readingOf(events, week, leavesMs)).toMatchObject({ value: 0, nextChangeAtMs: null });
  });

  test("beyond those that are kept only their number is known, and an answer that it matters to says so", () => {
    const events = at(...Array.from({ length: 5 }, (_, number) => number * hourMs));
    expect(readingOf(events, visits, 0, 3)).toMatchObject({ value: 5, approximate: true });
    const lately: Definition = { ...visits, windowMs: 2 * hourMs };
    expect(readingOf(events, lately, 4 * hourMs, 3)).toMatchObject({ value: 2, approximate: false });
  });

  test("of the saas pack are of what people do, not of what becomes of e-mails", () => {
    const definitions = compile(saasPack());
    const state = foldAll(
      [
        ...at(0),
        eventWith({ messageId: "p", type: "page", name: null, timestampMs: hourMs }),
        eventWith({ messageId: "i", type: "identify", name: null, timestampMs: 2 * hourMs }),
        eventWith({ messageId: "e", name: "Email Opened", timestampMs: 5 * hourMs }),
      ],
      definitions,
    );
    const [lastActiveAt, sessions7d] = definitions.computed;
    if (lastActiveAt === undefined || sessions7d === undefined) throw new Error("no saas pack");
    expect(valueAt(state, lastActiveAt, dayMs).value).toBe(new Date(2 * hourMs).toISOString());
    expect(valueAt(state, sessions7d, dayMs).value).toBe(3);
    // What nobody reads one by one is not kept one by one.
    expect(JSON.stringify(state.evidence).length).toBeLessThan(700);
  });
});

const zones = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Asia/Kolkata",
  "Pacific/Auckland",
  "America/St_Johns",
];
const streakIn = (timeZone: string): Definition => ({ name: "n", aggregate: "streak", event: "X", timeZone });

describe("streaks", () => {
  test("equal the days counted back one by one, in any zone, through every change of the clocks", () => {
    const hours = fc.array(fc.integer({ min: 0, max: 24 * 12 }), { maxLength: 24 });
    fc.assert(
      fc.property(
        hours,
        fc.constantFrom(...zones),
        fc.constantFrom("2026-03-06", "2026-03-27", "2026-10-23", "2026-04-03", "2026-10-30"),
        fc.integer({ min: 0, max: 24 * 14 }),
        (list, zone, start, now) => {
          const startMs = Date.parse(`${start}T00:00:00Z`);
          const events = at(...list.map((hour) => startMs + hour * hourMs));
          const tMs = startMs + now * hourMs;
          const definition = streakIn(zone);
          if (definition.aggregate !== "streak") throw new Error("no streak");
          const { value, eventCount, nextChangeAtMs } = readingOf(events, definition, tMs);
          const expected = expectedValue(events, definition, tMs, {
            items: 9,
            minutes: 9,
            cartActs: 9,
            orders: 9,
            spans: 9,
          });
          expect({ value, eventCount, zone }).toEqual({
            value: expected.value,
            eventCount: expected.eventCount,
            zone,
          });
          if (nextChangeAtMs === null) return;
          expect(readingOf(events, definition, nextChangeAtMs - 1).value).toBe(value);
          expect(readingOf(events, definition, nextChangeAtMs).value).toBe(0);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test("stand until yesterday was without", () => {
    const events = at(0, dayMs, 2 * dayMs + 23 * hourMs);
    expect(
      [2.5, 3.5, 3.999_999, 4].map((day) => readingOf(events, streakIn("UTC"), day * dayMs).value),
    ).toEqual([3, 3, 3, 0]);
    expect(readingOf(events, streakIn("Asia/Kolkata"), 3 * dayMs).value).toBe(1);
  });

  test("of two profiles join where the days meet, whichever way round", () => {
    const definitions = compile([streakIn("UTC")]);
    const whole = canonicalState(foldAll(at(0, dayMs, 2 * dayMs), definitions));
    const [first, second, third] = at(0, dayMs, 2 * dayMs);
    if (first === undefined || second === undefined || third === undefined) throw new Error("three events");
    for (const [mine, theirs] of [
      [[first, third], [second]],
      [[second], [first, third]],
    ] as const) {
      const into = foldAll(mine, definitions);
      merge(into, foldAll(theirs, definitions), { definitions, into: 1, from: 2 });
      expect(canonicalState(into)).toBe(whole);
    }
  });

  test("are joined where no trait asks for track events by name", () => {
    const definitions = compile(saasPack());
    const into = foldAll(at(0), definitions);
    merge(into, foldAll(at(2 * hourMs), definitions), { definitions, into: 1, from: 2 });
    expect(canonicalState(into)).toBe(
      canonicalState(foldAll(at(0, 2 * hourMs), definitions)).replaceAll("m-1", "m-0"),
    );
  });

  test("a zone that there is none of is refused", () => {
    expect(() => compile([streakIn("Mars/Olympus")])).toThrow(RangeError);
  });
});

test("a local day begins at its first moment", () => {
  for (const zone of zones) {
    const { dayOf, startOf } = localDays(zone);
    for (let day = 20_500; day < 20_900; day += 1) {
      const startMs = startOf(day);
      expect([dayOf(startMs - 1), dayOf(startMs)]).toEqual([day - 1, day]);
    }
  }
});
