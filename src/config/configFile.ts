/** freshet.yaml: what it may hold, and how it is read. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { z } from "zod";
import { nearest } from "../lib/nearest.ts";
import { alertKeys, alertsSchema, isHttpUrl } from "./alerts.ts";
import { auditsSchema, describeAudits, freshnessSchema } from "./audits.ts";
import { computedProblems, definitionsOf } from "./computedDefinitions.ts";
import { computedTraitsSchema, describeComputed, useSchema } from "./computedTraits.ts";
import { contentSchema } from "./content.ts";
import { ConfigError } from "./configError.ts";
import { destinationsSchema } from "./destinations.ts";
import { capsSchema, triggersSchema } from "./triggers.ts";
import { declaredProblems, declaredTraitsSchema, describeDeclared } from "./declaredTraits.ts";
import type { Environment } from "./environment.ts";
import { readText } from "./option.ts";
import { consentSchema, describeConsent } from "./consent.ts";
import { describeEnrichment, enrichmentSchema } from "./enrichment.ts";
import { describeIdentity, identityProblems, identitySchema } from "./identity.ts";
import { placeOf, syntaxProblem } from "./place.ts";
import { isWriteKey } from "./keyText.ts";
import { describeSegments, segmentProblems, segmentsExpected, segmentsSchema } from "./segments.ts";
import { trackingPlanSchema } from "./trackingPlan.ts";
import { serveOptions, serveSection } from "./serveOptions.ts";
import { substitute } from "./substitute.ts";

/** Larger files are refused; a configuration is read by people. */
const maxFileBytes = 1024 * 1024;

const sourceSchema = z.strictObject({
  trust: z.enum(["browser", "server"]).meta({
    description:
      "server: back-end code; browser: code in a page, which can't set protected traits nor join two userIds, and is rate-limited.",
    expected: "browser or server",
  }),
  follow: z
    .string()
    .refine(isHttpUrl)
    .meta({
      description:
        "A stream of server-sent events to follow, each event's data being one event; it may be in a private network.",
      expected: "a URL that begins with https:// or http://",
    })
    .optional(),
  writeKey: z
    .string()
    .refine(isWriteKey)
    .meta({
      description:
        'The source\'s write key; one that follows a stream needs none: wk_… (wk_test_… for test data), at least 16 characters; best taken from a variable: "${WEB_WRITE_KEY}".',
      expected: "a write key: wk_ or wk_test_, then letters, digits, _ or -, at least 16 characters in all",
    })
    .optional(),
});

/** The whole file. */
export const fileSchema = z.strictObject({
  version: z.literal(1).meta({ description: "Version of the file's form.", expected: "1" }),
  sources: z
    .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/), sourceSchema)
    .meta({
      description: "Where events come from, by name; each has a write key.",
      expected: "a map of sources; a name has at most 64 letters, digits, _ . -",
    })
    .optional(),
  consent: consentSchema.optional(),
  enrichment: enrichmentSchema.optional(),
  identity: identitySchema
    .meta({
      description: "What profiles are called: identifiers beside the built-in ones, limits, blocked values.",
      expected: "a map of identifiers",
    })
    .optional(),
  traits: declaredTraitsSchema
    .meta({
      description:
        "What type the traits have that clients set, who may set them, what stands in for missing ones.",
      expected: "a map of traits",
    })
    .optional(),
  use: useSchema
    .meta({
      description: "Packs of computed traits under fixed names.",
      expected: "a list of packs",
    })
    .optional(),
  computedTraits: computedTraitsSchema
    .meta({
      description: "Traits that are computed from events, by name.",
      expected: "a map of computed traits",
    })
    .optional(),
  trackingPlan: trackingPlanSchema.optional(),
  content: contentSchema.optional(),
  segments: segmentsSchema
    .meta({
      description: "Who is in which segment, by the segment's name.",
      expected: segmentsExpected,
    })
    .optional(),
  destinations: destinationsSchema.optional(),
  triggers: triggersSchema.optional(),
  caps: capsSchema.optional(),
  alerts: alertsSchema
    .meta({
      description: "When ingest counts as unwell, and who is told.",
      expected: "a map of thresholds",
    })
    .optional(),
  audits: auditsSchema
    .meta({ description: "How the data is watched.", expected: "a map of thresholds and checks" })
    .optional(),
  freshness: freshnessSchema
    .meta({ description: "How fresh profiles are meant to be.", expected: "a map of within, target, window" })
    .optional(),
  serve: serveSection
    .meta({ description: "The options of `freshet serve`, in camelCase.", expected: "a map of options" })
    .optional(),
});

