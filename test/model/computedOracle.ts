/**
 * What computed traits over events must be, the slow and obvious way: from the whole list of events, with sums in BigInt and
 * nothing kept between two questions.
 */
import { holds, type Scalar } from "../../src/model/condition.ts";
import type { Definition } from "../../src/model/definition.ts";
import type { Limits } from "../../src/model/evidencePlan.ts";
import type { EventSelector, Where } from "../../src/model/selector.ts";
import type { Event, Json, JsonObject } from "../../src/model/event.ts";

/** Made of consent, not of events. */
type OfConsent = Extract<Definition, { aggregate: "emailable" }>;
type OfShop = Extract<Definition, { aggregate: "cart" | "orders" }>;
type Ratio = Extract<Definition, { aggregate: "ratio" }>;
type OfSpans = Extract<Definition, { aggregate: "sessions" | "streak" }>;
type OfEvents = Exclude<Definition, OfShop | Ratio | OfSpans | OfConsent>;

export interface Expected {
  readonly value: Json;
  readonly approximate: boolean;
  readonly eventCount: number;
}

/** By order key, then source; oldest first. */
export function inOrder(events: readonly Event[]): Event[] {
  return [...events].sort(
    (a, b) =>
      a.timestampMs - b.timestampMs ||
      a.receivedAtMs - b.receivedAtMs ||
      a.index - b.index ||
      (a.messageId === b.messageId ? 0 : a.messageId < b.messageId ? -1 : 1) ||
      (a.source < b.source ? -1 : 1),
  );
}

/** "12.5" → 12500000n; null for what is no decimal number. */
export function millionths(value: unknown): bigint | null {
  const match = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(
    typeof value === "number" || typeof value === "string" ? String(value) : "",
  );
  if (match === null) return null;
  const size = BigInt(match[2] ?? "0") * 1_000_000n + BigInt((match[3] ?? "").padEnd(6, "0"));
  return match[1] === "-" ? -size : size;
}

export function toNumber(sum: bigint): number {
  return Number(sum) / 1e6;
}

function lastMsOf(minute: number): number {
  return minute * 60_000 + 59_999;
}

function minuteOf(event: Event): number {
  return Math.floor(event.timestampMs / 60_000);
}

/** Events that count at `tMs`, oldest first, and those of them that are kept one by one. */
function inWindow(events: readonly Event[], definition: OfEvents, tMs: number, limits: Limits) {
  const named = inOrder(events.filter((event) => isMeant(definition.event, event)));
  const pressed = named.slice(0, Math.max(0, named.length - limits.items));
  const kept = named.slice(pressed.length);
  const sinceMs = definition.windowMs === undefined ? -Infinity : tMs - definition.windowMs;
  const minutes = [...new Set(pressed.map(minuteOf))].sort((a, b) => b - a);
  const tellable = minutes.slice(0, limits.minutes);
  const isTouched = (minute: number) =>
    lastMsOf(minute) > sinceMs && kept.every((event) => event.timestampMs > sinceMs);
  const pressedIn =
    definition.windowMs === undefined
      ? pressed
      : pressed.filter((event) => tellable.includes(minuteOf(event)) && isTouched(minuteOf(event)));
  return {
    kept: kept.filter((event) => event.timestampMs > sinceMs),
    pressed: pressedIn,
    touchesPressed: definition.windowMs !== undefined && minutes.some(isTouched),
    hasPressed: pressed.length > 0,
  };
}

function isMeant(selector: EventSelector, event: Event): boolean {
  if (typeof selector === "string") return event.type === "track" && event.name === selector;
  return (
    [event.type, "any"].includes(selector.call) &&
    [event.name, undefined].includes(selector.name) &&
    !(selector.except ?? []).includes(event.name ?? "\u0000")
  );
}

function said(event: Event): JsonObject {
  return event.type === "identify" ? event.traits : event.properties;
}

function meets(event: Event, { where = {} }: { readonly where?: Where }): boolean {
  return Object.entries(where).every(([property, condition]) => {
    const known = Object.entries(said(event)).find(([name]) => name === property);
    return holds(condition, known?.[1]);
  });
}

