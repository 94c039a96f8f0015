/** `freshet export`: profiles, or the events themselves, as JSON lines. */
import type { Command } from "commander";
import { dataFolder, withData, withNamespace } from "./arguments.ts";
import { UsageError, type CliContext } from "./context.ts";
import { outletFor, withOperations } from "./session.ts";

interface Flags {
  readonly data?: string;
  readonly test: boolean;
  readonly what: string;
}

/** Lines are gathered up to this much before they are written. */
const chunkLength = 64 * 1024;

export function addExport(program: Command, context: CliContext): void {
  const command = program
    .command("export")
    .description("print all profiles, or all events in the form that import takes, as JSON lines")
    .option("--what <what>", "profiles or events", "profiles");
  withNamespace(withData(command)).action(async (flags: Flags) => {
    const { what } = flags;
    if (what !== "profiles" && what !== "events") throw new UsageError("--what: expected profiles or events");
    let held = "";
    const onItem = async (item: unknown) => {
      held += `${JSON.stringify(item)}\n`;
      if (held.length < chunkLength) return;
      const chunk = held;
      held = "";
      await context.print(chunk);
    };
    const done = await withOperations(
      context,
      { folder: dataFolder(flags, context), access: "read" },
      async (call) => {
        using outlet = outletFor(context, null, onItem);
        return await call("export", { namespace: flags.test ? "test" : "live", what }, outlet);
      },
    );
    await context.print(held);
    context.tell(`${done.count} ${what}`);
  });
}
