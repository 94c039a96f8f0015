/** `freshet plan`: a tracking plan from what came, what it would have refused, its types, what broke it. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import type { Command } from "commander";
import { readForeignPlan } from "../config/planImport.ts";
import { loadPlan } from "../config/trackingPlan.ts";
import { loadSettings } from "./loadSettings.ts";
import { systemClock } from "../lib/clock.ts";
import { parseDuration } from "../lib/duration.ts";
import type { PlanRules } from "../model/plan.ts";
import { TrackingPlan } from "../model/planCheck.ts";
import { SeenShape } from "../model/planInfer.ts";
import { planTypes } from "../model/planTypes.ts";
import { dataFolder, parseCount, withData, withNamespace } from "./arguments.ts";
import { Exit, exitCodes, UsageError, type CliContext } from "./context.ts";
import type { BrokenRule } from "../model/planChecked.ts";
import { PlanReport } from "../model/planReport.ts";
import { eventOf, type ExportedEvent } from "./exportedEvent.ts";
import { outletFor, withOperations } from "./session.ts";

interface PastFlags {
  readonly data?: string;
  readonly test: boolean;
  readonly since?: string;
}

interface PlanFlags {
  readonly config?: string;
  readonly plan?: string;
}

const configHelp = "configuration file whose plan is meant (env: FRESHET_CONFIG, default: ./freshet.yaml)";
/** Names come from whoever sends; a plan of more events than this is not one that people read. */
const maxInferred = 500;
const maxImportedBytes = 16 * 1024 * 1024;

export function addPlan(program: Command, context: CliContext): void {
  const plan = program
    .command("plan")
    .description("the tracking plan: a first one, a rehearsal, types, what broke it");
  addInfer(plan, context);
  addImport(plan, context);
  addCheck(plan, context);
  addTypes(plan, context);
  addViolations(plan, context);
}

function addInfer(plan: Command, context: CliContext): void {
  const command = plan
    .command("infer")
    .description("write a first plan from the events that came, one file an event")
    .option("--out <folder>", "folder to write to; files that are there stay as they are", "plan")
    .option("--since <duration>", "only events of so long ago, such as 30d");
  withNamespace(withData(command)).action(async (flags: PastFlags & { readonly out: string }) => {
    const events = new Map<string, SeenShape>();
    const traits = new SeenShape();
    let left = 0;
    await pastEvents(context, flags, (event) => {
      if (event.type === "identify") traits.add(event.traits ?? {});
      if (event.type !== "track" || event.event === undefined) return;
      let seen = events.get(event.event);
      if (seen === undefined && events.size < maxInferred) events.set(event.event, (seen = new SeenShape()));
      if (seen === undefined) left += 1;
      seen?.add(event.properties ?? {});
    });
    if (events.size === 0 && traits.count === 0)
      throw new UsageError("no events came yet, so there is nothing to infer");
    mkdirSync(flags.out, { recursive: true });
    for (const [event, seen] of events)
      await writeShape(context, join(flags.out, fileName(event)), {
        event,
        version: 1,
        schema: seen.schema(true),
      });
    if (traits.count > 0)
      await writeShape(context, join(flags.out, "traits.json"), {
        traits: true,
        version: 1,
        schema: traits.schema(false),
      });
    if (left > 0)
      context.tell(`${left} events under further names were left out: a plan has at most ${maxInferred}`);
    context.tell(`read it, then put trackingPlan: ./${flags.out} into freshet.yaml`);
  });
}

function addImport(plan: Command, context: CliContext): void {
  plan
    .command("import")
    .description("write a plan from another tool's: JSON of Segment's APIs, or a CSV with a row a property")
    .argument("<file>", "file to read; CSV where its name ends in .csv")
    .option("--out <folder>", "folder to write to; files that are there stay as they are", "plan")
    .action(async (file: string, { out }: { readonly out: string }) => {
      const { shapes, left } = readForeignPlan(readText(file), extname(file).toLowerCase() === ".csv");
      if (shapes.length === 0) throw new UsageError(`${file}: no event and no trait is planned in it`);
      mkdirSync(out, { recursive: true });
      for (const { event, version, schema } of shapes)
        await writeShape(
          context,
          join(out, event === null ? "traits.json" : fileName(event)),
          event === null ? { traits: true, version, schema } : { event, version, schema },
        );
      for (const what of left) context.tell(`left out: ${what}`);
      // What is written is what a start would read: problems are told now, by file.
      loadPlan(out, process.cwd());
    });
}

function readText(file: string): string {
  try {
    if (statSync(file).size > maxImportedBytes)
      throw new UsageError(`${file}: larger than ${maxImportedBytes} bytes`);
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file} can't be read`);
  }
}

