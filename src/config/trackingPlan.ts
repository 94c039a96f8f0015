/** The section `trackingPlan` of freshet.yaml, and the folder that it names: one file a planned event. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { z } from "zod";
import type { JsonObject } from "../model/event.ts";
import { planModes, type PlannedEvent, type PlannedShape, type PlanRules } from "../model/plan.ts";
import { compileSchema, SchemaProblem } from "../lib/jsonSchema.ts";
import { ConfigError } from "./configError.ts";

const mode = z.enum(planModes);

const fullSection = z.strictObject({
  folder: z.string().min(1).meta({ description: "Folder of the plan, from where freshet.yaml lies." }),
  mode: mode.default("allow").meta({
    description:
      "What becomes of events that break the plan: `allow` keeps and counts them, `quarantine` holds them back until they are replayed, `block` refuses them.",
  }),
  unplanned: mode
    .default("allow")
    .meta({ description: "The same for track events that the plan does not name." }),
  sources: z
    .record(z.string(), mode)
    .default({})
    .meta({ description: "Modes of single sources, which go before all others: `{ web: quarantine }`." }),
});

/** Keys of the section and what they are for, for docs. */
export const planKeys: readonly { readonly key: string; readonly description: string }[] = Object.entries(
  fullSection.shape,
).map(([key, schema]) => ({ key, description: schema.meta()?.description ?? "" }));

/** `trackingPlan:` */
export const trackingPlanSchema = z.union([z.string().min(1), fullSection]).meta({
  description: "What events and traits must look like: a folder with one JSON Schema an event.",
  expected:
    "a folder such as ./plan, or { folder: ./plan, mode: allow, unplanned: allow, sources: { web: quarantine } } (modes: allow, quarantine, block)",
});

const shape = {
  version: z.int().min(1).default(1),
  mode: mode.optional(),
  schema: z.record(z.string(), z.unknown()),
};

/** A file of the plan: an event's, or the one of identify's traits. */
const planFileSchema = z.union([
  z.strictObject({ event: z.string().min(1).max(200), ...shape }),
  z.strictObject({ traits: z.literal(true), ...shape }),
]);

const fileExpected =
  "expected event (a track event's name) or traits: true, version (a whole number), mode (allow, quarantine or block) and schema (a JSON Schema)";
const maxFiles = 2_000;
const maxFileBytes = 1024 * 1024;

/** Reads the plan's folder; `from` is the folder of freshet.yaml. Throws ConfigError with every problem found. */
export function loadPlan(section: z.output<typeof trackingPlanSchema>, from: string): PlanRules {
  const settings = typeof section === "string" ? fullSection.parse({ folder: section }) : section;
  const folder = resolve(from, settings.folder);
  const problems: string[] = [];
  const events: (PlannedEvent & { readonly path: string })[] = [];
  let traits: PlannedShape | null = null;
  for (const path of planFiles(folder)) {
    const read = readPlanFile(path, problems);
    if (read === null) continue;
    if ("event" in read) {
      const twin = events.find(({ event }) => event === read.event);
      if (twin === undefined) events.push({ ...read, path });
      else problems.push(`${path}: ${twin.path} plans the same event`);
    } else if (traits === null) traits = read;
    else problems.push(`${path}: another file plans the traits already`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const { mode: usual, unplanned, sources } = settings;
  return {
    events: events.map(({ path: _path, ...event }) => event),
    traits,
    mode: usual,
    sources,
    unplanned,
  };
}

function planFiles(folder: string): readonly string[] {
  let names: string[];
  try {
    names = readdirSync(folder)
      .filter((name) => [".json", ".yaml", ".yml"].includes(extname(name)))
      .sort();
  } catch {
    throw new ConfigError([`trackingPlan: ${folder} can't be read; it should be a folder`]);
  }
  if (names.length > maxFiles)
    throw new ConfigError([`trackingPlan: ${folder} holds more than ${maxFiles} files`]);
  return names.map((name) => join(folder, name));
}

function readPlanFile(path: string, problems: string[]): PlannedEvent | PlannedShape | null {
  try {
    if (statSync(path).size > maxFileBytes) throw new SchemaProblem(`larger than ${maxFileBytes} bytes`);
    return planned(parseFile(path));
  } catch (error) {
    problems.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

/** Reads what would stand in a file of the plan, YAML or JSON. Throws ConfigError. */
export function readPlanText(text: string): PlannedEvent | PlannedShape {
  try {
    return planned(Bun.YAML.parse(text));
  } catch (error) {
    throw new ConfigError([error instanceof Error ? error.message : String(error)]);
  }
}

/** Throws SchemaProblem. */
function planned(value: unknown): PlannedEvent | PlannedShape {
  const parsed = planFileSchema.safeParse(value);
  if (!parsed.success) throw new SchemaProblem(fileExpected);
  const { version, mode: own } = parsed.data;
  // JSON and YAML without tags hold nothing else.
  const schema = parsed.data.schema as JsonObject;
  compileSchema(schema);
  const common = { version, mode: own ?? null, schema };
  return "event" in parsed.data ? { event: parsed.data.event, ...common } : common;
}

function parseFile(path: string): unknown {
  const text = readFileSync(path, "utf8");
  return extname(path) === ".json" ? (JSON.parse(text) as unknown) : Bun.YAML.parse(text);
}
