/** `freshet config diff | plan | apply | history | rollback`: the configuration of a running server. */
import type { Command } from "commander";
import { userInfo } from "node:os";
import { differenceLine } from "../configDifference.ts";
import type { CallOperation, Outlet } from "../admin/operation.ts";
import type { ConfigDifference } from "../admin/workReports.ts";
import { replaceFile } from "../configFileEdit.ts";
import { folderPaths } from "../store/folder.ts";
import { dataFolder, parseCount, withData } from "./arguments.ts";
import { UsageError, type CliContext } from "./context.ts";
import { servedElsewhere } from "./folderWords.ts";
import { outletFor } from "./session.ts";
import { connectSocket } from "./socketClient.ts";

interface Flags {
  readonly data?: string;
}

/** Adds them to `config`. */
export function addLiveConfig(config: Command, context: CliContext): void {
  withData(config.command("diff"))
    .description("tell what the running server would do differently with the file as it is now")
    .action(async (flags: Flags) => {
      await context.print(
        differenceText(await asked(flags, context, null, (call, outlet) => call("config.diff", {}, outlet))),
      );
    });
  withData(config.command("plan"))
    .description("the same, and what it would do to profiles: found on a copy, nothing changes")
    .action(async (flags: Flags) => {
      const plan = await asked(flags, context, "plan", (call, outlet) =>
        call("config.plan", { text: null }, outlet),
      );
      await context.print(differenceText(plan));
      if (plan.effect === null) return;
      const { profiles, changed, traits, segments } = plan.effect;
      await context.print(`${changed} of ${profiles} profiles would change\n`);
      for (const [name, count] of byName(traits)) await context.print(`  ${name}: ${count}\n`);
      for (const [name, { entered, exited }] of byName(segments))
        await context.print(`  ${name}: ${entered} would enter, ${exited} would leave\n`);
    });
  withData(config.command("apply"))
    .description("take the file as it is now into use, while the server goes on")
    .action(async (flags: Flags) => {
      await context.print(await applied(flags, context, `command of ${operator()}`));
    });
  withData(config.command("history"))
    .description("list the versions of the file that were in use")
    .option("--limit <number>", "so many, the newest first", "20")
    .option("--show <version>", "print the text of one of them")
    .action(async (flags: Flags & { readonly limit: string; readonly show?: string }) => {
      if (flags.show !== undefined) return context.print(await textOf(flags, context, flags.show));
      const limit = parseCount(flags.limit, "--limit", 200);
      const { versions } = await history(flags, context, limit);
      for (const { version, appliedAtMs, by, changes } of versions) {
        const what = changes.length === 0 ? "" : `  ${changes.join(", ")}`;
        await context.print(
          `${String(version).padStart(5)}  ${new Date(appliedAtMs).toISOString()}  by ${by}${what}\n`,
        );
      }
    });
  withData(config.command("rollback"))
    .description("put an earlier version in the file's place and apply it; the file as it is stays beside it")
    .argument("<version>", "number of the version (config history)")
    .action(async (version: string, flags: Flags) => {
      const text = await textOf(flags, context, version);
      const { path } = await history(flags, context, 1);
      replaceFile(path, text);
      context.tell(`${path} is version ${version} now; what it was stands in ${path}.before`);
      await context.print(
        await applied(flags, context, `rollback to ${version} by command of ${operator()}`),
      );
    });
}

/** Who runs the command, for the history. */
function operator(): string {
  try {
    return userInfo().username;
  } catch {
    // Containers run as users that have no name.
    return String(process.getuid?.() ?? "nobody");
  }
}

function byName<T>(counts: Readonly<Record<string, T>>): readonly (readonly [string, T])[] {
  return Object.entries(counts).sort(([left], [right]) => (left < right ? -1 : 1));
}

async function applied(flags: Flags, context: CliContext, by: string): Promise<string> {
  const done = await asked(flags, context, "apply", (call, outlet) => call("config.apply", { by }, outlet));
  const profiles = done.rules.length === 0 ? "" : `${done.profiles} profiles have other values now\n`;
  return `${differenceText(done)}${profiles}`;
}

async function textOf(flags: Flags, context: CliContext, version: string): Promise<string> {
  const wanted = parseCount(version, "version", Number.MAX_SAFE_INTEGER);
  const { versions } = await history(flags, context, 200);
  const found = versions.find((one) => one.version === wanted);
  if (found === undefined) throw new UsageError(`there is no version ${wanted}; see freshet config history`);
  return found.text;
}

function history(flags: Flags, context: CliContext, limit: number): ReturnType<typeof callHistory> {
  return asked(flags, context, null, (call, outlet) => callHistory(call, outlet, limit));
}

function callHistory(call: CallOperation, outlet: Outlet, limit: number) {
  return call("config.history", { limit }, outlet);
}

/** Asks the running server. Throws UsageError if there is none. */
async function asked<T>(
  flags: Flags,
  context: CliContext,
  progress: string | null,
  work: (call: CallOperation, outlet: Outlet) => Promise<T>,
): Promise<T> {
  const folder = dataFolder(flags, context);
  const call = await connectSocket(folderPaths(folder).socket);
  if (call === null)
    throw new UsageError(
      `no Freshet is running on ${folder}; the file is read at its next start (freshet config check).${await servedElsewhere(folder)}`,
    );
  using outlet = outletFor(context, progress);
  return await work(call, outlet);
}

function differenceText(difference: ConfigDifference): string {
  const { rules, plan, destinations, watching, atNextStart, needsRebuild } = difference;
  const lines = [...rules, ...plan, ...destinations, ...watching].map(differenceLine);
  if (atNextStart.length > 0) lines.push(`at the next start only: ${atNextStart.join(", ")}`);
  if (needsRebuild.length > 0)
    lines.push(
      `refused at work: ${needsRebuild.map(differenceLine).join(", ")} (needs rebuild: stop the server and start it with this file)`,
    );
  return `${lines.length === 0 ? "nothing is another than what is in use" : lines.join("\n")}\n`;
}
