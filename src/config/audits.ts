/** The sections `audits` and `freshness` of freshet.yaml: how the data is watched, and how fresh it is meant to be. */
import { z } from "zod";
import { assert } from "../lib/assert.ts";
import { parseDuration } from "../lib/duration.ts";
import { latencyBoundsMs } from "../lib/metrics.ts";
import type { AuditRules, CrossCheck, TraitExpectation } from "../model/audit/rules.ts";
import { duration, integer } from "./option.ts";

const name = z.string().min(1).max(200);
const percent = z.number().min(0).max(100);

const side = z.strictObject({ source: name, event: name, property: name });

const crossCheckSchema = z.strictObject({
  key: name.meta({ description: "The property that ties the two events, such as order_id." }),
  left: side.meta({ description: "One side: source, event and the property that is compared." }),
  right: side.meta({ description: "The other side." }),
  tolerance: z
    .number()
    .min(0)
    .default(0.005)
    .meta({ description: "Numbers that differ by no more are the same." }),
  within: duration({ description: "How much later the other side may come." }).default("1h"),
  mayDiffer: percent.default(1).meta({ description: "Share that may differ or be missing, percent." }),
});

const traitSchema = z.strictObject({
  coverage: percent
    .optional()
    .meta({ description: "Least share of profiles that have it, percent. Without it only falls are told." }),
  maxAge: duration({
    description: "How old a value may be; without it, the max age that the trait declares.",
  }).optional(),
  stale: percent
    .optional()
    .meta({ description: "Most values that may be older, percent. Without it only rises are told." }),
});

const severities = ["warning", "critical", "never"] as const;

const auditShape = {
  every: duration({ description: "How often everything is looked at; 0s: only on demand." }).default("1h"),
  alert: z.enum(severities).default("warning").meta({
    description: "From which severity on a finding raises an alert.",
    expected: "warning, critical or never",
  }),
  minEvents: integer({
    min: 10,
    max: 1_000_000,
    description: "An event that came less often on a day is not judged by its shares.",
  }).default(50),
  volume: integer({
    min: 5,
    max: 99,
    description: "Fall of the number of events that is told, percent; a rise is told from twice on.",
  }).default(50),
  nulls: integer({
    min: 1,
    max: 100,
    description: "Rise of the share of events without a property that is told, percentage points.",
  }).default(10),
  types: integer({
    min: 1,
    max: 100,
    description: "Share of values of a type that did not come before that is told, percent.",
  }).default(1),
  cardinality: integer({
    min: 2,
    max: 1_000,
    description: "How many times more, or fewer, different values are told.",
  }).default(3),
  distribution: integer({
    min: 5,
    max: 1_000,
    description:
      "How far the values of a property must move, in hundredths of the population stability index.",
  }).default(25),
  duplicates: integer({
    min: 1,
    max: 100,
    description: "Rise of the share of events that came twice that is told, percentage points.",
  }).default(3),
  clockSkew: duration({ description: "How wrong the clocks of senders may be." }).default("2m"),
  coverage: integer({
    min: 1,
    max: 100,
    description:
      "Fall of the share of profiles with a trait since the day before that is told, percentage points.",
  }).default(10),
  stale: integer({
    min: 1,
    max: 100,
    description: "Rise of the share of values older than their max age that is told, percentage points.",
  }).default(10),
  foldSample: integer({
    min: 0,
    max: 100_000,
    description: "Profiles that are made anew from their events and compared in a run.",
  }).default(200),
  keepDays: integer({
    min: 35,
    max: 3_650,
    description: "How long runs and daily numbers are kept.",
  }).default(400),
  traits: z.record(name, traitSchema).default({}).meta({
    description: "What is expected of some traits, by name: `{ email: { coverage: 60 } }`.",
    expected: "a map of traits with coverage, maxAge, stale",
  }),
  crossChecks: z.record(name, crossCheckSchema).default({}).meta({
    description:
      "Facts that two sources tell, by a name of your own, with key, left, right, tolerance, within, mayDiffer.",
    expected: "a map of cross-checks with key, left and right",
  }),
  ignore: z.array(z.string().min(1).max(500)).max(200).default([]).meta({
    description: 'Keys of findings that are not told; `*` stands for anything: `["volume:newsletter:*"]`.',
    expected: "a list of keys",
  }),
} as const;

/** `audits:` */
export const auditsSchema = z.strictObject(auditShape);

const stages = ["visible", "fed"] as const;
/** A target is counted by the buckets of latencies. */
const targets = latencyBoundsMs.filter((bound) => bound >= 8);

const freshnessShape = {
  stage: z.enum(stages).default("visible").meta({
    description: "What is promised: that an event can be read (visible), or that a feed told it (fed).",
    expected: "visible or fed",
  }),
  within: duration({
    description: `How soon after its receipt: one of ${targets.map(durationWord).join(", ")}.`,
  }).default("1s"),
  target: z.number().min(50).max(99.999).default(99.9).meta({
    description: "Of how many events, percent; the rest is the error budget.",
    expected: "a number from 50 to 99.999",
  }),
  window: duration({ description: "Over how long the budget is counted, up to 60d." }).default("28d"),
} as const;

