/** The sections `use` and `computedTraits` of freshet.yaml: what may stand there, and the definitions they stand for. */
import { z } from "zod";
import { assert } from "../lib/assert.ts";
import { durationPattern, parseDuration } from "../lib/duration.ts";
import { nearest } from "../lib/nearest.ts";
import type { Definition } from "../model/definition.ts";
import { ecommercePack, engagementPack, packNames } from "../model/packs.ts";

const longestWindowMs = 3_660 * 86_400_000;
const mostKept = 100;

/** One key of a computed trait: its schema, what it is for, what it takes. */
interface Key<Schema extends z.ZodType> {
  readonly schema: Schema;
  readonly description: string;
  readonly expected: string;
}

function key<Schema extends z.ZodType>(
  schema: Schema,
  description: string,
  expected: string,
): Key<Schema> & { readonly schema: Schema } {
  return { schema: schema.meta({ description, expected }), description, expected };
}

const text = z.string().min(1).max(200);
const property = text.refine((name) => name !== "__proto__");

const keys = {
  event: key(text, "Name of the track events that count.", "the name of a track event"),
  where: key(
    z.record(property, z.strictObject({ is: z.union([z.string(), z.number(), z.boolean()]) })),
    "Properties that an event must have to count, all of them: `{ category: { is: shoes } }`.",
    "a map of properties, each { is: <text, number, true or false> }",
  ),
  window: key(
    z.string().regex(durationPattern, { abort: true }).refine(isWindow),
    "Only events of so long ago count, exactly to the moment of the read; without it all events count.",
    "a duration from 1s to 3660d, such as 24h or 7d",
  ),
  property: key(property, "The property whose values are taken.", "the name of a property"),
  properties: key(
    z.union([property, z.array(property).min(1).max(20)]),
    "The property listed; several give an object each.",
    "the name of a property, or a list of up to 20",
  ),
  keep: key(
    z.int().min(1).max(mostKept),
    "How many values a list holds, the newest first.",
    `a whole number from 1 to ${mostKept}`,
  ),
  uniqueBy: key(
    property,
    "A property of which each value stands in the list once.",
    "the name of a property",
  ),
};

const ofEvents = {
  event: keys.event.schema,
  where: keys.where.schema.optional(),
  window: keys.window.schema.optional(),
};

const aggregates = [
  "count",
  "lastAt",
  "sum",
  "average",
  "min",
  "max",
  "first",
  "last",
  "mostFrequent",
  "unique",
  "list",
] as const;

const traitSchema = z.discriminatedUnion("aggregate", [
  z.strictObject({ aggregate: z.literal("count"), ...ofEvents }),
  z.strictObject({ aggregate: z.literal("lastAt"), ...ofEvents }),
  z.strictObject({
    aggregate: z.enum(["sum", "average", "min", "max", "first", "last", "mostFrequent", "unique"]),
    property: keys.property.schema,
    ...ofEvents,
  }),
  z.strictObject({
    aggregate: z.literal("list"),
    property: keys.properties.schema,
    keep: keys.keep.schema,
    uniqueBy: keys.uniqueBy.schema.optional(),
    ...ofEvents,
  }),
]);

const traitName = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
/** It is an identifier too, and comes from the people themselves. */
const takenName = "email";
const nameRule = "a name has at most 64 letters, digits and _, begins with a letter, and is not email";

/** What is asked of an event's properties. */
export const whereSchema = keys.where.schema;

/** `computedTraits:` */
export const computedTraitsSchema = z.record(
  z
    .string()
    .regex(traitName)
    .refine((name) => name !== takenName),
  traitSchema,
);

const currency = z.string().regex(/^[A-Z]{3}$/);

/** `use:` */
export const useSchema = z.array(
  z.union([z.literal("engagement"), z.strictObject({ ecommerce: z.strictObject({ currency }) })]),
);

const useExpected = "a list of packs, such as [{ ecommerce: { currency: EUR } }, engagement]";

/** The two sections once they are checked. */
export interface ComputedSections {
  readonly use?: z.output<typeof useSchema> | undefined;
  readonly computedTraits?: z.output<typeof computedTraitsSchema> | undefined;
}

/** The definitions that the sections stand for. */
export function definitionsOf({ use = [], computedTraits = {} }: ComputedSections): readonly Definition[] {
  return [
    ...use.flatMap((pack) => packOf(pack)),
    ...Object.entries(computedTraits).map(([name, trait]) => definitionOf(name, trait)),
  ];
}

/** What no single key can tell: a name that stands twice. */
export function computedProblems(sections: ComputedSections): string[] {
  const seen = new Set<string>();
  const problems: string[] = [];
  for (const pack of sections.use ?? []) {
    const name = typeof pack === "string" ? pack : "ecommerce";
    if (seen.has(name)) problems.push(`use: ${name} stands there twice`);
    seen.add(name);
  }
  const packed = new Set(definitionsOf({ use: sections.use }).map(({ name }) => name));
  for (const name of Object.keys(sections.computedTraits ?? {}))
    if (packed.has(name)) problems.push(`computedTraits.${name}: a pack under use has a trait of this name`);
  return problems;
}

