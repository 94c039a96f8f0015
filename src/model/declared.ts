/**
 * Declared traits: of what type an operator wants a trait to be, who may set it, what stands in where it is missing.
 * Here is what a declaration is and whether a value keeps to it; what becomes of one that does not is in
 * traitRules.ts, what is served instead in freshness.ts. Pure.
 */
import type { Json, JsonObject } from "./event.ts";
import { hasFormat, isDateText, type TextFormat } from "./format.ts";

export const declaredTypes = ["string", "number", "boolean", "date", "money", "list", "object"] as const;
export type DeclaredType = (typeof declaredTypes)[number];

export const itemTypes = ["string", "number", "boolean", "date", "object"] as const;
export type ItemType = (typeof itemTypes)[number];

/** One declared trait. Plain data, so that the journal can remember it. */
export interface DeclaredTrait {
  /** A top-level name. */
  readonly name: string;
  readonly type: DeclaredType;
  /** Of texts. */
  readonly format?: TextFormat;
  /** Lengths in characters (code points). */
  readonly minLength?: number;
  readonly maxLength?: number;
  /** Of numbers, and of the amount of money. */
  readonly min?: number;
  readonly max?: number;
  /** Of texts and numbers; of a list, each item. */
  readonly oneOf?: readonly (string | number)[];
  /** The one currency that money may be in. */
  readonly currency?: string;
  /** What a list holds. */
  readonly items?: ItemType;
  readonly maxItems?: number;
  /** The only sources that may set or clear it. */
  readonly setBy?: readonly string[];
  /** True: a browser's key can't set or clear it. */
  readonly protected?: boolean;
  /** True: numbers and true or false may come as texts, texts as numbers; see `coerced`. */
  readonly coerce?: boolean;
  readonly default?: Json;
  /** The first segment that the profile is in decides. */
  readonly defaultBySegment?: readonly (readonly [segment: string, value: Json])[];
  /** Up to this age a value counts as live; absent: always. */
  readonly maxAgeMs?: number;
  /** For so much longer it is still served, as last known; absent: without end. */
  readonly maxStaleMs?: number;
}

/** The rule that a value breaks, by its key in freshet.yaml. */
export type BrokenRule =
  "type" | "format" | "minLength" | "maxLength" | "min" | "max" | "oneOf" | "currency" | "items" | "maxItems";

/** By name, for the fold and for reads. */
export type DeclaredTraits = ReadonlyMap<string, DeclaredTrait>;

export const noDeclared: DeclaredTraits = new Map();

/** Declarations by name. Throws on a name that stands twice. */
export function compileDeclared(list: readonly DeclaredTrait[]): DeclaredTraits {
  if (list.length === 0) return noDeclared;
  const byName = new Map(list.map((trait) => [trait.name, trait]));
  if (byName.size !== list.length) throw new Error("a trait is declared twice");
  return byName;
}

/** The rule that the value breaks; null if it keeps to all. null, which clears a trait, keeps to every type. */
export function brokenRule(trait: DeclaredTrait, value: Json): BrokenRule | null {
  if (value === null) return null;
  switch (trait.type) {
    case "string":
      return typeof value === "string" ? brokenByText(trait, value) : "type";
    case "number":
      return typeof value === "number" ? brokenByNumber(trait, value) : "type";
    case "boolean":
      return typeof value === "boolean" ? null : "type";
    case "date":
      return typeof value === "string" && isDateText(value) ? null : "type";
    case "money":
      return brokenByMoney(trait, value);
    case "list":
      return isList(value) ? brokenByList(trait, value) : "type";
    case "object":
      return isPlainObject(value) ? null : "type";
  }
}

/** A list may be written by a type that a value of another one stands for; undefined: the value stands for none. */
export function coerced(type: DeclaredType, value: Json): Json | undefined {
  if (type === "string" && (typeof value === "number" || typeof value === "boolean")) return String(value);
  if (typeof value !== "string" || value.length > 40) return undefined;
  if (type === "boolean" && (value === "true" || value === "false")) return value === "true";
  if (type !== "number" || !/^-?\d+(\.\d+)?$/.test(value)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

function brokenByText(trait: DeclaredTrait, text: string): BrokenRule | null {
  const { minLength = 0, maxLength = Number.MAX_SAFE_INTEGER, oneOf, format } = trait;
  // A text has at most as many characters as code units, and at least half as many.
  if (text.length > maxLength && (text.length > 2 * maxLength || characters(text) > maxLength))
    return "maxLength";
  if (minLength > 0 && characters(text.slice(0, 2 * minLength)) < minLength) return "minLength";
  if (oneOf !== undefined && !oneOf.includes(text)) return "oneOf";
  return format === undefined || hasFormat(text, format) ? null : "format";
}

function characters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function brokenByNumber({ min, max, oneOf }: DeclaredTrait, number: number): BrokenRule | null {
  if (min !== undefined && number < min) return "min";
  if (max !== undefined && number > max) return "max";
  return oneOf === undefined || oneOf.includes(number) ? null : "oneOf";
}

/** `{ amount, currency }` and nothing else: both are written at once, so that they can never be of two writes. */
function brokenByMoney(trait: DeclaredTrait, value: Json): BrokenRule | null {
  if (!isPlainObject(value)) return "type";
  const { amount, currency } = value;
  if (typeof amount !== "number" || typeof currency !== "string" || Object.keys(value).length !== 2)
    return "type";
  if (!hasFormat(currency, "currency") || (trait.currency !== undefined && currency !== trait.currency))
    return "currency";
  return brokenByNumber(trait, amount);
}

function brokenByList(trait: DeclaredTrait, list: readonly Json[]): BrokenRule | null {
  const { items, maxItems, oneOf } = trait;
  if (maxItems !== undefined && list.length > maxItems) return "maxItems";
  for (const item of list) {
    if (items !== undefined && !isItem(items, item)) return "items";
    if (oneOf !== undefined && !oneOf.includes(item as string | number)) return "oneOf";
  }
  return null;
}

function isItem(type: ItemType, item: Json): boolean {
  if (type === "object") return isPlainObject(item);
  if (type === "date") return typeof item === "string" && isDateText(item);
  return typeof item === type;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isPlainObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
