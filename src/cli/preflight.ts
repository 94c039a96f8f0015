/** `freshet preflight`: what a send would be, before it is sent; its exit code can hold one back. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { PreflightReport } from "../esp/content/preflightReport.ts";
import { levelText, reasonText } from "../esp/content/levelWords.ts";
import { folderPaths } from "../store/folder.ts";
import { dataFolder, withData, withNamespace } from "./arguments.ts";
import { Exit, exitCodes, UsageError, type CliContext } from "./context.ts";
import { outletFor } from "./session.ts";
import { connectSocket } from "./socketClient.ts";

interface Flags {
  readonly data?: string;
  readonly test: boolean;
  readonly segment?: string;
  readonly ids?: string;
  readonly all: boolean;
  readonly minCoverage?: string;
  readonly json: boolean;
}

const maxIds = 50_000;
const ageNames = ["a minute", "an hour", "a day", "a week", "30 days", "90 days", "older"];

export function addPreflight(program: Command, context: CliContext): void {
  const command = program
    .command("preflight")
    .description("render a content block for everybody who would get it, and say what they would get")
    .argument("<block>", "the block's name: its file without .liquid")
    .option("--segment <name>", "for everybody in this segment")
    .option(
      "--ids <file>",
      `for the identifiers in a file, one a line, such as user_id:42; at most ${maxIds}`,
    )
    .option("--all", "for everybody", false)
    .option("--min-coverage <share>", "exit with 4 where fewer get the block itself, such as 95%")
    .option("--json", "print JSON", false);
  withNamespace(withData(command)).action((block: string, flags: Flags) => run(block, flags, context));
}

async function run(block: string, flags: Flags, context: CliContext): Promise<void> {
  const { segment, ids: idFile } = flags;
  if ([segment !== undefined, idFile !== undefined, flags.all].filter(Boolean).length !== 1)
    throw new UsageError("say for whom: --segment <name>, --ids <file> or --all");
  const least = flags.minCoverage === undefined ? null : shareOf(flags.minCoverage);
  const ids = idFile === undefined ? null : idsIn(idFile);
  const folder = dataFolder(flags, context);
  const call = await connectSocket(folderPaths(folder).socket);
  if (call === null) throw new UsageError(`no Freshet is running on ${folder}; start it with freshet serve`);
  using outlet = outletFor(context, "rendering");
  const report = await call(
    "content.preflight",
    { block, namespace: flags.test ? "test" : "live", segment: segment ?? null, ids },
    outlet,
  );
  if (report === null) throw new UsageError(`there is no content block ${block}`);
  await context.print(flags.json ? `${JSON.stringify(report, null, 2)}\n` : textOf(report));
  if (least !== null && report.coverage < least) {
    context.tell(`${percent(report.coverage)} would get the block itself; at least ${percent(least)} must`);
    throw new Exit(exitCodes.threshold);
  }
}

function textOf(report: PreflightReport): string {
  const { recipients, coverage, levels, reasons, needs, worst, samples, load } = report;
  const lines = [
    `${report.block} ${report.version}: ${recipients} recipients, ${percent(coverage)} get the block itself`,
    `  levels   ${counts(levels, levelText)}`,
    `  reasons  ${counts(reasons, reasonText)}`,
    ...Object.entries(needs).flatMap(([name, need]) => [
      `  ${name}: ${counts(need.levels, levelText)}`,
      ...(need.ages.some((count) => count > 0) ? [`    age up to ${ages(need.ages)}`] : []),
    ]),
    `  load     ${load.renderMicros.mean} µs a recipient (${load.renderMicros.max} at most), ${load.answersPerSecond} a second and core; ${load.bytes.mean} bytes each, ${load.bytes.total} in all`,
    ...(samples.length === 0 ? [] : ["  samples (their HTML: --json):"]),
    ...samples.map(
      ({ who, servedFrom, reason, isFallback }) =>
        `    ${who}  ${levelText(isFallback ? "fallback" : servedFrom)}, ${reasonText(reason)}`,
    ),
    ...(worst.length === 0 ? [] : ["  worst:"]),
    ...worst.map(
      ({ who, reason, isFallback, oldestMs }) =>
        `    ${who}  ${reasonText(reason)}${isFallback ? ", gets the fallback" : ""}${oldestMs === null ? "" : `, oldest value ${Math.round(oldestMs / 1_000)} s`}`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}

function counts(by: Readonly<Record<string, number>>, wordOf: (code: string) => string): string {
  const entries = Object.entries(by).sort(([, left], [, right]) => right - left);
  return entries.length === 0 ? "–" : entries.map(([name, count]) => `${wordOf(name)} ${count}`).join(", ");
}

function ages(by: readonly number[]): string {
  return by.map((count, index) => `${ageNames[index] ?? ""} ${count}`).join(", ");
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function shareOf(text: string): number {
  const found = /^(\d{1,3}(?:\.\d+)?)\s*%$/.exec(text);
  const share =
    found === null ? (/^[01](?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN) : Number(found[1]) / 100;
  if (!(share >= 0 && share <= 1)) throw new UsageError("--min-coverage: expected a share such as 95%");
  return share;
}

function idsIn(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(
      `--ids: ${file} can't be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const ids = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (ids.length === 0) throw new UsageError(`--ids: ${file} holds no identifier`);
  if (ids.length > maxIds)
    throw new UsageError(`--ids: ${file} holds ${ids.length} identifiers; at most ${maxIds}. Use a segment`);
  return ids;
}
