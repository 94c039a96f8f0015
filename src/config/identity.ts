/** The section `identity` of freshet.yaml: which identifiers there are, and how many of each a profile takes. */
import { z } from "zod";
import { nearest } from "../lib/nearest.ts";
import { builtInTypes, configuredDefaults, type IdentifierRule } from "../model/identity.ts";

const maxLimit = 10_000;
const maxTypes = 20;
const maxListed = 1_000;
const normalisers = ["email", "phone", "lower", "none"] as const;
/** Ways to ask for a profile that are no identifiers of their own. */
const derivedTypes = ["profile_id", "email_sha256"];
const typePattern = /^[a-z][a-z0-9_]{0,39}$/;
const nameRule = `a name has at most 40 small letters, digits and _, begins with a letter, and is not ${derivedTypes.join(" or ")}`;

const values = z.array(z.string().max(512)).max(maxListed);

/** What stands under one identifier, with what it is for. */
const keys = {
  limit: {
    schema: z.int().min(1).max(maxLimit),
    description:
      "How many values of it a profile takes. A link, an alias or a claim beyond it is not made, and an alert says so.",
    expected: `a whole number from 1 to ${maxLimit}`,
  },
  priority: {
    schema: z.int().min(1).max(1_000),
    description: "Its place where a profile's identifiers are listed, the least first.",
    expected: "a whole number from 1 to 1000",
  },
  normalise: {
    schema: z.enum(normalisers),
    description:
      "How values are written before they are compared: email and lower without space around and in small letters, phone with digits and a leading + alone.",
    expected: `one of ${normalisers.join(", ")}`,
  },
  block: {
    schema: values,
    description: "Values that name nobody, beside those that never do.",
    expected: `a list of up to ${maxListed} texts`,
  },
  allow: {
    schema: values,
    description: "Values that name somebody here, though they usually name nobody.",
    expected: `a list of up to ${maxListed} texts`,
  },
} as const;

type KeyName = keyof typeof keys;
const keyNames = Object.keys(keys) as KeyName[];

const identifierSchema = z.strictObject({
  limit: keys.limit.schema.meta({ description: keys.limit.description }).optional(),
  priority: keys.priority.schema.meta({ description: keys.priority.description }).optional(),
  normalise: keys.normalise.schema.meta({ description: keys.normalise.description }).optional(),
  block: keys.block.schema.meta({ description: keys.block.description }).optional(),
  allow: keys.allow.schema.meta({ description: keys.allow.description }).optional(),
});

/** `identity:` */
export const identitySchema = z
  .record(
    z
      .string()
      .regex(typePattern)
      .refine((name) => !derivedTypes.includes(name)),
    identifierSchema,
  )
  .refine((types) => Object.keys(types).length <= maxTypes);

/** The section once it is checked. */
export type IdentitySection = z.output<typeof identitySchema>;

/** The rules that the section stands for. */
export function identityRulesOf(section: IdentitySection = {}): readonly IdentifierRule[] {
  return Object.entries(section).map(([type, { limit, priority, normalise, block, allow }]) => ({
    type,
    ...(limit === undefined ? {} : { limit }),
    ...(priority === undefined ? {} : { priority }),
    ...(normalise === undefined ? {} : { normalise }),
    ...(block === undefined ? {} : { block }),
    ...(allow === undefined ? {} : { allow }),
  }));
}

/** What no single key can tell. `taken`: names of computed traits. */
export function identityProblems(section: IdentitySection | undefined, taken: ReadonlySet<string>): string[] {
  return Object.entries(section ?? {}).flatMap(([type, { normalise }]) => {
    const problems: string[] = [];
    if (normalise !== undefined && builtInTypes.some((built) => built.type === type))
      problems.push(`identity.${type}.normalise: ${type} is built in; how it is written is fixed`);
    if (taken.has(type)) problems.push(`identity.${type}: a computed trait has this name`);
    return problems;
  });
}

/** What is wrong at one place of the section. */
export function describeIdentity(issue: z.core.$ZodIssue, at: readonly string[]): string {
  const [, name, key] = at;
  const place = at.join(".");
  if (issue.code === "invalid_key") return `${place}: ${nameRule}`;
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((unknown) => describeUnknown(`${place}.${unknown}`, unknown)).join("; ");
  if (name === undefined) return `${place}: expected a map of up to ${maxTypes} identifiers`;
  const known = keyNames.find((candidate) => candidate === key);
  const expected = known === undefined ? "a map such as { limit: 3, priority: 4 }" : keys[known].expected;
  return `${place}: expected ${expected}`;
}

function describeUnknown(place: string, unknown: string): string {
  const meant = nearest(unknown, keyNames);
  return `${place} is unknown; ${meant === null ? `known here: ${keyNames.join(", ")}` : `did you mean ${meant}?`}`;
}

/** The keys of an identifier, for the reference. */
export const identityKeys: readonly {
  readonly key: string;
  readonly description: string;
  readonly expected: string;
}[] = keyNames.map((key) => ({
  key,
  description: keys[key].description,
  expected: keys[key].expected,
}));

/** Limit and priority of every type that sets none, for the reference. */
export const identityDefaults: readonly {
  readonly type: string;
  readonly limit: number;
  readonly priority: number;
}[] = [...builtInTypes, { type: "another one", ...configuredDefaults }];
