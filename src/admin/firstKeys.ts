/** The keys that a server starts with: those its operator set, and on the first start the ones it makes itself. */
import type { Clock } from "../lib/clock.ts";
import type { Ids } from "../lib/id.ts";
import type { KeyRow } from "../store/messages.ts";
import type { StoreAdmin } from "../store/storeApi.ts";
import { keyFromText, makeKey, specOfText } from "./keyMaking.ts";

/** Where events go whose sender has no name of its own. */
const defaultSource = "default";

export interface OperatorKeys {
  /** From the environment; null where it sets none. */
  readonly writeKey: string | null;
  readonly secretKey: string | null;
  /** From freshet.yaml. */
  readonly sources: readonly {
    readonly name: string;
    readonly trust: "browser" | "server";
    readonly writeKey: string;
  }[];
}

/** Keys made now, to be shown this once. */
export interface ShownKeys {
  readonly writeKey: string | null;
  readonly secretKey: string | null;
}

/** The keys of freshet.yaml; they are in force as long as the file says so and are not stored. */
export function configuredKeys(sources: OperatorKeys["sources"], clock: Clock): readonly KeyRow[] {
  return sources.map(
    ({ name, trust, writeKey }) => keyFromText(writeKey, specOfText(writeKey, name, trust), clock).row,
  );
}

/** The keys of the environment, as they are stored. */
export function operatorKeyRows(
  operator: Pick<OperatorKeys, "writeKey" | "secretKey">,
  clock: Clock,
): readonly KeyRow[] {
  const texts = [operator.writeKey, operator.secretKey].filter((text) => text !== null);
  return texts.map((text) => keyFromText(text, specOfText(text, defaultSource, "server"), clock).row);
}

/** Stores the environment's keys if they are new. */
export async function storeOperatorKeys(
  admin: StoreAdmin,
  operator: Pick<OperatorKeys, "writeKey" | "secretKey">,
  clock: Clock,
): Promise<void> {
  for (const row of operatorKeyRows(operator, clock)) {
    if (!admin.listKeys().some((known) => known.id === row.id)) await admin.createKey(row);
  }
}

/** Stores the environment's keys if they are new; makes a write and a secret key where there is none of the kind. */
export async function ensureFirstKeys(
  admin: StoreAdmin,
  operator: OperatorKeys,
  deps: { readonly ids: Ids; readonly clock: Clock },
): Promise<ShownKeys> {
  await storeOperatorKeys(admin, operator, deps.clock);
  const hasWriteKey = operator.sources.length > 0 || has(admin, "write");
  return {
    writeKey: hasWriteKey ? null : await make(admin, "wk_", deps),
    secretKey: has(admin, "secret") ? null : await make(admin, "sk_", deps),
  };
}

function has(admin: StoreAdmin, kind: "write" | "secret"): boolean {
  return admin.listKeys().some((key) => key.kind === kind);
}

async function make(
  admin: StoreAdmin,
  prefix: "wk_" | "sk_",
  deps: { readonly ids: Ids; readonly clock: Clock },
): Promise<string> {
  const made = makeKey(specOfText(prefix, defaultSource, "server"), deps);
  await admin.createKey(made.row);
  return made.text;
}