export type ConfigFile = z.output<typeof fileSchema>;

export interface LoadedFile {
  readonly file: ConfigFile;
  /** Variables that the file names; they count as known. */
  readonly variables: ReadonlySet<string>;
  /** The file as it is; null: there is none. */
  readonly text: string | null;
}

/** Reads the file; a missing one is an empty one unless it was asked for by name. Throws ConfigError. */
export function readConfigFile(path: string, required: boolean, environment: Environment): LoadedFile {
  if (!existsSync(path)) {
    if (required) throw new ConfigError([`${path}: there is no such file`]);
    return { file: { version: 1 }, variables: new Set(), text: null };
  }
  if (!statSync(path).isFile()) throw new ConfigError([`${path}: not a file`]);
  if (statSync(path).size > maxFileBytes)
    throw new ConfigError([`${path}: larger than ${maxFileBytes} bytes`]);
  return readConfigText({ name: path, text: readFileSync(path, "utf8") }, environment);
}

/** A configuration file that the program brings along. */
export interface BuiltInFile {
  readonly name: string;
  readonly text: string;
}

/** Reads a file's text. Throws ConfigError, with the file's name before every problem. */
export function readConfigText({ name, text }: BuiltInFile, environment: Environment): LoadedFile {
  const problems: string[] = [];
  const substituted = substitute(parseYaml(text, name), environment, problems);
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${name}: ${problem}`));
  return { file: checkFile(substituted.value, name, text), variables: substituted.variables, text };
}

/** Holds a parsed file against the schema. Throws ConfigError with every problem found. */
function checkFile(value: unknown, path: string, text: string): ConfigFile {
  const result = fileSchema.safeParse(readServeTexts(value));
  const problems = result.success
    ? [
        ...keylessSources(value),
        ...duplicateKeys(result.data),
        ...computedProblems(result.data),
        ...segmentProblems(result.data.segments ?? {}),
        ...traitProblems(result.data),
        ...identityProblems(result.data.identity, computedNames(result.data)),
      ]
    : [...keylessSources(value), ...result.error.issues.flatMap((issue) => describeIssue(issue, value))];
  if (!result.success || problems.length > 0) throw refusal(path, text, [...new Set(problems)]);
  return result.data;
}

function traitProblems(file: ConfigFile): string[] {
  return declaredProblems(file, computedNames(file), new Set(Object.keys(file.segments ?? {})));
}

function computedNames(file: ConfigFile): ReadonlySet<string> {
  return new Set(definitionsOf(file).map(({ name }) => name));
}

/** Problems of a file's text, each with where in it what it is about stands. */
export function refusal(path: string, text: string, problems: readonly string[]): ConfigError {
  return new ConfigError(
    problems.map((problem) => `${path}: ${problem}`),
    problems.map((problem) => placeIn(text, problem)),
  );
}

/** Every problem of a checked file begins with the path that it is about. */
function placeIn(text: string, problem: string): string | null {
  const [path = ""] = problem.split(/: | is (?:missing|unknown)\b/);
  const place = placeOf(text, path);
  return place === null ? null : `line ${place.line}, column ${place.column}`;
}

function parseYaml(text: string, path: string): unknown {
  try {
    return Bun.YAML.parse(text);
  } catch (error) {
    const found = syntaxProblem(text);
    throw new ConfigError(
      [`${path}: not valid YAML${error instanceof SyntaxError ? ` (${firstLine(error.message)})` : ""}`],
      [found === null ? null : `line ${found.line}, column ${found.column}: ${found.message}`],
    );
  }
}

function readServeTexts(value: unknown): unknown {
  if (!isMap(value) || !isMap(value["serve"])) return value;
  const serve: Record<string, unknown> = { ...value["serve"] };
  for (const option of serveOptions)
    if (option.key in serve) serve[option.key] = readText(option, serve[option.key]);
  return { ...value, serve };
}

function describeIssue(issue: z.core.$ZodIssue, value: unknown): string[] {
  const at = issue.path.map(String);
  if (at[0] === "segments") return describeSegments(valueAt(value, ["segments"]));
  if (at[0] === "consent") return [describeConsent(issue, at)];
  if (at[0] === "enrichment") return [describeEnrichment(issue, at)];
  if (at[0] === "audits" || at[0] === "freshness") return [describeAudits(issue, at)];
  if (at[0] === "identity") return [describeIdentity(issue, at)];
  if (at[0] === "use" || at[0] === "computedTraits")
    return [describeComputed(issue, at, valueAt(value, at.slice(0, 2)))];
  if (at[0] === "traits") return [describeDeclared(issue, at, valueAt(value, at))];
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => describeUnknown([...at, key]));
  const place = at.join(".") || "the file";
  const expected = expectedAt(at);
  const missing = valueAt(value, at) === undefined;
  return [missing ? `${place} is missing: expected ${expected}` : `${place}: expected ${expected}`];
}

function describeUnknown(path: readonly string[]): string {
  const place = path.join(".");
  const name = path.at(-1) ?? "";
  const meant = nearest(name, knownKeys(path));
  return `${place} is unknown${meant === null ? `; known here: ${knownKeys(path).join(", ")}` : `; did you mean ${meant}?`}`;
}

function knownKeys(path: readonly string[]): string[] {
  if (path.length === 1) return Object.keys(fileSchema.shape);
  if (path[0] === "alerts") return alertKeys.map(({ key }) => key);
  return Object.keys(path[0] === "sources" ? sourceSchema.shape : serveSection.shape);
}

function expectedAt(path: readonly string[]): string {
  const [section, name, key] = path;
  if (section === "alerts" && name !== undefined)
    return alertKeys.find((entry) => entry.key === name)?.expected ?? "a map of thresholds";
  if (section === "serve")
    return serveOptions.find((option) => option.key === name)?.expected ?? "a map of options";
  const schema: z.ZodType | undefined =
    section === "sources" && key !== undefined
      ? shapeEntry(sourceSchema.shape, key)
      : shapeEntry(fileSchema.shape, section ?? "");
  const expected = schema instanceof z.ZodOptional ? metaOf(schema.def.innerType) : metaOf(schema);
  return expected ?? "a map with version: 1";
}

function shapeEntry(shape: Readonly<Record<string, z.ZodType>>, key: string): z.ZodType | undefined {
  return Object.hasOwn(shape, key) ? shape[key] : undefined;
}

function metaOf(schema: unknown): string | undefined {
  const meta = schema instanceof z.ZodType ? schema.meta() : undefined;
  return typeof meta?.["expected"] === "string" ? meta["expected"] : undefined;
}

/** A source needs a key, unless its events are fetched. */
function keylessSources(value: unknown): string[] {
  const sources = valueAt(value, ["sources"]);
  return Object.entries(isMap(sources) ? sources : {}).flatMap(([name, source]) => {
    if (!isMap(source) || "writeKey" in source || "follow" in source) return [];
    const path = ["sources", name, "writeKey"];
    return [`${path.join(".")} is missing: expected ${expectedAt(path)}`];
  });
}

function duplicateKeys(file: ConfigFile): string[] {
  const seen = new Map<string, string>();
  const problems: string[] = [];
  for (const [name, { writeKey }] of Object.entries(file.sources ?? {})) {
    if (writeKey === undefined) continue;
    const other = seen.get(writeKey);
    if (other !== undefined) problems.push(`sources.${name}.writeKey: the same key as sources.${other}`);
    seen.set(writeKey, name);
  }
  return problems;
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => {
    if (Array.isArray(at)) return (at as readonly unknown[])[Number(key)];
    return isMap(at) ? at[key] : undefined;
  }, value);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function firstLine(message: string): string {
  return message.split("\n")[0] ?? "";
}
