/** The head of a block: what it needs, how fresh, and what stands in where there is nothing to say. */
import { z } from "zod";
import { durationPattern, parseDuration } from "../../lib/duration.ts";
import type { Json } from "../../model/event.ts";
import { isTimeZone } from "../../lib/localDay.ts";
import { isLocale } from "./filters.ts";

const duration = z
  .string()
  .regex(durationPattern)
  .transform((text) => parseDuration(text) ?? 0);

const need = z.strictObject({
  /** Older than this, a value is no longer live. */
  maxAge: duration.optional(),
  /** So long beyond maxAge the last known value still serves; absent: for ever. */
  maxStale: duration.optional(),
  default: z.json().optional(),
  /** False: the block can do without; its template asks whether there is one. */
  required: z.boolean().default(true),
});

type NeedRule = z.output<typeof need>;

const nothingMore: NeedRule = { required: true };
const names = z
  .array(z.string().min(1).max(256))
  .transform((list) => list.map((name): [string, NeedRule] => [name, nothingMore]));
const rules = z
  .record(z.string().min(1).max(256), z.union([need, z.null()]))
  .transform((map) =>
    Object.entries(map).map(([name, rule]): [string, NeedRule] => [name, rule ?? nothingMore]),
  );

const locale = z.string().refine(isLocale);
const timeZone = z.string().refine(isTimeZone);
/** A setting of the block, or of the person: a trait says it, and another stands in where it says nothing usable. */
const ofPerson = <Value extends z.ZodType>(value: Value, what: string) =>
  z.union(
    [
      value.transform((given) => ({ trait: null, default: given })),
      z.strictObject({ trait: z.string().min(1).max(256), default: value }),
    ],
    { error: `expected ${what}, or { trait: <name>, default: <the same> }` },
  );

const headSchema = z.strictObject({
  /** Traits, by name; a list where nothing more is to be said. */
  needs: z
    .union([names, rules])
    .default([])
    .transform((needs) => needs.map(([name, rule]) => needOf(name, rule))),
  /** HTML for everybody for whom the block has nothing to say; may be empty, but must be said. */
  fallback: z.string().max(100_000),
  /** The same by segment; the first that the profile is in. */
  fallbackBySegment: z.record(z.string(), z.string().max(100_000)).default({}),
  /** Template of the text part; without it the text is made from the HTML. */
  text: z.string().max(100_000).optional(),
  /** How long an answer may be kept by who asked. */
  cache: duration.optional(),
  /** In which amounts, numbers, dates and plurals are written. */
  locale: ofPerson(locale, "a locale such as en or de-DE").default({ trait: null, default: "en" }),
  /** In which days begin. */
  timeZone: ofPerson(timeZone, "a time zone such as Europe/Berlin").default({ trait: null, default: "UTC" }),
  /** What the template is written in. */
  markup: z.enum(["html", "mjml"]).default("html"),
  /** Puts the rules of style sheets into the tags that they speak of, since many mail programs read no others. */
  inlineStyles: z.boolean().default(false),
});

/** What a block needs of a profile. */
export interface Need {
  readonly name: string;
  readonly maxAgeMs: number | null;
  readonly maxStaleMs: number | null;
  readonly default: Json;
  readonly required: boolean;
}

/** A setting that a trait of the person may give. */
export interface OfPerson {
  readonly trait: string | null;
  readonly default: string;
}

export interface Head {
  readonly needs: readonly Need[];
  readonly fallback: string;
  readonly fallbackBySegment: readonly (readonly [segment: string, html: string])[];
  readonly text: string | null;
  readonly cacheMs: number | null;
  readonly locale: OfPerson;
  readonly timeZone: OfPerson;
  readonly markup: "html" | "mjml";
  readonly inlineStyles: boolean;
}

/** A block that can't be used; the sentence says why. */
export class BlockProblem extends Error {}

function needOf(name: string, { maxAge, maxStale, default: given, required }: NeedRule): Need {
  return {
    name,
    maxAgeMs: maxAge ?? null,
    maxStaleMs: maxStale ?? null,
    default: (given as Json | undefined) ?? null,
    required,
  };
}

/** Splits a file into its head and its template; `headLines`: how many lines stand before the template. */
export function splitBlock(text: string): {
  readonly head: Head;
  readonly template: string;
  readonly headLines: number;
} {
  const found = /^---\r?\n(.*?)\r?\n---\r?\n/s.exec(text);
  if (found === null)
    throw new BlockProblem(
      "it must begin with a head: a line ---, YAML with at least fallback, and a line --- again",
    );
  const [whole, yaml = ""] = found;
  const parsed = headSchema.safeParse(parseYaml(yaml));
  if (!parsed.success)
    throw new BlockProblem(parsed.error.issues.map((issue) => told(issue, "its head")).join("; "));
  const { needs, fallback, fallbackBySegment, text: textTemplate, cache, ...further } = parsed.data;
  return {
    head: {
      needs,
      fallback,
      fallbackBySegment: Object.entries(fallbackBySegment),
      text: textTemplate ?? null,
      cacheMs: cache ?? null,
      ...further,
    },
    template: text.slice(whole.length),
    headLines: whole.split("\n").length - 1,
  };
}

function parseYaml(text: string): unknown {
  try {
    return Bun.YAML.parse(text);
  } catch (error) {
    throw new BlockProblem(
      `its head is not valid YAML: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** A problem of what a person wrote; `what` is the whole that it is in. */
export function told(issue: z.core.$ZodIssue, what: string): string {
  const place = issue.path.length === 0 ? what : `${issue.path.join(".")} of ${what}`;
  if (issue.code === "unrecognized_keys") return `${place} has an unknown key: ${issue.keys.join(", ")}`;
  return `${place}: ${issue.message}`;
}
