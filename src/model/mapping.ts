/** Mending events that were refused: keys renamed, values cast, gaps filled. Pure; the input is not changed. */
import type { Json, JsonObject } from "./event.ts";

export const castKinds = ["string", "number", "boolean", "date"] as const;
export type CastKind = (typeof castKinds)[number];

/** Paths are dotted, from the event down: `properties.total`. Applied in this order. */
export interface Mapping {
  /** From old to new path; where the new one has a value already, nothing is moved. */
  readonly rename: Readonly<Record<string, string>>;
  /** A value that can't be cast stays as it is. `date`: milliseconds or seconds since 1970, or a text, as ISO 8601. */
  readonly cast: Readonly<Record<string, CastKind>>;
  /** For paths that have no value. */
  readonly default: Readonly<Record<string, Json>>;
}

export const noMapping: Mapping = { rename: {}, cast: {}, default: {} };

/** An object that may be changed. */
type Open = { [key: string]: Json };

/** The event as the mapping makes it. */
export function applyMapping(event: JsonObject, { rename, cast, default: defaults }: Mapping): JsonObject {
  const mapped = structuredClone(event);
  for (const [from, to] of Object.entries(rename)) move(mapped, from, to);
  for (const [path, kind] of Object.entries(cast)) castAt(mapped, path, kind);
  for (const [path, value] of Object.entries(defaults))
    if (read(mapped, path) === undefined) write(mapped, path, value);
  return mapped;
}

function move(event: Open, from: string, to: string): void {
  const value = read(event, from);
  if (value === undefined || read(event, to) !== undefined) return;
  remove(event, from);
  write(event, to, value);
}

function castAt(event: Open, path: string, kind: CastKind): void {
  const value = read(event, path);
  const cast = value === undefined ? undefined : castTo(value, kind);
  if (cast !== undefined) write(event, path, cast);
}

function castTo(value: Json, kind: CastKind): Json | undefined {
  switch (kind) {
    case "string":
      return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
    case "number":
      return typeof value === "string" && /^\s*-?\d{1,15}(\.\d{1,15})?\s*$/.test(value)
        ? Number(value)
        : undefined;
    case "boolean":
      return castBoolean(value);
    case "date":
      return castDate(value);
  }
}

function castBoolean(value: Json): boolean | undefined {
  const text = typeof value === "string" ? value.trim().toLowerCase() : value;
  if (text === "true" || text === "yes" || text === "1" || text === 1) return true;
  return text === "false" || text === "no" || text === "0" || text === 0 ? false : undefined;
}

/** Above this, a number means milliseconds: as seconds it would be the year 5138. */
const mostSeconds = 1e11;

function castDate(value: Json): string | undefined {
  const isCount = typeof value === "number" || (typeof value === "string" && /^\d{1,15}$/.test(value));
  const count = isCount ? Number(value) : Number.NaN;
  const ms = isCount
    ? count < mostSeconds
      ? count * 1_000
      : count
    : typeof value === "string"
      ? Date.parse(value)
      : Number.NaN;
  return Number.isFinite(ms) && Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : undefined;
}

function read(event: Open, path: string): Json | undefined {
  let at: Json | undefined = event;
  for (const key of path.split(".")) {
    if (!isOpen(at) || !Object.hasOwn(at, key)) return undefined;
    at = at[key];
  }
  return at;
}

function write(event: Open, path: string, value: Json): void {
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  let at: Open = event;
  for (const key of keys) {
    const inner = Object.hasOwn(at, key) ? at[key] : undefined;
    // What stands in the way is no object: the path leads nowhere.
    if (inner !== undefined && !isOpen(inner)) return;
    const next: Open = inner ?? {};
    at[key] = next;
    at = next;
  }
  at[last] = value;
}

function remove(event: Open, path: string): void {
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  const parent = keys.length === 0 ? event : read(event, keys.join("."));
  if (isOpen(parent)) Reflect.deleteProperty(parent, last);
}

function isOpen(value: Json | undefined): value is JsonObject & Open {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
