/** `freshet receipts`: what somebody got, when, and why. */
import type { Command } from "commander";
import type { ReceiptReport } from "../admin/contentReports.ts";
import { levelText, reasonText } from "../esp/content/levelWords.ts";
import { timeIn } from "../model/timeIn.ts";
import { folderPaths } from "../store/folder.ts";
import { dataFolder, parseCount, parseIdentifier, withData, withNamespace } from "./arguments.ts";
import { UsageError, type CliContext } from "./context.ts";
import { outletFor } from "./session.ts";
import { connectSocket } from "./socketClient.ts";

interface ListFlags {
  readonly data?: string;
  readonly test: boolean;
  readonly for?: string;
  readonly block?: string;
  readonly on?: string;
  readonly limit: string;
  readonly json: boolean;
}

interface ShowFlags {
  readonly data?: string;
  readonly json: boolean;
}

const dayMs = 86_400_000;
const maxListed = 1_000;

export function addReceipts(program: Command, context: CliContext): void {
  const receipts = program
    .command("receipts")
    .description("what was sent to whom: receipts of content, from a running server");
  const list = receipts
    .command("list")
    .description("print receipts, the newest first")
    .option("--for <identifier>", "of this person only, such as user_id:42")
    .option("--block <name>", "of this block only")
    .option("--on <day>", "of this day only, such as 2026-11-24 (UTC)")
    .option("--limit <n>", `at most so many, up to ${maxListed}`, "50")
    .option("--json", "print JSON", false);
  withNamespace(withData(list)).action((flags: ListFlags) => printList(flags, context));
  const show = receipts
    .command("show")
    .description("print what was sent, made again from history, and whether it is the same")
    .argument("<receipt>", "its name, such as rcp_0CR9V8T2K01")
    .option("--json", "print JSON", false);
  withData(show).action((receipt: string, flags: ShowFlags) => printOne(receipt, flags, context));
}

async function printList(flags: ListFlags, context: CliContext): Promise<void> {
  const call = await connected(flags, context);
  using outlet = outletFor(context, null);
  const day = flags.on === undefined ? null : dayOf(flags.on);
  const named = flags.for === undefined ? null : parseIdentifier(flags.for, flags.test);
  const found = await call(
    "receipts.list",
    {
      namespace: flags.test ? "test" : "live",
      for: named === null ? null : { type: named.type, value: named.value },
      block: flags.block ?? null,
      fromMs: day ?? 0,
      toMs: day === null ? null : day + dayMs,
      limit: parseCount(flags.limit, "--limit", maxListed),
    },
    outlet,
  );
  if (found === null) throw new UsageError(`nobody has the identifier ${flags.for ?? ""}`);
  if (flags.json) return await context.print(`${JSON.stringify(found, null, 2)}\n`);
  if (found.length === 0) return context.tell("no receipts");
  for (const receipt of found) await context.print(`${lineOf(receipt)}\n`);
}

async function printOne(receipt: string, flags: ShowFlags, context: CliContext): Promise<void> {
  const call = await connected(flags, context);
  using outlet = outletFor(context, null);
  const found = await call("receipts.show", { receipt }, outlet);
  if (found === null) throw new UsageError(`there is no receipt ${receipt}, or it is no longer kept`);
  if (flags.json) return await context.print(`${JSON.stringify(found, null, 2)}\n`);
  const { again } = found;
  context.tell(lineOf(found.receipt));
  for (const [name, { servedFrom, ageMs }] of Object.entries(found.receipt.traits))
    context.tell(`  ${name}: ${levelText(servedFrom)}${ageMs === null ? "" : `, ${ageMs / 1_000} s old`}`);
  if (again.kind === "notPossible") return context.tell(`It can't be made again. ${again.why}`);
  context.tell(
    again.same
      ? "Made again, the same as was sent:"
      : "Made again, but not the same: definitions have changed.",
  );
  await context.print(`${again.html}\n`);
}

async function connected(flags: { readonly data?: string }, context: CliContext) {
  const folder = dataFolder(flags, context);
  const call = await connectSocket(folderPaths(folder).socket);
  if (call === null) throw new UsageError(`no Freshet is running on ${folder}; start it with freshet serve`);
  return call;
}

function dayOf(text: string): number {
  const atMs = /^\d{4}-\d{2}-\d{2}$/.test(text) ? timeIn(`${text}T00:00:00.000Z`) : null;
  if (atMs === null) throw new UsageError("--on: expected a day such as 2026-11-24");
  return atMs;
}

function lineOf({
  receipt,
  at,
  block,
  version,
  profileId,
  servedFrom,
  reason,
  caller,
}: ReceiptReport): string {
  const level = `${levelText(servedFrom)}${reason === null ? "" : ` (${reasonText(reason)})`}`;
  return `${receipt}  ${at}  ${block} ${version}  ${profileId ?? "nobody known"}  ${level}  by ${caller}`;
}
