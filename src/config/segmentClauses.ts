/** The clauses of a segment in freshet.yaml: their keys with schemas and words, and what is wrong with one. */
import { z } from "zod";
import { durationPattern, parseDuration } from "../lib/duration.ts";
import { nearest } from "../lib/nearest.ts";
import { timeIn } from "../model/timeIn.ts";
import { maxSegmentClauses, maxSegmentDepth } from "../model/segmentRule.ts";
import { whereSchema } from "./computedTraits.ts";
import { isConsentKey } from "../model/consentRule.ts";
import { conditionKeys } from "./condition.ts";

const longestMs = 3_660 * 86_400_000;
const mostInOne = 100;

const duration = z
  .string()
  .regex(durationPattern, { abort: true })
  .refine((text) => {
    const ms = parseDuration(text) ?? 0;
    return ms >= 1_000 && ms <= longestMs;
  });
const durationExpected = "a duration from 1s to 3660d, such as 30m or 90d";
const instant = z.string().refine((text) => timeIn(text) !== null);
const instantExpected = "a day or a time, such as 2026-11-24 or 2026-11-24T08:00:00Z";

const path = z
  .string()
  .min(1)
  .max(200)
  .refine((text) => text.split(".").every((key) => key !== "" && key !== "__proto__"));

/** A segment's name. */
export const segmentName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

const times = z
  .strictObject({ atLeast: z.int().min(0).max(1e6).optional(), atMost: z.int().min(0).max(1e6).optional() })
  .refine(({ atLeast, atMost }) => atLeast !== undefined || atMost !== undefined);

interface Key {
  readonly schema: z.ZodType;
  readonly description: string;
  readonly expected: string;
}

const traitKeys = {
  trait: {
    schema: path,
    description:
      "The trait, plain or computed; dots lead into it: `cart.count`. `….updatedAt` is when it was written.",
    expected: "the name of a trait, such as plan or cart.count",
  },
  ...conditionKeys,
  missing: {
    schema: z.boolean(),
    description: "Whether there is no value.",
    expected: "true or false",
  },
  olderThan: {
    schema: duration,
    description: "A time that is at least so long ago; comes true by itself, on time.",
    expected: durationExpected,
  },
  newerThan: {
    schema: duration,
    description: "A time that is less long ago, or still to come; ceases by itself.",
    expected: durationExpected,
  },
  before: { schema: instant, description: "A time earlier than this one.", expected: instantExpected },
  after: { schema: instant, description: "This time or a later one.", expected: instantExpected },
} as const satisfies Record<string, Key>;

const eventKeys = {
  event: {
    schema: z.string().min(1).max(200),
    description: "The name of a track event that came.",
    expected: "the name of a track event",
  },
  where: {
    schema: whereSchema,
    description: "What its properties must be, as in computed traits.",
    expected: "a map of properties and what is asked of each: { category: { is: shoes } }",
  },
  within: {
    schema: duration,
    description: "Only events of so long ago count, exactly to the moment; without it all events count.",
    expected: durationExpected,
  },
  times: {
    schema: times,
    description: "How often it came; without it at least once.",
    expected: "{ atLeast: 2 }, { atMost: 0 } or both",
  },
} as const satisfies Record<string, Key>;

const consentKeys = {
  consent: {
    schema: z.string().refine(isConsentKey),
    description: "The person's word on a channel, or on a topic of it: `email.marketing`.",
    expected: "a channel or a channel and a topic, such as email.marketing",
  },
  is: {
    schema: z.enum(["granted", "denied", "unknown"]),
    description: "What the word is; unknown: there is none, whatever holds then.",
    expected: "granted, denied or unknown",
  },
} as const satisfies Record<string, Key>;

const segmentKeys = {
  segment: {
    schema: z.string().regex(segmentName),
    description: "Another segment that the profile is in.",
    expected: "the name of another segment",
  },
} as const satisfies Record<string, Key>;

const listKeys = {
  list: {
    schema: z.string().min(1).max(1_000),
    description: "A CSV file of identifiers, from where freshet.yaml lies; read at the start.",
    expected: "the name of a CSV file, such as ./lists/staff.csv",
  },
  match: {
    schema: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/),
    description:
      "The type of the identifiers; a column of that name is read, else the first. One that stands in the list is enough.",
    expected: "the type of an identifier, such as email or user_id",
  },
} as const satisfies Record<string, Key>;

/** Kinds of clauses by the key that tells them apart, with all their keys. */
const kinds = {
  trait: traitKeys,
  event: eventKeys,
  consent: consentKeys,
  segment: segmentKeys,
  list: listKeys,
} as const satisfies Record<string, Readonly<Record<string, Key>>>;

const groups = ["all", "any", "not"] as const;
const leads = [...Object.keys(kinds), ...groups];
const leadsExpected = `a clause: a map with one of ${leads.join(", ")}`;

type Shape<Keys extends Readonly<Record<string, Key>>, Needed extends keyof Keys> = {
  [Name in keyof Keys]: Name extends Needed ? Keys[Name]["schema"] : z.ZodOptional<Keys[Name]["schema"]>;
};

/** A strict object of these keys; those that are not needed may be left out. */
function objectOf<Keys extends Readonly<Record<string, Key>>, Needed extends keyof Keys & string>(
  keys: Keys,
  needed: readonly Needed[],
): z.ZodObject<Shape<Keys, Needed>, z.core.$strict> {
  const shape = Object.fromEntries(
    Object.entries(keys).map(([name, { schema, description }]) => {
      const described = schema.meta({ description });
      return [name, (needed as readonly string[]).includes(name) ? described : described.optional()];
    }),
  );
  // Made of the very keys that the type tells, which the compiler can't follow through a loop.
  return z.strictObject(shape as Shape<Keys, Needed>);
}

