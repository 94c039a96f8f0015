/** The section `traits` of freshet.yaml: what may stand there, and the declarations it stands for. */
import { z } from "zod";
import { assert } from "../lib/assert.ts";
import { durationPattern, parseDuration } from "../lib/duration.ts";
import { nearest } from "../lib/nearest.ts";
import { brokenRule, declaredTypes, itemTypes, type DeclaredTrait } from "../model/declared.ts";
import { textFormats } from "../model/format.ts";
import { reservedTraits } from "../model/traitRules.ts";

/** Longest list of values, sources or segments in a declaration. */
const mostListed = 1_000;

function key<Schema extends z.ZodType>(schema: Schema, description: string, expected: string): Schema {
  return schema.meta({ description, expected });
}

const name = z.string().min(1).max(200);
const duration = z.string().regex(durationPattern);
const length = z.int().min(0).max(65_536);
const json = z.json();

const keys = {
  format: key(
    z.enum(textFormats),
    "What a text looks like: phone is E.164 (+4930123456), country ISO 3166 (DE), language BCP 47 (pt-BR), timezone a name such as Europe/Berlin, currency three capitals, url begins with http:// or https://.",
    `one of ${textFormats.join(", ")}`,
  ),
  minLength: key(length, "Fewest characters of a text.", "a whole number"),
  maxLength: key(length, "Most characters of a text.", "a whole number"),
  min: key(z.number(), "Least number, or amount of money.", "a number"),
  max: key(z.number(), "Greatest number, or amount of money.", "a number"),
  oneOf: key(
    z
      .array(z.union([z.string(), z.number()]))
      .min(1)
      .max(mostListed),
    "The only values there are; of a list, for each item.",
    `a list of 1 to ${mostListed} texts or numbers`,
  ),
  currency: key(
    z.string().regex(/^[A-Z]{3}$/),
    "The one currency that money may be in.",
    "three capitals, such as EUR",
  ),
  items: key(z.enum(itemTypes), "What a list holds.", `one of ${itemTypes.join(", ")}`),
  maxItems: key(length, "Most items of a list.", "a whole number"),
  setBy: key(
    z.array(name).min(1).max(mostListed),
    "The only sources that may set or clear the trait, by name.",
    "a list of sources",
  ),
  protected: key(
    z.boolean(),
    "true: only sources with `trust: server` may set or clear the trait.",
    "true or false",
  ),
  coerce: key(
    z.boolean(),
    'true: a number may also come as a text ("42"), true and false as "true" and "false", a text as a number or true or false. Without it nothing is turned into another type.',
    "true or false",
  ),
  default: key(
    json,
    "What a read gives where the trait has no value, or one that is too old.",
    "a value that keeps to the declaration",
  ),
  defaultBySegment: key(
    z.record(name, json),
    "Defaults for the members of segments, which go before `default`; of several segments the first in the file decides.",
    "a map of segments, each with a value that keeps to the declaration",
  ),
  maxAge: key(
    duration,
    "Up to this age a value is `live`; without it every value is. A value that is set again counts as new, also if it stays the same.",
    "a duration such as 30d",
  ),
  maxStale: key(
    duration,
    "For so long beyond `maxAge` a value is still given, as `lastKnown`; then the default stands in. Without it, for ever.",
    "a duration such as 7d",
  ),
};

type KeyName = keyof typeof keys;

const everywhere = ["setBy", "protected", "default", "defaultBySegment", "maxAge", "maxStale"] as const;
const byType = {
  string: ["format", "minLength", "maxLength", "oneOf", "coerce"],
  number: ["min", "max", "oneOf", "coerce"],
  boolean: ["coerce"],
  date: [],
  money: ["currency", "min", "max"],
  list: ["items", "maxItems", "oneOf"],
  object: [],
} as const satisfies Record<(typeof declaredTypes)[number], readonly KeyName[]>;

const traitSchema = z.strictObject({
  type: z.enum(declaredTypes).meta({
    description:
      "The trait's type; money is `{ amount: 84, currency: EUR }`, a date a text such as 2026-11-24 or 2026-11-24T09:00:00Z.",
    expected: `one of ${declaredTypes.join(", ")}`,
  }),
  format: keys.format.optional(),
  minLength: keys.minLength.optional(),
  maxLength: keys.maxLength.optional(),
  min: keys.min.optional(),
  max: keys.max.optional(),
  oneOf: keys.oneOf.optional(),
  currency: keys.currency.optional(),
  items: keys.items.optional(),
  maxItems: keys.maxItems.optional(),
  setBy: keys.setBy.optional(),
  protected: keys.protected.optional(),
  coerce: keys.coerce.optional(),
  default: keys.default.optional(),
  defaultBySegment: keys.defaultBySegment.optional(),
  maxAge: keys.maxAge.optional(),
  maxStale: keys.maxStale.optional(),
});

type TraitSection = z.output<typeof traitSchema>;

/** `traits:` */
export const declaredTraitsSchema = z.record(
  name.refine((text) => text !== "__proto__"),
  traitSchema,
);

/** The section once it is checked. */
export interface DeclaredSection {
  readonly traits?: z.output<typeof declaredTraitsSchema> | undefined;
}

/** The declarations that the section stands for. */
export function declaredTraitsOf({ traits = {} }: DeclaredSection): readonly DeclaredTrait[] {
  return Object.entries(traits).map(([traitName, section]) => declarationOf(traitName, section));
}

