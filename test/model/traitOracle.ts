/** What the traits must be, the slow and obvious way: keep every write, compare each with each. */
import { compareOrderKeys, orderKeyOf, type Event, type Json } from "../../src/model/event.ts";
import { maxTraitDepth } from "../../src/model/trait.ts";

interface LeafWrite {
  readonly path: readonly string[];
  readonly value: Json;
  readonly event: Event;
}

function leavesOf(event: Event, path: readonly string[], value: Json): LeafWrite[] {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  const keys = isObject ? Object.keys(value) : [];
  if (!isObject || keys.length === 0 || path.length >= maxTraitDepth) return [{ path, value, event }];
  return keys.flatMap((key) => leavesOf(event, [...path, key], (value as Record<string, Json>)[key] ?? null));
}

function isLater(left: Event, right: Event): boolean {
  const byKey = compareOrderKeys(orderKeyOf(left), orderKeyOf(right));
  return byKey > 0 || (byKey === 0 && left.source > right.source);
}

function related(left: readonly string[], right: readonly string[]): boolean {
  const shorter = Math.min(left.length, right.length);
  return left.slice(0, shorter).every((key, at) => key === right[at]);
}

/** The writes that no newer write at, above or below their path has beaten. */
function liveWrites(events: readonly Event[]): LeafWrite[] {
  const all = events.flatMap((event) =>
    Object.keys(event.traits).flatMap((name) => leavesOf(event, [name], event.traits[name] ?? null)),
  );
  return all.filter(
    (write) => !all.some((other) => related(write.path, other.path) && isLater(other.event, write.event)),
  );
}

/** Current traits of a profile with these events. */
export function expectedTraits(events: readonly Event[]): Json {
  const root: Record<string, Json> = Object.create(null) as Record<string, Json>;
  for (const { path, value } of liveWrites(events)) {
    if (value === null) continue;
    let at = root;
    for (const key of path.slice(0, -1))
      at = (at[key] ??= Object.create(null) as Record<string, Json>) as Record<string, Json>;
    at[path.at(-1) ?? ""] = value;
  }
  return root;
}

/** The event that wrote a trait last, among those whose write still stands; undefined when none was ever written. */
export function expectedWriter(events: readonly Event[], name: string): Event | undefined {
  return liveWrites(events)
    .filter((write) => write.path[0] === name)
    .map((write) => write.event)
    .reduce<Event | undefined>(
      (newest, event) => (newest === undefined || isLater(event, newest) ? event : newest),
      undefined,
    );
}
