/** `freshet quarantine`: what was refused, mended and sent again. */
import type { Command } from "commander";
import type { MendReport } from "../admin/workReports.ts";
import { mappingOf, readMapping } from "../config/mapping.ts";
import { noMapping } from "../model/mapping.ts";
import { dataFolder, parseCount, withData } from "./arguments.ts";
import { Exit, exitCodes, UsageError, type CliContext } from "./context.ts";
import { outletFor, withOperations } from "./session.ts";

interface Flags {
  readonly data?: string;
}

interface ReplayFlags extends Flags {
  readonly code?: string;
  readonly source?: string;
  readonly map?: string;
  readonly dryRun: boolean;
  readonly json: boolean;
}

export function addQuarantine(program: Command, context: CliContext): void {
  const quarantine = program
    .command("quarantine")
    .description("what was refused: count it, mend it, send it again");
  withData(quarantine.command("list"))
    .description("count what waits, by reason and source")
    .action(async (flags: Flags) => {
      const folder = dataFolder(flags, context);
      const groups = await withOperations(context, { folder, access: "read" }, async (call) => {
        using outlet = outletFor(context, null);
        return await call("quarantine.list", { limit: 200 }, outlet);
      });
      for (const { code, source, count, newestAtMs } of groups)
        await context.print(
          `${String(count).padStart(8)}  ${code} from ${source}, newest ${new Date(newestAtMs).toISOString()}\n`,
        );
      if (groups.length === 0) context.tell("nothing waits");
    });
  withData(quarantine.command("replay"))
    .description(
      "send pieces again with their own messageIds, mended by a mapping if you give one; exit 4 if any is refused",
    )
    .argument("[ids...]", "pieces by id, such as qrn_17; or all of one group by --code and --source")
    .option("--code <code>", "what waits for this reason …")
    .option("--source <name>", "… from this source")
    .option("--map <file>", "mapping: rename, cast, default, expression (docs/tracking-plan.md)")
    .option("--dry-run", "tell what would become of them, and change nothing", false)
    .option("--json", "print JSON", false)
    .action(async (ids: readonly string[], flags: ReplayFlags) => {
      const report = await replay(ids, flags, context);
      await context.print(
        flags.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report, flags.dryRun),
      );
      if (report.refused.length > 0) throw new Exit(exitCodes.threshold);
    });
}

async function replay(ids: readonly string[], flags: ReplayFlags, context: CliContext): Promise<MendReport> {
  const { code, source, dryRun } = flags;
  if (
    ids.length > 0 ? code !== undefined || source !== undefined : code === undefined || source === undefined
  )
    throw new UsageError(
      "name pieces (qrn_17 …), or a group by --code and --source; freshet quarantine list shows them",
    );
  const file = flags.map === undefined ? null : readMapping(flags.map);
  const folder = dataFolder(flags, context);
  return withOperations(context, { folder, access: "write" }, async (call) => {
    using outlet = outletFor(context, dryRun ? "rehearse" : "replay");
    const params = {
      ids: ids.length === 0 ? null : ids.map(numberOf),
      code: code ?? null,
      source: source ?? null,
      mapping: file === null ? noMapping : mappingOf(file),
      expression: file?.expression ?? null,
      dryRun,
    };
    // What the operation takes is plain JSON; its schema checks it once more.
    return await call("quarantine.mend", params as Parameters<typeof call<"quarantine.mend">>[1], outlet);
  });
}

function numberOf(id: string): number {
  return parseCount(id.replace(/^qrn_/, ""), "id", Number.MAX_SAFE_INTEGER);
}

function reportText({ pieces, accepted, held, refused, samples }: MendReport, dryRun: boolean): string {
  const would = dryRun ? "would be " : "";
  const lines = [`${pieces} pieces: ${accepted} ${would}accepted, ${pieces - accepted} ${would}refused`];
  for (const { code, message, pieces: of, accepted: taken } of held)
    lines.push(`held for ${code}: ${message} ${taken} of ${of} ${would}accepted`);
  for (const { code, message, count } of refused)
    lines.push(`${String(count).padStart(8)}  ${code}: ${message}`);
  for (const { quarantineId, before, after } of samples)
    lines.push(`${quarantineId}\n  before ${JSON.stringify(before)}\n  after  ${JSON.stringify(after)}`);
  return `${lines.join("\n")}\n`;
}
