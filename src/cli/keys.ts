/** `freshet keys`: makes, lists and revokes API keys. */
import type { Command } from "commander";
import { areLimitsKept } from "../admin/keyLimits.ts";
import type { KeyReport, OperationParams } from "../admin/operation.ts";
import { scopes as allScopes, type Scope } from "../model/key.ts";
import { folderPaths } from "../store/folder.ts";
import { dataFolder, withData } from "./arguments.ts";
import { Exit, exitCodes, UsageError, type CliContext } from "./context.ts";
import { outletFor, withOperations } from "./session.ts";
import { connectSocket } from "./socketClient.ts";

interface CreateFlags {
  readonly data?: string;
  readonly kind: string;
  readonly source: string;
  readonly trust: string;
  readonly scopes?: string;
  readonly traits?: string;
  readonly blocks?: string;
  readonly idTypes?: string;
  readonly test: boolean;
  readonly json: boolean;
}

export function addKeys(program: Command, context: CliContext): void {
  const keys = program.command("keys").description("make, list and revoke API keys");
  addCreate(keys, context);
  addList(keys, context);
  addRevoke(keys, context);
  addRotateSigning(keys, context);
}

function addCreate(keys: Command, context: CliContext): void {
  const command = keys
    .command("create")
    .description("make a key and print it, once")
    .option("--kind <kind>", "write (wk_…, for sending events) or secret (sk_…, for reading too)", "write")
    .option("--source <name>", "source that its events belong to", "default")
    .option("--trust <trust>", "server, or browser for keys that stand in a page", "server")
    .option("--scopes <list>", `what a secret key may do, of ${allScopes.join(", ")} (default: all)`)
    .option("--traits <list>", "top-level traits that a secret key may read (default: all)")
    .option("--blocks <list>", "content blocks that a secret key opens (default: all)")
    .option(
      "--id-types <list>",
      "identifiers that a secret key may look people up by, such as email_sha256 (default: all)",
    )
    .option("--test", "a key for test data", false)
    .option("--json", "print JSON", false);
  withData(command).action(async (flags: CreateFlags) => {
    const spec = specOf(flags);
    using outlet = outletFor(context, null);
    const made = await withOperations(
      context,
      { folder: dataFolder(flags, context), access: "write", mayCreate: true },
      (call) => call("keys.create", spec, outlet),
    );
    await context.print(flags.json ? `${JSON.stringify(made)}\n` : `${made.key}\n`);
    if (!flags.json && spec.kind === "secret")
      context.tell("This is the only time the key is shown: only its hash is kept.");
  });
}

function addList(keys: Command, context: CliContext): void {
  const command = keys
    .command("list")
    .description("list keys, without their secrets")
    .option("--json", "print JSON", false);
  withData(command).action(async (flags: { readonly data?: string; readonly json: boolean }) => {
    using outlet = outletFor(context, null);
    const found = await withOperations(
      context,
      { folder: dataFolder(flags, context), access: "read" },
      (call) => call("keys.list", {}, outlet),
    );
    await context.print(flags.json ? `${JSON.stringify(found)}\n` : table(found));
  });
}

function addRevoke(keys: Command, context: CliContext): void {
  const command = keys.command("revoke <keyId>").description("revoke a key at once; it can't be undone");
  withData(command).action(async (id: string, flags: { readonly data?: string }) => {
    using outlet = outletFor(context, null);
    const revoked = await withOperations(
      context,
      { folder: dataFolder(flags, context), access: "write" },
      (call) => call("keys.revoke", { id }, outlet),
    );
    context.tell(
      revoked ? `${id} is revoked` : "no key in force has that id; `freshet keys list` shows them",
    );
    if (!revoked) throw new Exit(exitCodes.failed);
  });
}

function addRotateSigning(keys: Command, context: CliContext): void {
  const command = keys
    .command("rotate-signing")
    .description("sign access tokens with a new key from now on")
    .option("--drop-others", "tokens that were signed before end at once", false);
  withData(command).action(async (flags: { readonly data?: string; readonly dropOthers: boolean }) => {
    const folder = dataFolder(flags, context);
    const call = await connectSocket(folderPaths(folder).socket);
    if (call === null)
      throw new UsageError(`no Freshet is running on ${folder}; start it with freshet serve`);
    using outlet = outletFor(context, null);
    const { kid } = await call("keys.rotateSigning", { dropsOthers: flags.dropOthers }, outlet);
    context.tell(`tokens are signed with ${kid} now`);
  });
}

function specOf(flags: CreateFlags): OperationParams<"keys.create"> {
  const { kind, trust, source } = flags;
  if (kind !== "write" && kind !== "secret") throw new UsageError("--kind: expected write or secret");
  if (trust !== "server" && trust !== "browser") throw new UsageError("--trust: expected server or browser");
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(source))
    throw new UsageError("--source: expected a name of at most 64 letters, digits, _ . -");
  if (kind === "write" && flags.scopes !== undefined)
    throw new UsageError("--scopes: a write key can only write");
  if (kind === "write" && flags.traits !== undefined)
    throw new UsageError("--traits: a write key reads nothing");
  if (kind === "write" && (flags.blocks ?? flags.idTypes) !== undefined)
    throw new UsageError("--blocks and --id-types: a write key reads nothing");
  const scopes = scopesOf(flags);
  const blocks = flags.blocks === undefined ? null : listOf(flags.blocks);
  const idTypes = flags.idTypes === undefined ? null : listOf(flags.idTypes);
  if (!areLimitsKept({ scopes, blocks, idTypes }))
    throw new UsageError(
      "--scopes: a key with --blocks has the scope content alone, one with --id-types read and content at most",
    );
  return {
    kind,
    namespace: flags.test ? "test" : "live",
    source,
    trust,
    scopes,
    readableTraits: flags.traits === undefined ? null : listOf(flags.traits),
    blocks,
    idTypes,
  };
}

/** A key with limits that hold for reading and content alone may do those alone, unless it is said otherwise. */
function scopesOf(flags: CreateFlags): Scope[] {
  if (flags.scopes !== undefined) return listOf(flags.scopes).map(scopeOf);
  if (flags.blocks !== undefined) return ["content"];
  return flags.idTypes === undefined ? [...allScopes] : ["read", "content"];
}

function scopeOf(name: string): Scope {
  const scope = allScopes.find((known) => known === name);
  if (scope === undefined) throw new UsageError(`--scopes: expected names of ${allScopes.join(", ")}`);
  return scope;
}

function listOf(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function table(keys: readonly KeyReport[]): string {
  const rows = keys.map((key) => [
    key.id,
    key.kind,
    key.namespace,
    key.source,
    key.trust,
    key.scopes.join(","),
    traitsOf(key),
    stateOf(key),
  ]);
  const all = [["id", "kind", "data", "source", "trust", "scopes", "reads", "state"], ...rows];
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

/** The traits that a key may read, beside its scopes. */
function traitsOf({ kind, readableTraits, blocks, idTypes }: KeyReport): string {
  if (kind === "write") return "-";
  const traits = readableTraits === null ? "all traits" : readableTraits.join(",") || "no traits";
  return [
    traits,
    ...(blocks === null ? [] : [`blocks ${blocks.join(",")}`]),
    ...(idTypes === null ? [] : [`by ${idTypes.join(",")}`]),
  ].join("; ");
}

function stateOf(key: KeyReport): string {
  if (key.revokedAt !== null) return `revoked ${key.revokedAt}`;
  return key.configured ? "given at the start" : `made ${key.createdAt}`;
}
