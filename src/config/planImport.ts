/**
 * A tracking plan from another tool: what Segment's APIs give as JSON, old and new, or a sheet as CSV with a row a
 * property. Columns go by many names, so they are known by what most sheets call them.
 */
import { parse } from "csv-parse/sync";
import { z } from "zod";
import type { JsonObject } from "../model/event.ts";
import { ConfigError } from "./configError.ts";

/** An event's schema, or with `event: null` that of identify's traits. */
export interface ImportedShape {
  readonly event: string | null;
  readonly version: number;
  readonly schema: JsonObject;
}

export interface ImportedPlan {
  readonly shapes: readonly ImportedShape[];
  /** What has no place in a plan of ours, a sentence each. */
  readonly left: readonly string[];
}

/** Reads either form. Throws ConfigError. */
export function readForeignPlan(text: string, isCsv: boolean): ImportedPlan {
  return isCsv ? fromRows(rowsOf(text)) : fromRules(rulesOf(text));
}

const anyObject = z.record(z.string(), z.json());
const newRule = z.object({
  type: z.string(),
  key: z.string().optional(),
  version: z.number().optional(),
  jsonSchema: anyObject,
});
const oldRule = z.object({ name: z.string(), version: z.number().optional(), rules: anyObject });
const oldRules = z.object({ events: z.array(oldRule).default([]), identify: anyObject.optional() });
/** `{"data":{"rules":[…]}}`, `{"rules":[…]}`, `[…]` of rules by type, or `{"rules":{"events":[…],"identify":{…}}}`. */
const newForm = z.union([
  z.array(newRule),
  z.object({ rules: z.array(newRule) }).transform(({ rules }) => rules),
  z.object({ data: z.object({ rules: z.array(newRule) }) }).transform(({ data }) => data.rules),
]);
const oldForm = z.union([z.object({ rules: oldRules }).transform(({ rules }) => rules), oldRules]);

interface Rule {
  readonly type: string;
  readonly name: string;
  readonly version: number;
  readonly schema: JsonObject;
}

function rulesOf(text: string): readonly Rule[] {
  const value = parsedJson(text);
  const now = newForm.safeParse(value);
  if (now.success)
    return now.data.map(({ type, key, version, jsonSchema }) => ({
      type: type.toUpperCase(),
      name: key ?? "",
      version: version ?? 1,
      schema: jsonSchema,
    }));
  const before = oldForm.safeParse(value);
  if (!before.success || (before.data.events.length === 0 && before.data.identify === undefined))
    throw new ConfigError([
      "no tracking plan is found in it: expected rules with type, key and jsonSchema, or rules.events with name and rules",
    ]);
  const { events, identify } = before.data;
  const tracks = events.map(({ name, version, rules }) => ({
    type: "TRACK",
    name,
    version: version ?? 1,
    schema: rules,
  }));
  const traits = identify === undefined ? [] : [{ type: "IDENTIFY", name: "", version: 1, schema: identify }];
  return [...tracks, ...traits];
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new ConfigError(["not valid JSON; a sheet is read as CSV where the file's name ends in .csv"]);
  }
}

/** Where in a schema of the whole call our part of it stands. */
const parts: Readonly<Record<string, "properties" | "traits">> = { TRACK: "properties", IDENTIFY: "traits" };

function fromRules(rules: readonly Rule[]): ImportedPlan {
  const shapes: ImportedShape[] = [];
  const left: string[] = [];
  const newestOf = new Map<string, number>();
  for (const { type, name, version } of rules)
    newestOf.set(`${type} ${name}`, Math.max(version, newestOf.get(`${type} ${name}`) ?? 0));
  for (const { type, name, version, schema } of rules) {
    const part = parts[type];
    if (part === undefined || (type === "TRACK" && name === ""))
      left.push(`a rule for ${type.toLowerCase()} calls${name === "" ? "" : ` (${name})`}`);
    else if (version < (newestOf.get(`${type} ${name}`) ?? 0))
      left.push(`version ${version} of ${name}: version ${newestOf.get(`${type} ${name}`)} is there too`);
    else
      shapes.push({
        event: type === "TRACK" ? name : null,
        version: Math.max(1, Math.floor(version)),
        schema: partOf(schema, part),
      });
  }
  return { shapes, left };
}

/** `{properties:{properties:{…}}}` of a whole call; a schema of the properties alone stays as it is. */
function partOf(schema: JsonObject, part: "properties" | "traits"): JsonObject {
  const calls = schema["properties"];
  const inner = isObject(calls) && isObject(calls[part]) ? calls[part] : null;
  // An event may have a property that is called properties; a call's own parts stand beside context or are of an object.
  const isWhole =
    inner !== null && isObject(calls) && (isObject(calls["context"]) || isObject(inner["properties"]));
  return isWhole && inner !== null ? withoutNames(inner) : withoutNames(schema);
}

