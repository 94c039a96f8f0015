/** `freshet rebuild`: makes the profiles anew. */
import type { Command } from "commander";
import { dataFolder, withData } from "./arguments.ts";
import type { CliContext } from "./context.ts";
import { outletFor, withOperations } from "./session.ts";

export function addRebuild(program: Command, context: CliContext): void {
  const command = program
    .command("rebuild")
    .description("make all profiles anew from the journal, beside the service if it runs");
  withData(command).action(async (flags: { readonly data?: string }) => {
    await withOperations(context, { folder: dataFolder(flags, context), access: "write" }, async (call) => {
      using outlet = outletFor(context, "rebuild");
      await call("rebuild", {}, outlet);
    });
    await context.print("rebuilt\n");
  });
}
