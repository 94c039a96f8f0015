/** What sets a trigger off, quiet hours by the clock on the wall, who is held out. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Cause, Change } from "../../src/model/change.ts";
import { isHeldOut, latenessMs, quietUntil, setsOff, type TriggerSetting } from "../../src/model/trigger.ts";

const hourMs = 3_600_000;
const night = { fromMinute: 21 * 60, toMinute: 8 * 60 };
const lunch = { fromMinute: 12 * 60, toMinute: 13 * 60 + 30 };

const trigger: TriggerSetting = {
  name: "t",
  namespace: "live",
  when: { kind: "enters", segment: "left" },
  send: { kind: "block", block: "b", through: "mail", subject: null, channel: "email", topic: null },
  limits: {
    oncePerMs: null,
    quietHours: null,
    timeZone: "UTC",
    maxLateMs: null,
    holdout: 0,
    requireFresh: false,
  },
  goal: null,
};

function change(cause: Cause, more: Partial<Change> = {}): Change {
  return {
    seq: 1,
    namespace: "live",
    profileId: "prf_1",
    identifiers: [],
    cause,
    event: { messageId: "m", type: "track", name: "Bought", source: "web" },
    timestampMs: 0,
    receivedAtMs: 0,
    committedAtMs: 0,
    traits: {},
    segments: { entered: ["left"], exited: [] },
    ...more,
  };
}

test.each<[Cause, boolean]>([
  ["event", true],
  ["time", true],
  ["import", false],
  ["definition", false],
  ["merge", false],
  ["undo", false],
  ["erase", false],
])("a change of cause %s sets it off: %p", (cause, expected) => {
  expect(setsOff(trigger, change(cause), () => ({}))).toBe(expected);
});

test("it is set off by its own segment, event and namespace alone", () => {
  expect(
    setsOff(trigger, change("event", { segments: { entered: ["x"], exited: ["left"] } }), () => ({})),
  ).toBe(false);
  expect(setsOff(trigger, change("event", { namespace: "test" }), () => ({}))).toBe(false);
  const onEvent: TriggerSetting = {
    ...trigger,
    when: { kind: "event", event: "Bought", where: [["total", { atLeast: 50 }]] },
  };
  const with_ = (total: number) => setsOff(onEvent, change("event"), () => ({ total }));
  expect([with_(49), with_(50)]).toEqual([false, true]);
  expect(setsOff(onEvent, change("event"), () => ({}))).toBe(false);
  expect(setsOff(onEvent, change("time"), () => ({ total: 50 }))).toBe(false);
});

describe("quiet hours", () => {
  test.each([
    // Berlin, winter: UTC+1.
    ["2026-11-30T19:59:59.999Z", night, "Europe/Berlin", null],
    ["2026-11-30T20:00:00.000Z", night, "Europe/Berlin", "2026-12-01T07:00:00.000Z"],
    ["2026-12-01T06:59:59.999Z", night, "Europe/Berlin", "2026-12-01T07:00:00.000Z"],
    ["2026-12-01T07:00:00.000Z", night, "Europe/Berlin", null],
    ["2026-11-30T11:00:00.000Z", lunch, "Europe/Berlin", "2026-11-30T12:30:00.000Z"],
    ["2026-11-30T12:30:00.000Z", lunch, "Europe/Berlin", null],
    // The clock is put forward in that night: eight o'clock comes an hour sooner.
    ["2026-03-28T21:00:00.000Z", night, "Europe/Berlin", "2026-03-29T06:00:00.000Z"],
    // And back in this one.
    ["2026-10-24T20:00:00.000Z", night, "Europe/Berlin", "2026-10-25T07:00:00.000Z"],
    ["2026-11-30T20:00:00.000Z", night, "Asia/Kolkata", "2026-12-01T02:30:00.000Z"],
  ] as const)("at %s", (at, quiet, zone, until) => {
    expect(quietUntil(Date.parse(at), quiet, zone)).toBe(until === null ? null : Date.parse(until));
  });

  test("always end, at a moment that is not quiet", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4_000_000_000_000 }),
        fc.integer({ min: 0, max: 1_439 }),
        fc.integer({ min: 0, max: 1_439 }),
        fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"),
        (atMs, fromMinute, toMinute, zone) => {
          const quiet = { fromMinute, toMinute };
          const untilMs = quietUntil(atMs, quiet, zone);
          if (untilMs === null) return;
          expect(untilMs).toBeGreaterThan(atMs);
          expect(untilMs - atMs).toBeLessThanOrEqual(26 * hourMs);
          expect(quietUntil(untilMs, quiet, zone)).toBe(null);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("what came about in them is late only after their end", () => {
    const cameAbout = Date.parse("2026-11-30T22:00:00.000Z");
    const end = Date.parse("2026-12-01T08:00:00.000Z");
    expect(latenessMs(cameAbout, end + 5, night, "UTC")).toBe(5);
    expect(latenessMs(end, end + 5, night, "UTC")).toBe(5);
  });
});

test("as many are held out as are meant to be, always the same ones, and others of another trigger", () => {
  const ids = Array.from({ length: 20_000 }, (_, at) => `prf_${at}`);
  const held = (name: string) => ids.filter((id) => isHeldOut(name, id, 0.05));
  const [one, other] = [held("one"), held("other")];
  expect(Math.abs(one.length - 1_000)).toBeLessThan(150);
  expect(held("one")).toEqual(one);
  expect(one.filter((id) => other.includes(id)).length).toBeLessThan(120);
  expect(ids.some((id) => isHeldOut("one", id, 0))).toBe(false);
  expect(ids.every((id) => isHeldOut("one", id, 1))).toBe(true);
});
