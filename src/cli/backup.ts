/** `freshet backup`: copies the journal. */
import { resolve } from "node:path";
import type { Command } from "commander";
import { dataFolder, withData } from "./arguments.ts";
import type { CliContext } from "./context.ts";
import { outletFor, withOperations } from "./session.ts";

export function addBackup(program: Command, context: CliContext): void {
  const command = program
    .command("backup <folder>")
    .description("copy the journal into an empty folder, also while the server writes");
  withData(command).action(async (target: string, flags: { readonly data?: string }) => {
    using outlet = outletFor(context, null);
    const made = await withOperations(
      context,
      { folder: dataFolder(flags, context), access: "write" },
      (call) => call("backup", { target: resolve(target) }, outlet),
    );
    await context.print(`backup: ${made.path}\n`);
  });
}
