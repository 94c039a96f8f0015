/** `freshet profile`: what is known under an identifier. */
import type { Command } from "commander";
import { dataFolder, parseCount, parseIdentifier, withData, withNamespace } from "./arguments.ts";
import { Exit, exitCodes, type CliContext } from "./context.ts";
import { outletFor, withOperations } from "./session.ts";

interface Flags {
  readonly data?: string;
  readonly test: boolean;
  readonly history?: string;
}

export function addProfile(program: Command, context: CliContext): void {
  const command = program
    .command("profile <identifier>")
    .description("print the profile of an identifier such as user_id:42 as JSON")
    .option("--history <number>", "print its newest events instead");
  withNamespace(withData(command)).action(async (text: string, flags: Flags) => {
    const id = parseIdentifier(text, flags.test);
    const folder = dataFolder(flags, context);
    using outlet = outletFor(context, null);
    const found = await withOperations(context, { folder, access: "read" }, (call) =>
      flags.history === undefined
        ? call("profile", id, outlet)
        : call("history", { ...id, limit: parseCount(flags.history, "--history", 1_000) }, outlet),
    );
    if (found === null) {
      context.tell(`no profile in ${folder} has that identifier`);
      throw new Exit(exitCodes.failed);
    }
    await context.print(`${JSON.stringify(found, null, 2)}\n`);
  });
}
