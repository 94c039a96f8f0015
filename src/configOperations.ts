/** The operations on the configuration of a running server. */
import { ConfigError } from "./config/configError.ts";
import { OperationFailed, type Operations } from "./admin/operation.ts";
import type { LiveConfig } from "./liveConfig.ts";
import type { StoreAdmin } from "./store/storeApi.ts";

/** `path`: of the file that is read. */
export function configOperations(config: LiveConfig, admin: StoreAdmin, path: string): Operations {
  return {
    "config.diff": () => told(() => Promise.resolve(config.difference())),
    "config.plan": (_params, outlet) => told(() => config.plan((share) => outlet.progress(share))),
    "config.apply": ({ by }) => told(() => config.apply(by)),
    "config.history": ({ limit }) => Promise.resolve({ path, versions: admin.configVersions(limit) }),
  };
}

/** A wrong file is the operator's to mend: every problem is said. */
async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ConfigError) throw new OperationFailed(error.lines.join("\n"));
    throw error;
  }
}
