/** `freshet demo`: the server with a small shop before it, in a data folder of its own. */
import type { Command } from "commander";
import { serveOptions } from "../config/serveOptions.ts";
import type { BuiltInFile } from "../config/configFile.ts";
import type { Flags } from "../config/settings.ts";
import { loadSettings } from "./loadSettings.ts";
import { Exit, type CliContext } from "./context.ts";
import demoYaml from "../../public/demo/freshet.yaml" with { type: "text" };
import { demoFolder } from "./demoFolder.ts";
import { addOptions } from "./serve.ts";

/** What differs from `serve`: beside its folder, so that neither is mistaken for the other, and a quiet terminal. */
const demoDefaults: Readonly<Record<string, string>> = { data: "./demo-data", logLevel: "warn" };
/** What its shop and its e-mail are made for; the page shows it to whoever wants to read it. */
const ownConfig: BuiltInFile = { name: "the demo's freshet.yaml", text: demoYaml };

export function addDemo(program: Command, context: CliContext): void {
  const command = program
    .command("demo")
    .description("run the server with a demo shop at /demo, in a data folder of its own");
  addOptions(
    command,
    serveOptions.map((option) => ({
      ...option,
      defaultValue: option.key === "config" ? "its own" : (demoDefaults[option.key] ?? option.defaultValue),
    })),
  );
  command.action(async (flags: Flags) => {
    const given = { ...unsaid(context), ...flags };
    const environment = { ...context.environment, ...demoFolder(given, context.environment) };
    const load = (text?: string) => loadSettings(given, environment, ownConfig, text);
    const { runServer } = await import("./runServer.ts");
    throw new Exit(await runServer(load, context, { demo: true }));
  });
}

/** The demo's defaults, but for those that a variable sets. */
function unsaid({ environment }: CliContext): Flags {
  const entries = Object.entries(demoDefaults).filter(([key]) => {
    const option = serveOptions.find((one) => one.key === key);
    return (environment[option?.env ?? ""] ?? "") === "";
  });
  return Object.fromEntries(entries);
}
