/** Writes an act down before it is done, and how it ended after. */
import { Refusal } from "../../errors.ts";
import type { Clock } from "../../lib/clock.ts";
import type { AuditLog } from "../../store/ops/audit.ts";
import { OpsFailed } from "../../store/ops/opsDesk.ts";
import type { CallOperation, OperationName, OperationParams } from "../operation.ts";

/** Who acts. */
export interface Actor {
  readonly actor: string | null;
  readonly address: string | null;
}

export interface AuditDeps {
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** An act by name, and what it is done to. */
export interface Act {
  readonly action: string;
  readonly target: string | null;
}

/**
 * Does an act that is written down first; where that is impossible, it is not done. `detailOf` says what of the result
 * is worth keeping. Throws Refusal disk_full, or what the act throws.
 */
export async function audited<Result>(
  act: Act,
  actor: Actor,
  deps: AuditDeps,
  run: () => Promise<Result>,
  detailOf: (result: Result) => unknown = () => null,
): Promise<Result> {
  const { audit, clock } = deps;
  const entry = await kept(
    audit.write({ atMs: clock.nowMs(), ...actorOf(actor), ...act, detail: null }, "begun"),
  );
  let result: Result;
  try {
    result = await run();
  } catch (error) {
    await kept(audit.end(entry, "failed", { why: error instanceof Refusal ? error.code : "an error" }));
    throw error;
  }
  await kept(audit.end(entry, "done", detailOf(result)));
  return result;
}

/** Only these two: a visitor is more than what is kept of him. */
function actorOf({ actor, address }: Actor): Actor {
  return { actor, address };
}

/** Tells a full disk as what it is. Throws Refusal disk_full. */
export async function kept<Value>(writing: Promise<Value>): Promise<Value> {
  try {
    return await writing;
  } catch (error) {
    if (error instanceof OpsFailed && error.failure === "full")
      throw new Refusal("disk_full", { detail: "The act could not be written down, so it was not done." });
    throw error;
  }
}

/** Operations that change something or give much away, and what is kept of their target; undefined: this time it is not. */
const recorded: { readonly [Name in OperationName]?: (params: never) => string | null | undefined } = {
  "keys.create": ({ kind, source }: { kind: string; source: string }) => `${kind} key of ${source}`,
  "keys.revoke": ({ id }: { id: string }) => id,
  "content.tokens": ({ namespace, idType }: { namespace: string; idType: string }) =>
    `${namespace} by ${idType}`,
  "keys.rotateSigning": () => null,
  export: ({ namespace, what }: { namespace: string; what: string }) => `${namespace} ${what}`,
  erase: ({ namespace, type }: { namespace: string; type: string }) => `${namespace} profile by ${type}`,
  "audits.run": () => null,
  "content.send": ({ block, through }: { block: string; through: string }) => `${block} through ${through}`,
  backup: ({ target }: { target: string }) => target,
  "config.apply": ({ by }: { by: string }) => by,
  "quarantine.mend": ({ dryRun, code, source, ids }: OperationParams<"quarantine.mend">) =>
    dryRun ? undefined : ids === null ? `${code} from ${source}` : `${ids.length} pieces`,
  "destinations.pause": ({ name, isPaused }: OperationParams<"destinations.pause">) =>
    `${isPaused ? "pause" : "resume"} ${name}`,
  "destinations.replay": ({ name }: { name: string }) => name,
  "destinations.discard": ({ name }: { name: string }) => name,
  "destinations.refill": ({ name }: { name: string }) => name,
  "destinations.forget": ({ name }: { name: string }) => name,
  "destinations.drift": ({ name, repair }: OperationParams<"destinations.drift">) =>
    repair ? name : undefined,
  compact: () => null,
  verify: () => null,
  rebuild: () => null,
};

/** What the audit log says of the target of an operation; null: it has none. */
export function targetOf<Name extends OperationName>(
  name: Name,
  params: OperationParams<Name>,
): string | null {
  return recorded[name]?.(params as never) ?? null;
}

/** The name of an operation in the audit log. */
const actionNames: { readonly [Name in OperationName]?: string } = {
  "keys.create": "key.create",
  "keys.revoke": "key.revoke",
  "keys.rotateSigning": "key.rotateSigning",
  "content.tokens": "content.tokens",
};

/**
 * Operations through the socket, written down. Whoever holds the socket holds the files: an act that can't be written
 * down, on a full disk for example, which one of these acts may be about to empty, is done and told to the log.
 */
export function auditedCall(
  call: CallOperation,
  actor: Actor,
  deps: AuditDeps & { readonly onLost: () => void },
): CallOperation {
  const { audit, clock, onLost } = deps;
  return async (name, params, outlet) => {
    const target = recorded[name]?.(params as never);
    if (target === undefined) return call(name, params, outlet);
    const act = { action: actionNames[name] ?? name, target };
    const entry = await audit
      .write({ atMs: clock.nowMs(), ...actor, ...act, detail: null }, "begun")
      .catch(() => null);
    if (entry === null) onLost();
    const end = (outcome: "done" | "failed") =>
      entry === null ? Promise.resolve() : audit.end(entry, outcome, null).catch(onLost);
    try {
      const result = await call(name, params, outlet);
      await end("done");
      return result;
    } catch (error) {
      await end("failed");
      throw error;
    }
  };
}
