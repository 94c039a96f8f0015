/** An item of evidence: one event, as far as some computed trait reads it. Never changed once made. */
import type { Scalar } from "./definition.ts";
import type { Event, Json } from "./event.ts";

/** One event. Property values follow by slot; null: not there, or no scalar of at most 1,024 characters. */
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

/** The item that an event leaves. */
export function itemOf(event: Event, properties: readonly string[]): Item {
  const item: Item = [
    event.timestampMs,
    event.receivedAtMs - event.timestampMs,
    event.index,
    event.messageId,
    event.source,
  ];
  for (const property of properties) item.push(scalarOf(event.properties[property]));
  while (item.length > firstSlot && item.at(-1) === null) item.pop();
  return item;
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