const traitClause = objectOf(traitKeys, ["trait"]);
const eventClause = objectOf(eventKeys, ["event"]);
const consentClause = objectOf(consentKeys, ["consent", "is"]);
const segmentClause = objectOf(segmentKeys, ["segment"]);
const listClause = objectOf(listKeys, ["list", "match"]);
const schemas = {
  trait: traitClause,
  event: eventClause,
  consent: consentClause,
  segment: segmentClause,
  list: listClause,
};

/** A clause as it stands in the file, once it is checked. */
export type Clause =
  | z.output<typeof traitClause>
  | z.output<typeof eventClause>
  | z.output<typeof consentClause>
  | z.output<typeof segmentClause>
  | z.output<typeof listClause>
  | { all: Clause[] }
  | { any: Clause[] }
  | { not: Clause };

const clauseList = z
  .array(z.lazy(() => clauseSchema))
  .min(1)
  .max(mostInOne);

/** A clause. What a schema can't say of it, `clauseProblems` does. */
export const clauseSchema: z.ZodType<Clause> = z
  .union([
    traitClause,
    eventClause,
    consentClause,
    segmentClause,
    listClause,
    z.strictObject({ all: clauseList.meta({ description: "All of these hold." }) }),
    z.strictObject({ any: clauseList.meta({ description: "At least one of these holds." }) }),
    z.strictObject({ not: z.lazy(() => clauseSchema).meta({ description: "This does not hold." }) }),
  ])
  .meta({ id: "segmentClause" });

/** Keys of clauses and what they are for, for the reference. */
export const clauseKeys: readonly {
  readonly key: string;
  readonly of: string;
  readonly description: string;
  readonly expected: string;
}[] = Object.entries(kinds).flatMap(([of, keys]) =>
  Object.entries(keys as Readonly<Record<string, Key>>).map(([key, { description, expected }]) => ({
    key,
    of,
    description,
    expected,
  })),
);

/** Everything that is wrong with a segment's clauses, in sentences; `place` says where in the file it stands. */
export function clauseProblems(value: unknown, place: string): string[] {
  const found = problemsOf(value, place, 1);
  if (found.length === 0 && countOf(value) > maxSegmentClauses)
    found.push(`${place}: more than ${maxSegmentClauses} clauses; make segments of parts of it`);
  return found;
}

function problemsOf(value: unknown, place: string, depth: number): string[] {
  if (!isMap(value)) return [`${place}: expected ${leadsExpected}`];
  const given = leads.filter((lead) => lead in value);
  const [lead] = given;
  if (lead === undefined) return [`${place}: ${noLead(Object.keys(value))}`];
  if (given.length > 1)
    return [`${place}: ${given.join(" and ")} are clauses of their own; put them under all or any`];
  if (depth > maxSegmentDepth) return [`${place}: nested deeper than ${maxSegmentDepth}`];
  if (lead === "not")
    return [...unknownKeys(value, [lead], place), ...problemsOf(value["not"], `${place}.not`, depth + 1)];
  if (lead === "all" || lead === "any") return manyProblems(value, lead, place, depth);
  return kindProblems(value, lead as keyof typeof kinds, place);
}

function noLead(keys: readonly string[]): string {
  for (const key of keys) {
    const meant = nearest(key, leads);
    if (meant !== null) return `${key} is unknown; did you mean ${meant}?`;
  }
  return `expected ${leadsExpected}`;
}

function manyProblems(
  value: Record<string, unknown>,
  lead: "all" | "any",
  place: string,
  depth: number,
): string[] {
  const list = value[lead];
  const stray = unknownKeys(value, [lead], place);
  if (!Array.isArray(list) || list.length === 0 || list.length > mostInOne)
    return [...stray, `${place}.${lead}: expected a list of 1 to ${mostInOne} clauses`];
  return [
    ...stray,
    ...list.flatMap((one: unknown, at) => problemsOf(one, `${place}.${lead}.${at}`, depth + 1)),
  ];
}

function kindProblems(value: Record<string, unknown>, kind: keyof typeof kinds, place: string): string[] {
  const keys: Readonly<Record<string, Key>> = kinds[kind];
  const result = schemas[kind].safeParse(value);
  if (!result.success) {
    const wrong = new Set(
      result.error.issues.map(({ path: at }) => at[0]).filter((key) => typeof key === "string"),
    );
    return [
      ...unknownKeys(value, Object.keys(keys), place),
      ...[...wrong].map((key) => {
        const at = `${place}.${key}`;
        return `${key in value ? `${at}:` : `${at} is missing:`} expected ${keys[key]?.expected ?? "something else"}`;
      }),
    ];
  }
  if (kind !== "trait") return [];
  const tests = Object.keys(value).filter((key) => key !== "trait");
  if (tests.length === 0)
    return [`${place}: says nothing of the trait; add one of ${Object.keys(traitKeys).slice(1).join(", ")}`];
  return "exists" in value && "missing" in value
    ? [`${place}: exists and missing say the same thing; keep one`]
    : [];
}

function unknownKeys(value: Record<string, unknown>, known: readonly string[], place: string): string[] {
  return Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const meant = nearest(key, known);
      const hint = meant === null ? `known here: ${known.join(", ")}` : `did you mean ${meant}?`;
      return `${place}.${key} is unknown; ${hint}`;
    });
}

function countOf(value: unknown): number {
  if (!isMap(value)) return 1;
  if ("not" in value) return 1 + countOf(value["not"]);
  const list = value["all"] ?? value["any"];
  return Array.isArray(list) ? list.reduce<number>((sum, one) => sum + countOf(one), 1) : 1;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