function addCheck(plan: Command, context: CliContext): void {
  const command = plan
    .command("check")
    .description("tell which past events the plan would have refused")
    .option("--config <file>", configHelp)
    .option("--plan <folder>", "folder of a plan that is not configured yet")
    .option("--since <duration>", "only events of so long ago, such as 7d", "7d")
    .option("--max-failing <number>", "exit with 4 if more events than this break it")
    .option("--json", "print JSON", false);
  withNamespace(withData(command)).action(
    async (flags: PastFlags & PlanFlags & { readonly maxFailing?: string; readonly json: boolean }) => {
      const most = flags.maxFailing === undefined ? null : parseMost(flags.maxFailing);
      const report = new PlanReport(new TrackingPlan(chosenPlan(flags, context)));
      await pastEvents(context, flags, (event) => report.add(eventOf(event)));
      const { checked, failing } = report;
      const text = flags.json
        ? JSON.stringify({ checked, failing, rules: report.rules() }, null, 2)
        : [summary(report), ...report.rules().map(ruleLine)].join("\n");
      await context.print(`${text}\n`);
      if (most !== null && failing.allow + failing.quarantine + failing.block > most)
        throw new Exit(exitCodes.threshold);
    },
  );
}

function addTypes(plan: Command, context: CliContext): void {
  plan
    .command("types")
    .description("print TypeScript types of the plan's events and traits")
    .option("--config <file>", configHelp)
    .option("--plan <folder>", "folder of a plan that is not configured yet")
    .action(async (flags: PlanFlags) => {
      await context.print(planTypes(chosenPlan(flags, context)));
    });
}

function addViolations(plan: Command, context: CliContext): void {
  const command = plan
    .command("violations")
    .description("count what broke the plan, by rule, source and property")
    .option("--days <number>", "of the last so many days, today included", "7")
    .option("--json", "print JSON lines", false);
  withData(command).action(
    async (flags: { readonly data?: string; readonly days: string; readonly json: boolean }) => {
      const days = parseCount(flags.days, "--days", 90);
      const found = await withOperations(
        context,
        { folder: dataFolder(flags, context), access: "read" },
        async (call) => {
          using outlet = outletFor(context, null);
          return await call("plan.violations", { days }, outlet);
        },
      );
      for (const row of found) await context.print(`${flags.json ? JSON.stringify(row) : ruleLine(row)}\n`);
      if (found.length === 0) context.tell(`nothing broke the plan in ${days} days`);
    },
  );
}

/** Every event that came since, in journal order. */
async function pastEvents(
  context: CliContext,
  flags: PastFlags,
  take: (event: ExportedEvent) => void,
): Promise<void> {
  const sinceMs = flags.since === undefined ? null : parseDuration(flags.since);
  if (flags.since !== undefined && sinceMs === null)
    throw new UsageError("--since: expected a duration such as 7d or 12h");
  const from = sinceMs === null ? "" : new Date(systemClock.nowMs() - sinceMs).toISOString();
  await withOperations(context, { folder: dataFolder(flags, context), access: "read" }, async (call) => {
    using outlet = outletFor(context, "events", (item) => {
      // `export` gives events in this form.
      const event = item as ExportedEvent & { readonly receivedAt: string };
      if (event.receivedAt >= from) take(event);
      return Promise.resolve();
    });
    await call("export", { namespace: flags.test ? "test" : "live", what: "events" }, outlet);
  });
}

function chosenPlan(flags: PlanFlags, context: CliContext): PlanRules {
  if (flags.plan !== undefined) return loadPlan(flags.plan, process.cwd());
  const { plan } = loadSettings(
    flags.config === undefined ? {} : { config: flags.config },
    context.environment,
  );
  if (plan === null)
    throw new UsageError("freshet.yaml names no trackingPlan; or give a folder: --plan ./plan");
  return plan;
}

async function writeShape(context: CliContext, path: string, shape: unknown): Promise<void> {
  if (existsSync(path)) return context.tell(`${path} is there already and stays as it is`);
  writeFileSync(path, `${JSON.stringify(shape, null, 2)}\n`);
  await context.print(`${path}\n`);
}

/** A file name that tells the event, and a mark of its own where that alone would not. */
function fileName(event: string): string {
  const slug = event
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "")
    .slice(0, 60);
  const isPlain = slug !== "" && slug !== "traits" && /^[A-Za-z0-9 ]+$/.test(event) && event.length <= 60;
  return isPlain ? `${slug}.json` : `${slug}-${Bun.hash.wyhash(event).toString(36)}.json`;
}

function parseMost(text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new UsageError("--max-failing: expected a whole number from 0 on");
  return Number(text);
}

/** A broken rule as it is shown. */
type ToldRule = Omit<BrokenRule, "samples"> & { readonly samples: readonly string[] };

function summary({ checked, failing }: PlanReport): string {
  const broken = failing.allow + failing.quarantine + failing.block;
  return broken === 0
    ? `${checked} events, none of which breaks the plan`
    : `${checked} events; ${broken} break the plan: ${failing.allow} would be kept and counted, ${failing.quarantine} held back, ${failing.block} refused`;
}

function ruleLine({ count, event, source, property, rule, mode, samples }: ToldRule): string {
  const name = event === "" ? "(further names)" : event;
  const where = property === "" ? rule : `${property}: ${rule}`;
  return `${String(count).padStart(8)}  ${name} · ${where} · from ${source} (${mode})${samples.length === 0 ? "" : ` e.g. ${samples.join(", ")}`}`;
}
