/** The sections `use` and `computedTraits` of freshet.yaml: what may stand there, and the definitions they stand for. */
import { z } from "zod";
import { durationPattern, parseDuration } from "../lib/duration.ts";
import { isTimeZone } from "../lib/localDay.ts";
import { nearest } from "../lib/nearest.ts";
import { operatorNames } from "../model/condition.ts";
import { eventTypes } from "../model/event.ts";
import { packNames } from "../model/packs.ts";
import { reservedTraits } from "../model/traitRules.ts";
import { conditionExpected, conditionSchema } from "./condition.ts";

const longestWindowMs = 3_660 * 86_400_000;
const mostKept = 100;
const longestIdleMs = 86_400_000;

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

const callKinds = [...eventTypes, "any"] as const;
const callSchema = z.strictObject({
  call: z.enum(callKinds),
  name: text.optional(),
  except: z.array(text).min(1).max(100).optional(),
});
const callExpected = `{ call: <${callKinds.join(" | ")}> }, with name: or except: [names] if you like`;
/** `event:` of a computed trait. */
export const eventSchema = z.union([text.refine((name) => !name.startsWith("\u0000")), callSchema]);

/** What is asked of an event's properties. */
export const whereSchema = z.record(property, conditionSchema);

/** `of:` and `per:` of a ratio. */
export const sideSchema = z.strictObject({
  event: eventSchema,
  where: whereSchema.optional(),
  property: property.optional(),
});

