/** `freshet triggers`: what each did, and why somebody was sent something or was not. */
import type { Command } from "commander";
import type { CallOperation, Outlet } from "../admin/operation.ts";
import type { TriggerReport } from "../admin/triggerParams.ts";
import { folderPaths } from "../store/folder.ts";
import type { TriggerEntry } from "../store/ops/triggerTable.ts";
import { dataFolder, parseCount, parseIdentifier, withData, withNamespace } from "./arguments.ts";
import { UsageError, type CliContext } from "./context.ts";
import { servedElsewhere } from "./folderWords.ts";
import { outletFor } from "./session.ts";
import { connectSocket } from "./socketClient.ts";

interface Flags {
  readonly data?: string;
  readonly test: boolean;
  readonly json: boolean;
  readonly days: string;
  readonly limit: string;
  readonly for?: string;
}

export function addTriggers(program: Command, context: CliContext): void {
  const triggers = program
    .command("triggers")
    .description("messages that are sent when something happens: what each did, and why");
  const list = triggers
    .command("list")
    .description("print every trigger with what it did, and what it was good for against who was held out")
    .option("--days <n>", "of so many days, up to 180", "30")
    .option("--json", "print JSON", false);
  withData(list).action(async (flags: Flags) => {
    const days = parseCount(flags.days, "--days", 180);
    const found = await asked(flags, context, (call, outlet) => call("triggers.list", { days }, outlet));
    if (flags.json) return context.print(`${JSON.stringify(found, null, 2)}\n`);
    if (found.length === 0) context.tell("freshet.yaml names no triggers");
    for (const one of found) await context.print(`${reportLines(one).join("\n")}\n`);
  });
  const log = triggers
    .command("log")
    .description("print why somebody was sent something or was not, or the newest of a trigger")
    .argument("[trigger]", "the newest of this trigger")
    .option("--for <identifier>", "of this person, such as user_id:42")
    .option("--limit <n>", "at most so many, up to 1000", "50")
    .option("--json", "print JSON", false);
  withNamespace(withData(log)).action(async (trigger: string | undefined, flags: Flags) => {
    const limit = parseCount(flags.limit, "--limit", 1_000);
    const of = ofWhom(trigger, flags);
    const namespace = flags.test ? "test" : "live";
    const found = await asked(flags, context, (call, outlet) =>
      call("triggers.log", { namespace, of, limit }, outlet),
    );
    if (found === null) throw new UsageError(`nobody has the identifier ${flags.for ?? ""}`);
    if (flags.json) return context.print(`${JSON.stringify(found, null, 2)}\n`);
    if (found.length === 0) context.tell("nothing was set off");
    for (const entry of found) await context.print(`${entryLine(entry)}\n`);
  });
}

function ofWhom(trigger: string | undefined, flags: Flags) {
  if ((trigger === undefined) === (flags.for === undefined))
    throw new UsageError("name a trigger, or a person with --for user_id:42");
  if (trigger !== undefined) return { trigger };
  const { type, value } = parseIdentifier(flags.for ?? "", flags.test);
  return { type, value };
}

function reportLines({ trigger, words, outcomes, reasons, lift, holdout, goal }: TriggerReport): string[] {
  const counts = Object.entries(outcomes).map(([outcome, count]) => `${count} ${outcome.replace("_", " ")}`);
  const lines = [
    `${trigger}: ${words ?? "freshet.yaml names it no more"}`,
    `  ${counts.length === 0 ? "never set off" : counts.join(", ")}`,
  ];
  if (reasons.length > 0)
    lines.push(`  not sent: ${reasons.map(({ reason, count }) => `${reason} ${count}`).join(", ")}`);
  if (goal !== null)
    lines.push(
      `  ${goal}: ${rate(lift.sent)} of who was sent it${holdout === 0 ? "" : `, ${rate(lift.held_out)} of who was held out`}`,
    );
  return lines;
}

function rate({ people, reached }: { readonly people: number; readonly reached: number }): string {
  return people === 0 ? "nobody" : `${((reached / people) * 100).toFixed(1)} % (${reached} of ${people})`;
}

function entryLine({ trigger, profile, atMs, outcome, reason, settledMs, receipt }: TriggerEntry): string {
  const settled = settledMs === null ? "" : ` ${new Date(settledMs).toISOString()}`;
  const why = reason === null ? "" : ` (${reason})`;
  return `${new Date(atMs).toISOString()}  ${trigger}  ${profile}  ${outcome}${settled}${why}${receipt === null ? "" : `  ${receipt}`}`;
}

async function asked<Result>(
  flags: { readonly data?: string },
  context: CliContext,
  ask: (call: CallOperation, outlet: Outlet) => Promise<Result>,
): Promise<Result> {
  const folder = dataFolder(flags, context);
  const call = await connectSocket(folderPaths(folder).socket);
  if (call === null)
    throw new UsageError(`no Freshet is running on ${folder}.${await servedElsewhere(folder)}`);
  using outlet = outletFor(context, null);
  return await ask(call, outlet);
}