/** A schema's own name would be held against others of the same name. */
function withoutNames({ $id: _id, id: _oldId, ...schema }: JsonObject): JsonObject {
  return schema;
}

const columns = {
  event: ["event", "event name", "rule name", "name", "track event"],
  kind: ["rule type", "event type", "call"],
  property: ["property", "property name", "trait", "trait name"],
  type: ["property type", "type", "data type"],
  required: ["required", "req'd", "is required", "property required"],
  values: ["permitted values", "allowed values", "enum", "values"],
  pattern: ["pattern", "regex"],
  description: ["property description", "description"],
} as const;

type Row = Readonly<Partial<Record<keyof typeof columns, string>>>;

function rowsOf(text: string): readonly Row[] {
  let lines: string[][];
  try {
    lines = parse(text, { bom: true, relax_column_count: true, skip_empty_lines: true, trim: true });
  } catch (error) {
    throw new ConfigError([`not valid CSV: ${error instanceof Error ? error.message : String(error)}`]);
  }
  const head = (lines[0] ?? []).map((name) => name.toLowerCase());
  const placeOf = (names: readonly string[]) => head.findIndex((name) => names.includes(name));
  const places = Object.entries(columns).map(([key, names]) => [key, placeOf(names)] as const);
  const missing = places.filter(([key, at]) => ["event", "property"].includes(key) && at < 0);
  if (missing.length > 0)
    throw new ConfigError([
      `a column is missing: expected at least an event (${columns.event.join(", ")}) and a property (${columns.property.join(", ")})`,
    ]);
  return lines
    .slice(1)
    .map((line) => Object.fromEntries(places.flatMap(([key, at]) => (line[at] ? [[key, line[at]]] : []))));
}

/** An object that is being filled. */
interface Filling {
  readonly properties: Map<string, { readonly own: JsonObject; readonly inner: Filling }>;
  readonly required: Set<string>;
}

function fromRows(rows: readonly Row[]): ImportedPlan {
  const shapes = new Map<string | null, Filling>();
  const left: string[] = [];
  let current: string | null | undefined;
  for (const row of rows) {
    const kind = row.kind?.toLowerCase() ?? "track";
    if (row.event !== undefined || row.kind !== undefined)
      current = kind === "identify" ? null : kind === "track" ? row.event : undefined;
    if (current === undefined) {
      left.push(`a row for ${kind} calls${row.property === undefined ? "" : ` (${row.property})`}`);
      continue;
    }
    const filling = shapes.get(current) ?? emptyFilling();
    shapes.set(current, filling);
    if (row.property !== undefined) fill(filling, row.property.replace(/^\$\.?/, "").split("."), row);
  }
  return {
    shapes: [...shapes].map(([event, filling]) => ({ event, version: 1, schema: schemaOf(filling) })),
    left,
  };
}

function emptyFilling(): Filling {
  return { properties: new Map(), required: new Set() };
}

function fill(filling: Filling, path: readonly string[], row: Row): void {
  const [name = "", ...rest] = path;
  const known = filling.properties.get(name);
  const inner = known?.inner ?? emptyFilling();
  const isLast = rest.length === 0;
  filling.properties.set(name, { own: isLast ? ownOf(row) : (known?.own ?? {}), inner });
  if (isLast && /^(true|yes|y|1|x|required)$/i.test(row.required ?? "")) filling.required.add(name);
  if (!isLast) fill(inner, rest, row);
}

const types: Readonly<Record<string, JsonObject>> = {
  string: { type: "string" },
  text: { type: "string" },
  number: { type: "number" },
  float: { type: "number" },
  integer: { type: "integer" },
  int: { type: "integer" },
  boolean: { type: "boolean" },
  bool: { type: "boolean" },
  date: { type: "string", format: "date-time" },
  datetime: { type: "string", format: "date-time" },
  "date time": { type: "string", format: "date-time" },
  object: { type: "object" },
  array: { type: "array" },
  list: { type: "array" },
};

function ownOf({ type = "", values, pattern, description }: Row): JsonObject {
  const list = values?.split(/[|;,]/).map((value) => value.trim());
  return {
    ...types[type.toLowerCase()],
    ...(list === undefined ? {} : { enum: list }),
    ...(pattern === undefined ? {} : { pattern }),
    ...(description === undefined ? {} : { description }),
  };
}

function schemaOf({ properties, required }: Filling): JsonObject {
  return {
    type: "object",
    ...(required.size === 0 ? {} : { required: [...required].sort() }),
    properties: Object.fromEntries(
      [...properties].map(([name, { own, inner }]) => [
        name,
        inner.properties.size === 0 ? own : { ...own, ...schemaOf(inner) },
      ]),
    ),
  };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
