/** An item of evidence: one event, as far as some computed trait reads it. Never changed once made. */
import type { Scalar } from "./condition.ts";
import type { Event, Json, JsonObject } from "./event.ts";
import type { ItemLayout, Mark } from "./evidencePlan.ts";
import type { Facts } from "./facts.ts";
import { meetsWhere, saidBy, valueIn, type Where } from "./selector.ts";

/**
 * One event. Values follow by slot: first what it is marked with (`ItemLayout.wheres`; null: no bit is set), then
 * properties; null: not there, or no scalar of at most 1,024 characters.
 */
export type Item = [
  timestampMs: number,
  delayMs: number,
  index: number,
  messageId: string,
  source: string,
  ...values: (Scalar | null)[],
];

/** Where an item's property values begin. */
const firstSlot = 5;

const maxValueChars = 1_024;

/** Bits of a mark's value; more would not stay a small integer. */
export const bitsASlot = 30;

/** The item that an event leaves. */
export function itemOf(event: Event, { wheres, properties }: ItemLayout): Item {
  const item: Item = [
    event.timestampMs,
    event.receivedAtMs - event.timestampMs,
    event.index,
    event.messageId,
    event.source,
  ];
  const said = saidBy(event);
  for (let from = 0; from < wheres.length; from += bitsASlot) {
    const bits = bitsOf(wheres, from, said, event.facts);
    item.push(bits === 0 ? null : bits);
  }
  for (const property of properties) item.push(scalarOf(valueIn(said, event.facts, property)));
  while (item.length > firstSlot && item.at(-1) === null) item.pop();
  return item;
}

function bitsOf(wheres: readonly Where[], from: number, said: JsonObject, facts: Facts | undefined): number {
  let bits = 0;
  for (let at = from; at < Math.min(wheres.length, from + bitsASlot); at += 1) {
    const where = wheres[at];
    if (where !== undefined && meetsWhere(where, said, facts)) bits |= 1 << (at - from);
  }
  return bits;
}

/** Whether the item met what the mark stands for; null stands for nothing asked. */
export function isMarked(item: Item, mark: Mark | null): boolean {
  if (mark === null) return true;
  const bits = item[firstSlot + mark.slot];
  return typeof bits === "number" && (bits & mark.bit) !== 0;
}

/** Inherited members are functions or objects, so that a property named "constructor" is safe too. */
function scalarOf(value: unknown): Scalar | null {
  if (typeof value === "string") return value.length <= maxValueChars ? value : null;
  return typeof value === "number" || typeof value === "boolean" ? value : null;
}

/** The value in an item's slot; null: not there. */
export function valueAtSlot(item: Item, slot: number): Scalar | null {
  const value = item[firstSlot + slot];
  return value === undefined ? null : value;
}

/** What an item gives a list: a bare value, or an object under these keys; null: nothing. */
export function listed(item: Item, keys: readonly string[] | null, slots: readonly number[]): Json {
  if (keys === null) return valueAtSlot(item, slots[0] ?? -1);
  const entry: Record<string, Json> = {};
  let isEmpty = true;
  for (let at = 0; at < keys.length; at += 1) {
    const key = keys[at] ?? "__proto__";
    const value = valueAtSlot(item, slots[at] ?? -1);
    if (value === null || key === "__proto__") continue;
    entry[key] = value;
    isEmpty = false;
  }
  return isEmpty ? null : entry;
}
