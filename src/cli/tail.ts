/** `freshet tail`: changes as they happen, one JSON line each. */
import type { Command } from "commander";
import { dataFolder, parseCount, withData, withNamespace } from "./arguments.ts";
import { Exit, exitCodes, UsageError, type CliContext } from "./context.ts";
import { folderPaths } from "../store/folder.ts";
import { servedElsewhere } from "./folderWords.ts";
import { outletFor } from "./session.ts";
import { connectSocket } from "./socketClient.ts";

interface Flags {
  readonly data?: string;
  readonly test: boolean;
  readonly from?: string;
  readonly limit?: string;
  readonly follow: boolean;
}

export function addTail(program: Command, context: CliContext): void {
  const command = program
    .command("tail")
    .description("print changes of a running server as JSON lines")
    .option("--from <cursor>", "begin behind this cursor, or at earliest (default: now)")
    .option("--limit <number>", "end after so many changes")
    .option("--no-follow", "end at the newest change instead of waiting for more");
  withNamespace(withData(command)).action(async (flags: Flags) => {
    const folder = dataFolder(flags, context);
    const limit = flags.limit === undefined ? null : parseCount(flags.limit, "--limit", 1e12);
    const call = await connectSocket(folderPaths(folder).socket);
    if (call === null)
      throw new UsageError(
        `no Freshet is running on ${folder}; start it with freshet serve.${await servedElsewhere(folder)}`,
      );
    using outlet = outletFor(context, null, (change) => context.print(`${JSON.stringify(change)}\n`));
    try {
      await call(
        "tail",
        { namespace: flags.test ? "test" : "live", from: flags.from ?? null, follow: flags.follow, limit },
        outlet,
      );
    } catch (error) {
      // Ctrl-C is how one ends watching.
      if (context.interrupted.aborted) throw new Exit(exitCodes.ok);
      throw error;
    }
  });
}
