/** `freshet serve`: runs the server until it is told to stop. */
import { Option, type Command } from "commander";
import { serveOptions } from "../config/serveOptions.ts";
import type { Option as OptionWords } from "../config/option.ts";
import { loadSettings } from "./loadSettings.ts";
import { Exit, type CliContext } from "./context.ts";

/** Adds the command; its options come from the schema. */
export function addServe(program: Command, context: CliContext): void {
  const command = program.command("serve").description("run the server");
  addOptions(command, serveOptions);
  command.action(async (flags: Record<string, unknown>) => {
    const load = (text?: string) => loadSettings(flags, context.environment, null, text);
    const { runServer } = await import("./runServer.ts");
    throw new Exit(await runServer(load, context, { demo: false }));
  });
}

/** Gives a command options of the schema. */
export function addOptions(command: Command, options: readonly OptionWords[]): void {
  for (const option of options) command.addOption(flagOf(option));
}

function flagOf(words: OptionWords): Option {
  const repeatable = words.reading === "list";
  const option = new Option(
    `${words.flag} <${words.placeholder}>`,
    `${words.description} (env: ${words.env}${defaultText(words)})`,
  );
  if (repeatable)
    option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  return option;
}

function defaultText({ defaultValue }: OptionWords): string {
  if (Array.isArray(defaultValue)) return "";
  return `, default: ${String(defaultValue)}`;
}
