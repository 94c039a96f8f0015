/** `freshet content-token`: credentials that fit into a URL, for ESPs that can send no header. */
import type { Command } from "commander";
import { parseDuration } from "../lib/duration.ts";
import { folderPaths } from "../store/folder.ts";
import { dataFolder, parseIdentifier, withData, withNamespace } from "./arguments.ts";
import { csvLine } from "../lib/csvLine.ts";
import { UsageError, type CliContext } from "./context.ts";
import { outletFor } from "./session.ts";
import { connectSocket } from "./socketClient.ts";

interface Flags {
  readonly data?: string;
  readonly test: boolean;
  readonly as?: string;
  readonly everybody: boolean;
  readonly all?: string;
  readonly expires?: string;
  readonly key?: string;
  readonly format: string;
  readonly url: boolean;
}

const longestExpiryMs = 10 * 366 * 86_400_000;
/** Lines are gathered up to this much before they are written. */
const chunkLength = 64 * 1024;

export function addContentToken(program: Command, context: CliContext): void {
  const command = program
    .command("content-token")
    .description("make a token, or a signed link, that opens content blocks without a header")
    .argument("<blocks>", "the blocks that it opens, comma-separated")
    .option("--as <identifier>", "for this profile, such as user_id:42")
    .option("--everybody", "for nobody in particular, such as a feed that all recipients share", false)
    .option("--all <idType>", "a line for every profile that has such an identifier, such as email")
    .option(
      "--expires <duration>",
      "a signed link to one block that ends then, instead of a token that does not",
    )
    .option("--key <keyId>", "secret key that signs; when it is revoked, all that it signed ends")
    .option("--format <format>", "of --all: csv or ndjson", "csv")
    .option("--url", "print the whole address of the first block", false);
  withNamespace(withData(command)).action(async (list: string, flags: Flags) => {
    const blocks = blocksIn(list);
    checkFlags(flags, blocks);
    const folder = dataFolder(flags, context);
    const call = await connectSocket(folderPaths(folder).socket);
    if (call === null)
      throw new UsageError(`no Freshet is running on ${folder}; start it with freshet serve`);
    const base = { namespace: flags.test ? "test" : "live", keyId: flags.key ?? null } as const;
    if (flags.all !== undefined) return printAll(flags.all);
    using outlet = outletFor(context, null);
    const as = flags.as === undefined ? null : parseIdentifier(flags.as, flags.test);
    if (flags.expires !== undefined) {
      const link = {
        ...base,
        block: blocks[0] ?? "",
        id: flags.as ?? null,
        expiresInMs: expiryOf(flags.expires),
      };
      await context.print(`${(await call("content.link", link, outlet)).url}\n`);
      return;
    }
    const named = as === null ? null : { type: as.type, value: as.value };
    const made = await call("content.token", { ...base, blocks, as: named }, outlet);
    await context.print(`${flags.url ? made.url : made.token}\n`);
    context.tell(`signed with ${made.keyId}: it ends when that key is revoked`);

    async function printAll(idType: string): Promise<void> {
      const isCsv = flags.format === "csv";
      let held = isCsv ? csvLine([idType, "freshet_token"]) : "";
      const onItem = async (item: unknown) => {
        const { id, token } = item as { readonly id: string; readonly token: string };
        held += isCsv ? csvLine([id, token]) : `${JSON.stringify({ [idType]: id, freshet_token: token })}\n`;
        if (held.length < chunkLength) return;
        const chunk = held;
        held = "";
        await context.print(chunk);
      };
      using lines = outletFor(context, null, onItem);
      const done = await call?.("content.tokens", { ...base, blocks, idType }, lines);
      await context.print(held);
      context.tell(
        `${done?.count ?? 0} profiles; signed with ${done?.keyId ?? ""}: all end when that key is revoked`,
      );
    }
  });
}

function blocksIn(list: string): string[] {
  const blocks = list.split(",").map((name) => name.trim());
  if (!blocks.every((name) => /^[a-z0-9][a-z0-9_-]{0,63}$/.test(name)) || blocks.length > 32)
    throw new UsageError("expected at most 32 names of blocks such as cart-reminder");
  return blocks;
}

function checkFlags(flags: Flags, blocks: readonly string[]): void {
  const chosen = [flags.as !== undefined, flags.everybody, flags.all !== undefined].filter(Boolean).length;
  if (chosen !== 1) throw new UsageError("for whom? one of --as, --everybody and --all");
  if (flags.format !== "csv" && flags.format !== "ndjson")
    throw new UsageError("--format: expected csv or ndjson");
  if (flags.expires === undefined) return;
  if (flags.all !== undefined)
    throw new UsageError("--expires: a signed link is made for one, not with --all");
  if (blocks.length > 1) throw new UsageError("--expires: a signed link opens one block");
}

function expiryOf(text: string): number {
  const durationMs = parseDuration(text);
  if (durationMs === null || durationMs < 1_000 || durationMs > longestExpiryMs)
    throw new UsageError("--expires: expected a duration such as 24h or 30d");
  return durationMs;
}
