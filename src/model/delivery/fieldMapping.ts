/** How a destination's fields are made of a profile. Pure. */
import type { Json } from "../event.ts";

export const fieldTypes = ["string", "number", "boolean", "date"] as const;
export type FieldType = (typeof fieldTypes)[number];

/** Where a field's value is from. */
export interface FieldMapping {
  readonly field: string;
  /** A path such as `cart.value`, or a Liquid text. */
  readonly from: { readonly kind: "path" | "liquid"; readonly text: string };
  /** What it is turned into; null: as it is. */
  readonly type: FieldType | null;
}

/** Facts of a profile beside its traits, as paths may name them. */
export const ownPaths = [
  "$profileId",
  "$userId",
  "$email",
  "$segments",
  "$firstSeenAt",
  "$lastSeenAt",
] as const;

/** The value at a dotted path; null where there is none. */
export function valueAtPath(root: Readonly<Record<string, Json>>, path: string): Json {
  if (Object.hasOwn(root, path)) return root[path] ?? null;
  let at: Json = root;
  for (const part of path.split(".")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, part)) return null;
    // Arrays answer to their indexes in the same way.
    at = (at as Readonly<Record<string, Json>>)[part] ?? null;
  }
  return at;
}

/** The value as that type; null where it can't be one. */
export function asType(value: Json, type: FieldType | null): Json {
  if (type === null || value === null) return value;
  switch (type) {
    case "string":
      return typeof value === "object" ? JSON.stringify(value) : String(value);
    case "number":
      return numberOf(value);
    case "boolean":
      if (value === "true" || value === true) return true;
      return value === "false" || value === false ? false : null;
    case "date": {
      const atMs =
        typeof value === "number" ? value : typeof value === "string" ? Date.parse(value) : Number.NaN;
      return Number.isNaN(atMs) || Math.abs(atMs) > 8.64e15 ? null : new Date(atMs).toISOString();
    }
  }
}

function numberOf(value: Json): Json {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value !== "number" && (typeof value !== "string" || value.trim() === "")) return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}