function declarationOf(traitName: string, section: TraitSection): DeclaredTrait {
  const { maxAge, maxStale, defaultBySegment, default: fallback, ...rest } = section;
  const plain = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return {
    ...(plain as Omit<TraitSection, "maxAge" | "maxStale" | "defaultBySegment" | "default">),
    name: traitName,
    ...(fallback === undefined ? {} : { default: fallback }),
    ...(defaultBySegment === undefined ? {} : { defaultBySegment: Object.entries(defaultBySegment) }),
    ...(maxAge === undefined ? {} : { maxAgeMs: durationMs(maxAge) }),
    ...(maxStale === undefined ? {} : { maxStaleMs: durationMs(maxStale) }),
  } as DeclaredTrait;
}

function durationMs(text: string): number {
  const parsed = parseDuration(text);
  assert(parsed !== null, "the schema let a malformed duration pass");
  return parsed;
}

/** What no single key can tell; `computed` are the names of computed traits, `segments` those of segments. */
export function declaredProblems(
  { traits = {} }: DeclaredSection,
  computed: ReadonlySet<string>,
  segments: ReadonlySet<string>,
): string[] {
  return Object.entries(traits).flatMap(([traitName, section]) => {
    const place = `traits.${traitName}`;
    const found = [...misplacedKeys(section), ...(computed.has(traitName) ? writingKeys(section) : [])];
    const trait = declarationOf(traitName, section);
    return [
      ...(reservedTraits.has(traitName) ? [`${place}: the name is reserved; nobody can set the trait`] : []),
      ...found.map((problem) => `${place}.${problem}`),
      ...rangeProblems(trait).map((problem) => `${place}.${problem}`),
      ...(section.maxStale !== undefined && section.maxAge === undefined
        ? [`${place}.maxStale: needs maxAge beside it`]
        : []),
      ...defaultProblems(trait, segments).map((problem) => `${place}.${problem}`),
    ];
  });
}

function misplacedKeys(section: TraitSection): string[] {
  const known: readonly string[] = ["type", ...everywhere, ...byType[section.type]];
  return Object.entries(section).flatMap(([keyName, value]) =>
    value === undefined || known.includes(keyName)
      ? []
      : [`${keyName}: a ${section.type} does not take it; known here: ${known.join(", ")}`],
  );
}

/** No client sets a computed trait, so rules about setting it would say nothing. */
function writingKeys(section: TraitSection): string[] {
  return (["setBy", "protected", "coerce"] as const).flatMap((keyName) =>
    section[keyName] === undefined ? [] : [`${keyName}: the trait is computed; nobody sets it`],
  );
}

function rangeProblems({ min, max, minLength, maxLength }: DeclaredTrait): string[] {
  return [
    ...(min !== undefined && max !== undefined && min > max ? ["min: is greater than max"] : []),
    ...(minLength !== undefined && maxLength !== undefined && minLength > maxLength
      ? ["minLength: is greater than maxLength"]
      : []),
  ];
}

function defaultProblems(trait: DeclaredTrait, segments: ReadonlySet<string>): string[] {
  const broken = trait.default === undefined ? null : brokenRule(trait, trait.default);
  const problems = broken === null ? [] : [`default: breaks ${broken}`];
  for (const [segment, value] of trait.defaultBySegment ?? []) {
    const why = brokenRule(trait, value);
    if (why !== null) problems.push(`defaultBySegment.${segment}: breaks ${why}`);
    if (!segments.has(segment))
      problems.push(`defaultBySegment.${segment}: there is no segment of that name`);
  }
  return problems;
}

/** What is wrong in the section; `at` is where, `value` what stands there. */
export function describeDeclared(issue: z.core.$ZodIssue, at: readonly string[], value: unknown): string {
  const place = at.join(".");
  const [, traitName, part] = at;
  if (traitName === undefined) return `${place}: expected a map of traits`;
  if (issue.code === "unrecognized_keys") {
    const known = Object.keys(traitSchema.shape);
    return issue.keys
      .map((unknown) => {
        const meant = nearest(unknown, known);
        const hint = meant === null ? `known here: ${known.join(", ")}` : `did you mean ${meant}?`;
        return `${place}.${unknown} is unknown; ${hint}`;
      })
      .join("; ");
  }
  if (part === undefined) return `${place}: expected a map such as { type: string, maxLength: 80 }`;
  const expected = expectedOf(part);
  return value === undefined ? `${place} is missing: expected ${expected}` : `${place}: expected ${expected}`;
}

function expectedOf(part: string): string {
  const found = declaredKeys.find((entry) => entry.key === part);
  return found?.expected ?? "a declaration";
}

/** The keys of a declaration, for the reference. */
export const declaredKeys: readonly {
  readonly key: string;
  readonly description: string;
  readonly expected: string;
  /** Types that take it; null: all. */
  readonly types: readonly string[] | null;
}[] = Object.entries({ type: traitSchema.shape.type, ...keys }).map(([keyName, schema]) => {
  const meta = schema.meta();
  const isCommon = keyName === "type" || everywhere.some((common) => common === keyName);
  const takers = Object.entries(byType).flatMap(([type, own]) =>
    own.some((known) => known === keyName) ? [type] : [],
  );
  return {
    key: keyName,
    description: meta?.description ?? "",
    expected: typeof meta?.["expected"] === "string" ? meta["expected"] : "",
    types: isCommon ? null : takers,
  };
});