const keys = {
  event: key(
    eventSchema,
    "Which events count: the name of track events, or calls of a kind: `{ call: page, name: Pricing }`, `{ call: any, except: [Email Opened] }`.",
    `the name of a track event, or ${callExpected}`,
  ),
  where: key(
    whereSchema,
    "What must hold of the event's properties (of an identify call: its traits), all of it: `{ category: { is: shoes }, price: { atLeast: 50 } }`.",
    `a map of properties, each ${conditionExpected}`,
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
  unit: key(
    z.enum(["s", "m", "h", "d"]),
    "What `timeSince` counts in, whole ones only. Default: `d`.",
    "one of s, m, h, d",
  ),
  idle: key(
    z.string().regex(durationPattern, { abort: true }).refine(isIdle),
    "So long without an event ends a session. Default: `30m`.",
    "a duration from 1s to 24h, such as 30m",
  ),
  timeZone: key(
    z.string().refine(isTimeZone),
    "Whose calendar tells the days of a streak. Default: `UTC`.",
    "the name of a time zone, such as Europe/Berlin",
  ),
  of: key(
    sideSchema,
    "What a ratio divides: the number of these events, with `property` the sum of its values.",
    "a map such as { event: Email Link Clicked }, with where: and property: if you like",
  ),
  per: key(
    sideSchema,
    "What a ratio divides by, in the same form.",
    "a map such as { event: Email Delivered }, with where: and property: if you like",
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
  "ratio",
  "timeSince",
  "sessions",
  "streak",
  "timeOnPage",
] as const;

/** One of `computedTraits:` */
export const traitSchema = z.discriminatedUnion("aggregate", [
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
  z.strictObject({
    aggregate: z.literal("ratio"),
    of: keys.of.schema,
    per: keys.per.schema,
    window: ofEvents.window,
  }),
  z.strictObject({ aggregate: z.literal("timeSince"), unit: keys.unit.schema.default("d"), ...ofEvents }),
  z.strictObject({ aggregate: z.literal("sessions"), idle: keys.idle.schema.optional(), ...ofEvents }),
  z.strictObject({
    aggregate: z.literal("streak"),
    event: ofEvents.event,
    where: ofEvents.where,
    timeZone: keys.timeZone.schema.default("UTC"),
  }),
  z.strictObject({ aggregate: z.literal("timeOnPage"), where: ofEvents.where, window: ofEvents.window }),
]);

/** Keys beside `aggregate`, for telling what is known; those of the others are the common ones and `property`. */
const keysOf: Readonly<Record<string, readonly (keyof typeof keys)[]>> = {
  count: ["event", "where", "window"],
  lastAt: ["event", "where", "window"],
  list: ["event", "where", "window", "property", "keep", "uniqueBy"],
  ratio: ["of", "per", "window"],
  timeSince: ["event", "where", "window", "unit"],
  sessions: ["event", "where", "window", "idle"],
  streak: ["event", "where", "timeZone"],
  timeOnPage: ["where", "window"],
};

const traitName = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
/** It is an identifier too, and comes from the people themselves. */
const takenName = "email";
const nameRule = `a name has at most 64 letters, digits and _, begins with a letter, and is none of ${[takenName, ...reservedTraits].join(", ")}`;

/** `computedTraits:` */
export const computedTraitsSchema = z.record(
  z
    .string()
    .regex(traitName)
    .refine((name) => name !== takenName && !reservedTraits.has(name)),
  traitSchema,
);

const currency = z.string().regex(/^[A-Z]{3}$/);

/** `use:` */
export const useSchema = z.array(
  z.union([z.literal(["engagement", "saas"]), z.strictObject({ ecommerce: z.strictObject({ currency }) })]),
);

const useExpected = "a list of packs, such as [{ ecommerce: { currency: EUR } }, engagement, saas]";

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
  if (part === "aggregate" && given === undefined) return describeMissing(place, value);
  if (part === "aggregate") return describeAggregate(place, given);
  const expected = expectedOf(at.slice(2), value);
  return given === undefined ? `${place} is missing: expected ${expected}` : `${place}: expected ${expected}`;
}

/** Most often it is there, written otherwise. */
function describeMissing(place: string, trait: unknown): string {
  const given = typeof trait === "object" && trait !== null ? Object.keys(trait) : [];
  const written = given.find((name) => !Object.hasOwn(keys, name) && nearest(name, ["aggregate"]) !== null);
  return written === undefined
    ? `${place} is missing: expected one of ${aggregates.join(", ")}`
    : `${place.replace(/aggregate$/, () => written)} is unknown; did you mean aggregate?`;
}

function describeAggregate(place: string, given: unknown): string {
  const known = `expected one of ${aggregates.join(", ")}`;
  const meant = typeof given === "string" ? nearest(given, aggregates) : null;
  return `${place}: ${known}${meant === null ? "" : `; did you mean ${meant}?`}`;
}

function describeUnknown(at: readonly string[], unknown: string, value: unknown): string {
  const known = knownAt(at.slice(2), value);
  const meant = nearest(unknown, known);
  const hint = meant === null ? `known here: ${known.join(", ")}` : `did you mean ${meant}?`;
  return `${[...at, unknown].join(".")} is unknown; ${hint}`;
}

/** Keys that may stand at a place within a trait. */
function knownAt(within: readonly string[], trait: unknown): readonly string[] {
  if (within.length === 0) return knownKeys(trait);
  if (within.at(-1) === "event") return ["call", "name", "except"];
  return within.includes("where") ? operatorNames : ["event", "where", "property"];
}

function knownKeys(trait: unknown): readonly string[] {
  const aggregate = valueIn(trait, "aggregate");
  const known =
    typeof aggregate === "string" && Object.hasOwn(keysOf, aggregate) ? keysOf[aggregate] : undefined;
  return ["aggregate", ...(known ?? ["event", "where", "window", "property"])];
}

function expectedOf(within: readonly string[], trait: unknown): string {
  const [part = "", inner] = within;
  if (part === "property" && valueIn(trait, "aggregate") === "list") return keys.properties.expected;
  if (part === "where" && inner !== undefined) return conditionExpected;
  const isSide = (part === "of" || part === "per") && inner !== undefined;
  const name = isSide ? inner : part;
  return Object.entries(keys).find(([known]) => known === name)?.[1].expected ?? "a computed trait";
}

function describeUse(at: readonly string[], value: unknown): string {
  const place = at.slice(0, 2).join(".");
  if (at.length === 1) return `${place}: expected ${useExpected}`;
  const name = typeof value === "string" ? value : Object.keys(isMap(value) ? value : {})[0];
  if (name === "ecommerce")
    return `${place}: ecommerce needs a currency of three capitals: { ecommerce: { currency: EUR } }`;
  if (name === "engagement" || name === "saas")
    return `${place}: ${name} takes no options; write its name alone`;
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
  ...(
    [
      "event",
      "where",
      "window",
      "property",
      "keep",
      "uniqueBy",
      "of",
      "per",
      "unit",
      "idle",
      "timeZone",
    ] as const
  ).map((name) => ({
    key: name,
    description: keys[name].description,
    expected: name === "property" ? `${keys.property.expected}; for list also several` : keys[name].expected,
  })),
];

function isIdle(duration: string): boolean {
  const durationMs = parseDuration(duration);
  return durationMs !== null && durationMs >= 1_000 && durationMs <= longestIdleMs;
}

function isWindow(duration: string): boolean {
  const durationMs = parseDuration(duration);
  return durationMs !== null && durationMs >= 1_000 && durationMs <= longestWindowMs;
}

function valueIn(value: unknown, name: string): unknown {
  return isMap(value) ? value[name] : undefined;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