/** What is wrong with one of the two sections; `at` is where, `value` what stands there in the file. */
export function describeComputed(issue: z.core.$ZodIssue, at: readonly string[], value: unknown): string {
  if (at[0] === "use") return describeUse(at, value);
  const [, name, part] = at;
  const place = at.join(".");
  if (name === undefined) return `${place}: expected a map of computed traits`;
  if (issue.code === "invalid_key") return `${place}: ${nameRule}`;
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((unknown) => describeUnknown(at, unknown, value)).join("; ");
  if (part === undefined)
    return `${place}: expected a map such as { aggregate: count, event: Product Viewed }`;
  const given = valueIn(value, part);
  if (part === "aggregate") return describeAggregate(place, given);
  const expected = expectedOf(part, value);
  return given === undefined ? `${place} is missing: expected ${expected}` : `${place}: expected ${expected}`;
}

function describeAggregate(place: string, given: unknown): string {
  const known = `expected one of ${aggregates.join(", ")}`;
  if (given === undefined) return `${place} is missing: ${known}`;
  const meant = typeof given === "string" ? nearest(given, aggregates) : null;
  return `${place}: ${known}${meant === null ? "" : `; did you mean ${meant}?`}`;
}

function describeUnknown(at: readonly string[], unknown: string, value: unknown): string {
  const known = at.length > 2 ? ["is"] : knownKeys(value);
  const meant = nearest(unknown, known);
  const hint = meant === null ? `known here: ${known.join(", ")}` : `did you mean ${meant}?`;
  return `${[...at, unknown].join(".")} is unknown; ${hint}`;
}

function knownKeys(trait: unknown): readonly string[] {
  const aggregate = valueIn(trait, "aggregate");
  const common = ["aggregate", "event", "where", "window"];
  if (aggregate === "count" || aggregate === "lastAt") return common;
  return aggregate === "list" ? [...common, "property", "keep", "uniqueBy"] : [...common, "property"];
}

function expectedOf(part: string, trait: unknown): string {
  if (part === "property" && valueIn(trait, "aggregate") === "list") return keys.properties.expected;
  const found = Object.entries(keys).find(([name]) => name === part)?.[1];
  return found?.expected ?? "a computed trait";
}

function describeUse(at: readonly string[], value: unknown): string {
  const place = at.slice(0, 2).join(".");
  if (at.length === 1) return `${place}: expected ${useExpected}`;
  const name = typeof value === "string" ? value : Object.keys(isMap(value) ? value : {})[0];
  if (name === "ecommerce")
    return `${place}: ecommerce needs a currency of three capitals: { ecommerce: { currency: EUR } }`;
  if (name === "engagement") return `${place}: engagement takes no options; write its name alone`;
  if (name === undefined) return `${place}: expected a pack: ${packNames.join(", ")}`;
  const meant = nearest(name, packNames);
  const hint = meant === null ? `known here: ${packNames.join(", ")}` : `did you mean ${meant}?`;
  return `${place}: there is no pack ${name}; ${hint}`;
}

/** The keys of a computed trait, for the reference. */
export const computedKeys: readonly (Omit<Key<z.ZodType>, "schema"> & { readonly key: string })[] = [
  {
    key: "aggregate",
    description: "What is made of the events' values.",
    expected: `one of ${aggregates.join(", ")}`,
  },
  ...(["event", "where", "window", "property", "keep", "uniqueBy"] as const).map((name) => ({
    key: name,
    description: keys[name].description,
    expected: name === "property" ? `${keys.property.expected}; for list also several` : keys[name].expected,
  })),
];

function packOf(pack: z.output<typeof useSchema>[number]): readonly Definition[] {
  return typeof pack === "string" ? engagementPack() : ecommercePack(pack.ecommerce.currency);
}

function definitionOf(name: string, trait: z.output<typeof traitSchema>): Definition {
  const { event, where, window } = trait;
  const rest = {
    name,
    event,
    ...(where === undefined ? {} : { where }),
    ...(window === undefined ? {} : { windowMs: windowMsOf(window) }),
  };
  if (trait.aggregate === "count") return { ...rest, aggregate: "count" };
  if (trait.aggregate === "lastAt") return { ...rest, aggregate: "lastAt" };
  if (trait.aggregate !== "list") return { ...rest, aggregate: trait.aggregate, property: trait.property };
  const { property: listed, keep, uniqueBy } = trait;
  const unique = uniqueBy === undefined ? {} : { uniqueBy };
  return { ...rest, aggregate: "list", property: listed, keep, ...unique };
}

function isWindow(duration: string): boolean {
  const durationMs = parseDuration(duration);
  return durationMs !== null && durationMs >= 1_000 && durationMs <= longestWindowMs;
}

function windowMsOf(duration: string): number {
  const durationMs = parseDuration(duration);
  assert(durationMs !== null, "the schema let a malformed duration pass");
  return durationMs;
}

function valueIn(value: unknown, name: string): unknown {
  return isMap(value) ? value[name] : undefined;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
