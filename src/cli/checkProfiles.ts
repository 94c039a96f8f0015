/**
 * A hidden command that the server runs as a process of its own after an unclean stop: reads every entry of a
 * profile folder, because a damaged one can end the process that reads it.
 */
import type { Command } from "commander";
import type { CliContext } from "./context.ts";

/** The name under which src/dataStore.ts starts it. */
const checkProfilesCommand = "check-profiles";

export function addCheckProfiles(program: Command, context: CliContext): void {
  program
    .command(`${checkProfilesCommand} <folder>`, { hidden: true })
    .description("read every entry of a profile folder")
    .action(async (folder: string) => {
      const { readAllProfiles } = await import("../store/checkProfiles.ts");
      const { profiles, identifiers } = await readAllProfiles(folder);
      await context.print(`${profiles} profiles, ${identifiers} identifiers\n`);
    });
}
