/** `freshet audit`: look at the data now, what was found, earlier runs. */
import type { Command } from "commander";
import type { AuditRunAnswer, FindingAnswer, RunAnswer } from "../admin/api/auditWire.ts";
import { dataFolder, parseCount, withData } from "./arguments.ts";
import { Exit, exitCodes, UsageError, type CliContext } from "./context.ts";
import { outletFor, withOperations } from "./session.ts";

interface RunFlags {
  readonly data?: string;
  readonly json: boolean;
  readonly maxFindings?: string;
}

export function addAudit(program: Command, context: CliContext): void {
  const audit = program
    .command("audit")
    .description("audits: what is wrong with the data that came, and with what is kept");
  addRun(audit, context);
  addList(audit, context);
  addShow(audit, context);
}

function addRun(audit: Command, context: CliContext): void {
  const command = audit
    .command("run")
    .description("look at everything now, and tell what was found (of a running server)")
    .option("--max-findings <number>", "exit with 4 if more than so many were found")
    .option("--json", "print JSON", false);
  withData(command).action(async (flags: RunFlags) => {
    const most = mostOf(flags);
    const answer = await withOperations(
      context,
      { folder: dataFolder(flags, context), access: "read" },
      async (call) => {
        using outlet = outletFor(context, "audit");
        return await call("audits.run", {}, outlet);
      },
    );
    await print(context, answer, flags.json);
    if (most !== null && answer.findings.length > most) throw new Exit(exitCodes.threshold);
  });
}

function addList(audit: Command, context: CliContext): void {
  const command = audit
    .command("list")
    .description("list audits, the newest first")
    .option("--limit <number>", "at most so many", "20")
    .option("--json", "print JSON lines", false);
  withData(command).action(
    async (flags: { readonly data?: string; readonly limit: string; readonly json: boolean }) => {
      const limit = parseCount(flags.limit, "--limit", 1_000);
      const runs = await withOperations(
        context,
        { folder: dataFolder(flags, context), access: "read" },
        async (call) => {
          using outlet = outletFor(context, null);
          return await call("audits.list", { limit }, outlet);
        },
      );
      for (const run of runs) await context.print(`${flags.json ? JSON.stringify(run) : runLine(run)}\n`);
      if (runs.length === 0) context.tell("there was no audit yet");
    },
  );
}

function addShow(audit: Command, context: CliContext): void {
  const command = audit
    .command("show")
    .description("tell what an audit found, without a number the newest")
    .argument("[number]", "number of the audit, as `audit list` tells it")
    .option("--max-findings <number>", "exit with 4 if more than so many were found")
    .option("--json", "print JSON", false);
  withData(command).action(async (number: string | undefined, flags: RunFlags) => {
    const most = mostOf(flags);
    const id = number === undefined ? null : parseCount(number, "number", Number.MAX_SAFE_INTEGER);
    const answer = await withOperations(
      context,
      { folder: dataFolder(flags, context), access: "read" },
      async (call) => {
        using outlet = outletFor(context, null);
        return await call("audits.show", { id }, outlet);
      },
    );
    await print(context, answer, flags.json);
    if (most !== null && answer.findings.length > most) throw new Exit(exitCodes.threshold);
  });
}

function mostOf({ maxFindings }: RunFlags): number | null {
  if (maxFindings === undefined) return null;
  if (!/^\d{1,9}$/.test(maxFindings))
    throw new UsageError("--max-findings: expected a whole number from 0 on");
  return Number(maxFindings);
}

async function print(context: CliContext, answer: AuditRunAnswer, isJson: boolean): Promise<void> {
  if (isJson) return context.print(`${JSON.stringify(answer, null, 2)}\n`);
  const { run, findings } = answer;
  await context.print(`${[runLine(run), ...findings.map(findingText)].join("\n")}\n`);
  if (run.left > 0) context.tell(`${run.left} further findings are not told one by one`);
}

function runLine({
  id,
  endedAt,
  cause,
  findings,
  critical,
  profiles,
  sealedBlocks,
  foldsCompared,
}: RunAnswer): string {
  const found =
    findings === 0
      ? "nothing found"
      : `${findings} found${critical > 0 ? `, ${critical} of them critical` : ""}`;
  const seen = profiles === null ? "" : `${profiles} profiles, `;
  return `${String(id).padStart(5)}  ${endedAt}  ${found} (${cause}; ${seen}${sealedBlocks} sealed blocks, ${foldsCompared} folds compared)`;
}

function findingText({ severity, sentence, advice, key }: FindingAnswer): string {
  return `\n${severity === "critical" ? "CRITICAL  " : ""}${sentence}\n  ${advice}\n  ${key}`;
}
