/** `freshet profile`: what is known under an identifier, and where each piece of it comes from. */
import type { Command } from "commander";
import type { OperationParams } from "../admin/operation.ts";
import type { WholeProfile } from "../admin/profileOperation.ts";
import { parseDuration } from "../lib/duration.ts";
import { timeIn } from "../model/timeIn.ts";
import { dataFolder, parseCount, parseIdentifier, withData, withNamespace } from "./arguments.ts";
import { Exit, exitCodes, UsageError, type CliContext } from "./context.ts";
import { profileText } from "./profileText.ts";
import { outletFor, withOperations } from "./session.ts";

interface Flags {
  readonly data?: string;
  readonly test: boolean;
  readonly history?: string;
  readonly traits?: string;
  readonly maxAge?: string;
  readonly at?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

export function addProfile(program: Command, context: CliContext): void {
  const command = program
    .command("profile <identifier>")
    .description(
      "print the profile of an identifier such as user_id:42, and where everything in it comes from",
    )
    .option("--traits <names>", "only these traits, comma-separated")
    .option("--max-age <duration>", "how old a value may be to count as live, such as 15m")
    .option("--at <time>", "as it was at a time such as 2026-11-24T09:00:00Z, with the definitions of today")
    .option("--json", "as JSON, as GET /v1/profiles/{id} answers")
    .option("--verbose", "with --json: with provenance, as verbose=true answers")
    .option("--history <number>", "print its newest events instead, as JSON");
  withNamespace(withData(command)).action(async (text: string, flags: Flags) => {
    const id = parseIdentifier(text, flags.test);
    const folder = dataFolder(flags, context);
    const asked = { ...id, ...readOptions(flags) };
    using outlet = outletFor(context, null);
    const found = await withOperations(context, { folder, access: "read" }, (call) =>
      flags.history === undefined
        ? call("profile", asked, outlet)
        : call("history", { ...id, limit: parseCount(flags.history, "--history", 1_000) }, outlet),
    );
    if (found === null) {
      context.tell(`no profile in ${folder} has that identifier`);
      throw new Exit(exitCodes.failed);
    }
    const isForPeople = asked.view === "whole" && flags.history === undefined;
    // The operation gives this form for this view.
    await context.print(
      isForPeople ? profileText(found as WholeProfile) : `${JSON.stringify(found, null, 2)}\n`,
    );
  });
}

function readOptions(
  flags: Flags,
): Pick<OperationParams<"profile">, "view" | "maxAgeMs" | "atMs" | "traits"> {
  if (flags.verbose === true && flags.json !== true) throw new UsageError("--verbose goes with --json");
  const jsonView = flags.verbose === true ? ("verbose" as const) : ("plain" as const);
  return {
    view: flags.json === true ? jsonView : "whole",
    ...(flags.maxAge === undefined ? {} : { maxAgeMs: maxAgeOf(flags.maxAge) }),
    ...(flags.at === undefined ? {} : { atMs: instantOf(flags.at) }),
    ...(flags.traits === undefined ? {} : { traits: flags.traits.split(",").filter((name) => name !== "") }),
  };
}

function maxAgeOf(text: string): number {
  const durationMs = parseDuration(text);
  if (durationMs === null) throw new UsageError("--max-age: expected a duration such as 15m or 7d");
  return durationMs;
}

function instantOf(text: string): number {
  const timeMs = timeIn(text);
  if (timeMs === null) throw new UsageError("--at: expected a time such as 2026-11-24T09:00:00Z");
  return timeMs;
}
