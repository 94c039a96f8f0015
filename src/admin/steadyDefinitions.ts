/** Reading all profiles under the same definitions. */
import type { Profiles } from "../store/profiles.ts";
import { OperationFailed } from "./operation.ts";

/** Throws OperationFailed when others are in use: what was read until then can't stand beside what comes. */
export function checkDefinitions(profiles: Profiles, definitions: Profiles["definitions"]): void {
  if (profiles.definitions !== definitions)
    throw new OperationFailed("the definitions changed while all profiles were read; run it again");
}
