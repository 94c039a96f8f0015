/** `freshet config`: the configuration file's schema, and a check of one without starting anything. */
import type { Command } from "commander";
import { configJsonSchema } from "../config/jsonSchema.ts";
import { loadSettings } from "./loadSettings.ts";
import { addLiveConfig } from "./liveConfig.ts";
import type { CliContext } from "./context.ts";

export function addConfig(program: Command, context: CliContext): void {
  const config = program
    .command("config")
    .description("the configuration file: check it, see what it would change, apply it at work");
  addLiveConfig(config, context);
  config
    .command("schema")
    .description("print the JSON Schema of freshet.yaml")
    .action(async () => {
      await context.print(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    });
  config
    .command("check")
    .description("check freshet.yaml and the environment without starting")
    .option("--config <file>", "configuration file (env: FRESHET_CONFIG, default: ./freshet.yaml)")
    .action(async (flags: { readonly config?: string }) => {
      const settings = loadSettings(
        flags.config === undefined ? {} : { config: flags.config },
        context.environment,
      );
      await context.print(
        `good: ${settings.sources.length} sources, listening would be on ${settings.host}:${settings.port}\n`,
      );
    });
}
