/** `freshet verify`: is everything as the journal says? */
import type { Command } from "commander";
import { dataFolder, withData } from "./arguments.ts";
import { Exit, exitCodes, type CliContext } from "./context.ts";
import { outletFor, withOperations } from "./session.ts";

interface Flags {
  readonly data?: string;
  readonly json: boolean;
}

export function addVerify(program: Command, context: CliContext): void {
  const command = program
    .command("verify")
    .description("check every row of the journal, and that a rebuild would give the same profiles")
    .option("--json", "print JSON", false);
  withData(command).action(async (flags: Flags) => {
    const report = await withOperations(
      context,
      { folder: dataFolder(flags, context), access: "read" },
      async (call) => {
        using outlet = outletFor(context, "verify");
        return await call("verify", {}, outlet);
      },
    );
    if (flags.json) await context.print(`${JSON.stringify(report)}\n`);
    else {
      for (const problem of report.problems) context.tell(problem);
      const verdict = report.problems.length === 0 ? "sound" : "NOT sound";
      await context.print(
        `${verdict}: ${report.rows} rows, ${report.profiles} profiles compared up to seq ${report.watermark}\n`,
      );
    }
    if (report.problems.length > 0) throw new Exit(exitCodes.folder);
  });
}
