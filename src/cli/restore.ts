/** `freshet restore`: makes a data folder out of a backup. */
import type { Command } from "commander";
import { systemClock } from "../lib/clock.ts";
import { dataFolder, withData } from "./arguments.ts";
import type { CliContext } from "./context.ts";

export function addRestore(program: Command, context: CliContext): void {
  const command = program
    .command("restore <backup>")
    .description("make a new data folder out of a backup; profiles are rebuilt at the next start");
  withData(command).action(async (backup: string, flags: { readonly data?: string }) => {
    const folder = dataFolder(flags, context);
    const { restoreBackup } = await import("../store/restoreBackup.ts");
    const { rows } = restoreBackup(backup, folder, systemClock);
    await context.print(`restored ${rows} rows into ${folder}\n`);
  });
}
