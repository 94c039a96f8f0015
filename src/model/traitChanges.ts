/** What an event, a merge or a refold did to the values of a profile's traits. */
import type { ValueChange } from "./change.ts";
import type { Json, JsonObject } from "./event.ts";

/** By top-level trait name; a dictionary without inherited keys. */
export type TraitChanges = Record<string, ValueChange>;

export function newChanges(): TraitChanges {
  return Object.create(null) as TraitChanges;
}

/** `changes` with one more, unless the value is what it was; null: there is none yet. */
export function withChange(
  changes: TraitChanges | null,
  name: string,
  old: Json,
  now: Json,
): TraitChanges | null {
  if (jsonEqual(old, now)) return changes;
  const all = changes ?? newChanges();
  all[name] = { old, new: now };
  return all;
}

/** Equality of JSON values; the order of an object's keys does not matter. */
export function jsonEqual(left: Json, right: Json): boolean {
  if (left === right) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (isArray(left) || isArray(right)) return isArray(left) && isArray(right) && arraysEqual(left, right);
  let keys = 0;
  for (const key in left) {
    const value = left[key];
    if (value === undefined || !Object.hasOwn(right, key) || !jsonEqual(value, right[key] ?? null))
      return false;
    keys += 1;
  }
  for (const key in right) if (right[key] !== undefined) keys -= 1;
  return keys === 0;
}

function arraysEqual(left: readonly Json[], right: readonly Json[]): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at += 1)
    if (!jsonEqual(left[at] ?? null, right[at] ?? null)) return false;
  return true;
}

function isArray(value: JsonObject | readonly Json[]): value is readonly Json[] {
  return Array.isArray(value);
}
