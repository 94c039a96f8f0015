/** Arguments that several commands share. */
import type { Command } from "commander";
import { loadDataFolder } from "../config/settings.ts";
import type { CliContext } from "./context.ts";
import { UsageError } from "./context.ts";

export interface Identified {
  readonly namespace: "live" | "test";
  readonly type: string;
  readonly value: string;
}

/** Adds `--data`, which every command has. */
export function withData(command: Command): Command {
  return command.option(
    "--data <folder>",
    "folder that holds everything Freshet keeps (env: FRESHET_DATA, default: ./data)",
  );
}

/** Adds `--test`, for commands that look at identifiers or events. */
export function withNamespace(command: Command): Command {
  return command.option("--test", "test data instead of live data", false);
}

/** The data folder that flags and environment name. */
export function dataFolder(flags: { readonly data?: string }, context: CliContext): string {
  return loadDataFolder(flags.data === undefined ? {} : { data: flags.data }, context.environment);
}

/** Splits `user_id:42` at the first colon. */
export function parseIdentifier(text: string, isTest: boolean): Identified {
  const colon = text.indexOf(":");
  const type = text.slice(0, colon);
  const value = text.slice(colon + 1);
  if (colon < 1 || value === "" || !/^[a-z][a-z0-9_]{0,63}$/.test(type))
    throw new UsageError("expected an identifier such as user_id:42 or email:ann@example.com");
  return { namespace: isTest ? "test" : "live", type, value };
}

/** A whole number given as an argument. */
export function parseCount(text: string, name: string, max: number): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= 1 && count <= max))
    throw new UsageError(`${name}: expected a whole number from 1 to ${max}`);
  return count;
}