/** `freshness:` */
export const freshnessSchema = z.strictObject(freshnessShape).refine(
  ({ within, window }) => {
    const windowMs = parseDuration(window) ?? 0;
    return (
      targets.includes((parseDuration(within) ?? 0) as (typeof targets)[number]) &&
      windowMs >= 3_600_000 &&
      windowMs <= 60 * 86_400_000
    );
  },
  { error: "within" },
);

/** How audits run. */
export interface AuditSettings {
  readonly rules: AuditRules;
  readonly alert: (typeof severities)[number];
}

/** How fresh things are meant to be. */
export interface FreshnessTarget {
  readonly stage: (typeof stages)[number];
  readonly withinMs: number;
  /** From 0 to 1. */
  readonly share: number;
  readonly windowMs: number;
}

export function auditSettings(block: z.output<typeof auditsSchema> | undefined): AuditSettings {
  const values = auditsSchema.parse(block ?? {});
  return {
    alert: values.alert,
    rules: {
      everyMs: milliseconds(values.every),
      minEvents: values.minEvents,
      volumePercent: values.volume,
      nullsPoints: values.nulls,
      typePercent: values.types,
      cardinalityTimes: values.cardinality,
      distribution: values.distribution,
      duplicatesPoints: values.duplicates,
      clockSkewMs: milliseconds(values.clockSkew),
      coveragePoints: values.coverage,
      stalePoints: values.stale,
      foldSample: values.foldSample,
      keepDays: values.keepDays,
      traits: Object.entries(values.traits).map(([trait, { coverage, maxAge, stale }]): TraitExpectation => ({
        trait,
        coveragePercent: coverage ?? null,
        maxAgeMs: maxAge === undefined ? null : milliseconds(maxAge),
        stalePercent: stale ?? null,
      })),
      crossChecks: Object.entries(values.crossChecks).map(
        ([checkName, { key, left, right, tolerance, within, mayDiffer }]): CrossCheck => ({
          name: checkName,
          key,
          left,
          right,
          tolerance,
          withinMs: milliseconds(within),
          mayDifferPercent: mayDiffer,
        }),
      ),
      ignore: values.ignore,
    },
  };
}

export function freshnessTarget(block: z.output<typeof freshnessSchema> | undefined): FreshnessTarget {
  const { stage, within, target, window } = freshnessSchema.parse(block ?? {});
  return {
    stage,
    withinMs: milliseconds(within),
    share: Math.round(target * 1e3) / 1e5,
    windowMs: milliseconds(window),
  };
}

/** What is wrong at one place of the two sections. */
export function describeAudits(issue: z.core.$ZodIssue, at: readonly string[]): string {
  const [section = "", key] = at;
  const known = section === "audits" ? auditKeys : freshnessKeys;
  const names = known.map((entry) => entry.key);
  if (issue.code === "unrecognized_keys") {
    const where = at.join(".");
    const here = at.length === 1 ? `; known here: ${names.join(", ")}` : "";
    return issue.keys.map((unknown) => `${where}.${unknown} is unknown${here}`).join("; ");
  }
  if (section === "freshness" && issue.code === "custom")
    return `freshness.within: expected one of ${targets.map(durationWord).join(", ")}, and a window from 1h to 60d`;
  const expected = known.find((entry) => entry.key === key)?.expected ?? `a map of ${names.join(", ")}`;
  return `${at.join(".")}: expected ${expected}`;
}

/** One key, for docs. */
export interface WatchKey {
  readonly key: string;
  readonly description: string;
  readonly expected: string;
  readonly defaultValue: unknown;
}

export const auditKeys: readonly WatchKey[] = keysOf(auditShape);
export const freshnessKeys: readonly WatchKey[] = keysOf(freshnessShape);

/** Keys of a cross-check and of what is expected of a trait, for docs. */
export const auditPartKeys: readonly WatchKey[] = [
  ...keysOf(traitSchema.shape, "traits.<trait>."),
  ...keysOf(crossCheckSchema.shape, "crossChecks.<name>."),
];

function keysOf(shape: Readonly<Record<string, z.ZodType>>, prefix = ""): WatchKey[] {
  return Object.entries(shape).map(([key, schema]) => {
    const inner: unknown =
      schema instanceof z.ZodDefault || schema instanceof z.ZodOptional ? schema.def.innerType : schema;
    const meta = { ...(inner instanceof z.ZodType ? inner.meta() : {}), ...schema.meta() };
    return {
      key: `${prefix}${key}`,
      description: String(meta["description"]),
      expected: typeof meta["expected"] === "string" ? meta["expected"] : "",
      defaultValue: schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined,
    };
  });
}

function durationWord(boundMs: number): string {
  return boundMs < 1_000 || boundMs % 1_000 !== 0 ? `${boundMs}ms` : `${boundMs / 1_000}s`;
}

function milliseconds(text: string): number {
  const durationMs = parseDuration(text);
  assert(durationMs !== null, "the schema let a malformed duration pass");
  return durationMs;
}