function own(event: Event, property: string): Scalar | null {
  const value = Object.hasOwn(said(event), property) ? said(event)[property] : null;
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
}

/** One computed trait. */
export function expectedValue(
  events: readonly Event[],
  definition: Exclude<Definition, OfShop>,
  tMs: number,
  limits: Limits,
): Expected {
  if (definition.aggregate === "emailable") throw new Error("that is made of consent, not of events");
  if (definition.aggregate === "ratio") return expectedRatio(events, definition, tMs, limits);
  if (definition.aggregate === "sessions" || definition.aggregate === "streak")
    return expectedSpans(events, definition, tMs);
  return expectedTally(events, definition, tMs, limits);
}

function expectedRatio(events: readonly Event[], definition: Ratio, tMs: number, limits: Limits): Expected {
  const [above, below] = [definition.of, definition.per].map((side) => {
    const common = {
      name: "side",
      ...side,
      ...(definition.windowMs === undefined ? {} : { windowMs: definition.windowMs }),
    };
    const { property } = side;
    return property === undefined
      ? expectedTally(events, { ...common, aggregate: "count" }, tMs, limits)
      : expectedTally(events, { ...common, property, aggregate: "sum" }, tMs, limits);
  });
  if (above === undefined || below === undefined) throw new Error("a ratio has two sides");
  const divisor = millionths(below.value) ?? 0n;
  const exact = Number(millionths(above.value) ?? 0n) / Number(divisor);
  return {
    value: divisor === 0n ? null : (Math.sign(exact) * Math.round(Math.abs(exact) * 1e6)) / 1e6 + 0,
    approximate: above.approximate || below.approximate,
    eventCount: above.eventCount + below.eventCount,
  };
}

function expectedSpans(events: readonly Event[], definition: OfSpans, tMs: number): Expected {
  const mine = events.filter((event) => isMeant(definition.event, event) && meets(event, definition));
  const times = mine.map(({ timestampMs }) => timestampMs).sort((a, b) => a - b);
  if (definition.aggregate === "sessions") {
    const inside = times.filter((ms) => definition.windowMs === undefined || ms > tMs - definition.windowMs);
    const value = inside.filter(
      (ms, at) => at === 0 || ms - (inside[at - 1] ?? 0) >= definition.idleMs,
    ).length;
    return { value, approximate: false, eventCount: value };
  }
  const dates = new Set(times.map((ms) => dateIn(definition.timeZone, ms)));
  let day = [...dates].sort().at(-1) ?? "";
  const isOver = day < dayBefore(dateIn(definition.timeZone, tMs));
  let value = 0;
  if (isOver) return { value, approximate: false, eventCount: 0 };
  for (; dates.has(day); day = dayBefore(day)) value += 1;
  return { value, approximate: false, eventCount: value === 0 ? 0 : 1 };
}

function dateIn(timeZone: string, ms: number): string {
  const parts = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short" });
  return parts.format(ms);
}

function dayBefore(date: string): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);
}

/** One that is made of single events. */
function expectedTally(
  events: readonly Event[],
  definition: OfEvents,
  tMs: number,
  limits: Limits,
): Expected {
  const seen = inWindow(events, definition, tMs, limits);
  if (definition.aggregate === "unique" || definition.aggregate === "list")
    return expectedValues(seen, definition);
  const matching = [...seen.pressed, ...seen.kept].filter((event) => meets(event, definition));
  if (definition.aggregate === "lastAt") {
    const newest = matching.at(-1);
    return {
      value: newest === undefined ? null : new Date(newest.timestampMs).toISOString(),
      ...ofNewest(definition, matching, seen.touchesPressed),
    };
  }
  if (definition.aggregate === "timeSince") {
    const units = matching.map(({ timestampMs }) =>
      Math.max(0, Math.trunc((tMs - timestampMs) / definition.unitMs)),
    );
    return {
      value: units.length === 0 ? null : Math.min(...units),
      ...ofNewest(definition, matching, seen.touchesPressed),
    };
  }
  if (definition.aggregate === "mostFrequent") return expectedCommonest(seen, definition);
  if (definition.aggregate === "count")
    return { value: matching.length, approximate: seen.touchesPressed, eventCount: matching.length };
  const { aggregate, property } = definition;
  if (aggregate === "first" || aggregate === "last") {
    const holders = matching.filter((event) => own(event, property) !== null);
    const holder = aggregate === "first" ? holders[0] : holders.at(-1);
    return {
      value: holder === undefined ? null : own(holder, property),
      approximate: seen.touchesPressed,
      eventCount: holders.length,
    };
  }
  const numbers = matching
    .map((event) => millionths(own(event, property)))
    .filter((number) => number !== null);
  return {
    value: calculated(aggregate, numbers),
    approximate: seen.touchesPressed,
    eventCount: numbers.length,
  };
}

