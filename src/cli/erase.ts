/** `freshet erase`: removes a person. */
import type { Command } from "commander";
import { dataFolder, parseIdentifier, withData, withNamespace } from "./arguments.ts";
import { Exit, exitCodes, type CliContext } from "./context.ts";
import { outletFor, withOperations } from "./session.ts";

interface Flags {
  readonly data?: string;
  readonly test: boolean;
  readonly json: boolean;
}

export function addErase(program: Command, context: CliContext): void {
  const command = program
    .command("erase <identifier>")
    .description("erase the profile of an identifier and every text of its events, for good")
    .option("--json", "print JSON", false);
  withNamespace(withData(command)).action(async (text: string, flags: Flags) => {
    const id = parseIdentifier(text, flags.test);
    const folder = dataFolder(flags, context);
    using outlet = outletFor(context, "waiting for profiles");
    const erased = await withOperations(context, { folder, access: "write" }, async (call) => {
      const done = await call("erase", id, outlet);
      // Also where nobody is left to erase: the process may have died in between the last time.
      await call("compact", {}, outlet);
      return done;
    });
    if (flags.json) await context.print(`${JSON.stringify(erased)}\n`);
    if (erased === null) {
      context.tell(`no profile in ${folder} has that identifier`);
      throw new Exit(exitCodes.failed);
    }
    if (!flags.json)
      await context.print(
        `erased: ${erased.events} events, ${erased.identifiers} identifiers, ${erased.quarantined} pieces in quarantine\n`,
      );
  });
}
