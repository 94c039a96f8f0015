/** The settings of the server, with every type of destination there is. */
import type { BuiltInFile } from "../config/configFile.ts";
import type { Environment } from "../config/environment.ts";
import { loadServeSettings, type Flags, type ServeSettings } from "../config/settings.ts";
import { destinationTypes } from "../esp/destinations/catalogue.ts";

/** Throws ConfigError. `instead`: a text in the file's place. */
export function loadSettings(
  flags: Flags,
  environment: Environment,
  builtIn: BuiltInFile | null = null,
  instead?: string,
): ServeSettings {
  return loadServeSettings(flags, environment, builtIn, instead, destinationTypes);
}