/** Without a window only the newest event goes in. */
function ofNewest(
  { windowMs }: OfEvents,
  matching: readonly Event[],
  touchesPressed: boolean,
): Omit<Expected, "value"> {
  return windowMs === undefined
    ? { approximate: false, eventCount: Math.min(1, matching.length) }
    : { approximate: touchesPressed, eventCount: matching.length };
}

function calculated(aggregate: "sum" | "average" | "min" | "max", numbers: readonly bigint[]): Json {
  const sum = numbers.reduce((total, number) => total + number, 0n);
  if (aggregate === "sum") return toNumber(sum);
  if (numbers.length === 0) return null;
  if (aggregate === "average") return Math.round(Number(sum) / numbers.length) / 1e6;
  const sorted = [...numbers].sort((a, b) => (a < b ? -1 : 1));
  return toNumber((aggregate === "min" ? sorted[0] : sorted.at(-1)) ?? 0n);
}

/** The value of the largest group; of several the one with the newest event. */
function expectedCommonest(
  seen: { readonly kept: readonly Event[]; readonly touchesPressed: boolean; readonly hasPressed: boolean },
  definition: Extract<OfEvents, { property: string }>,
): Expected {
  const able = seen.kept.filter(
    (event) => meets(event, definition) && own(event, definition.property) !== null,
  );
  const groups = [...Map.groupBy(able, (event) => own(event, definition.property))];
  const newestAt = (group: readonly Event[]) => Math.max(...group.map((event) => able.indexOf(event)));
  groups.sort(([, left], [, right]) => right.length - left.length || newestAt(right) - newestAt(left));
  const isPressed = definition.windowMs === undefined ? seen.hasPressed : seen.touchesPressed;
  return { value: groups[0]?.[0] ?? null, approximate: isPressed, eventCount: able.length };
}

function expectedValues(
  seen: { readonly kept: readonly Event[]; readonly touchesPressed: boolean; readonly hasPressed: boolean },
  definition: Exclude<OfEvents, { aggregate: "count" | "lastAt" | "timeSince" }>,
): Expected {
  const isList = definition.aggregate === "list";
  const uniqueBy = isList ? definition.uniqueBy : definition.property;
  const newestFirst = seen.kept.toReversed().filter((event) => meets(event, definition));
  const given = newestFirst.filter((event) => listed(event, definition.property) !== null);
  const able = given.filter((event) => uniqueBy === undefined || own(event, uniqueBy) !== null);
  const distinct = able.filter(
    (event, at) =>
      uniqueBy === undefined ||
      able.findIndex((other) => own(other, uniqueBy) === own(event, uniqueBy)) === at,
  );
  const isPressed = definition.windowMs === undefined ? seen.hasPressed : seen.touchesPressed;
  if (!isList) return { value: distinct.length, approximate: isPressed, eventCount: able.length };
  const shown = distinct.slice(0, definition.keep);
  const value = shown.map((event) => listed(event, definition.property));
  return { value, approximate: isPressed && shown.length < definition.keep, eventCount: shown.length };
}

function listed(event: Event, property: string | readonly string[]): Json {
  if (typeof property === "string") return own(event, property);
  const entries = property
    .map((key) => [key, own(event, key)] as const)
    .filter(([, value]) => value !== null);
  return entries.length === 0 ? null : Object.fromEntries(entries);
}
