/** The command line: parses arguments, runs one command, gives its exit code. */
import { Command, CommanderError } from "commander";
import { ConfigError } from "../config/configError.ts";
import { DiskFailed, OperationFailed } from "../admin/operation.ts";
import { FolderRefused, type RefusalReason } from "../store/folderRefused.ts";
import { version } from "../version.ts";
import { addAudit } from "./audit.ts";
import { addBackup } from "./backup.ts";
import { addCheckProfiles } from "./checkProfiles.ts";
import { addConfig } from "./config.ts";
import { Exit, exitCodes, UsageError, type CliContext } from "./context.ts";
import { addContentToken } from "./contentToken.ts";
import { addDemo } from "./demo.ts";
import { addDoctor } from "./doctor.ts";
import { addDestinations } from "./destinations.ts";
import { addEvaluate } from "./evaluate.ts";
import { addErase } from "./erase.ts";
import { addExport } from "./export.ts";
import { addIdentity } from "./identity.ts";
import { addImport } from "./import.ts";
import { addKeys } from "./keys.ts";
import { addPlan } from "./plan.ts";
import { addPreflight } from "./preflight.ts";
import { addPreview } from "./preview.ts";
import { addReceipts } from "./receipts.ts";
import { addProfile } from "./profile.ts";
import { addQuarantine } from "./quarantine.ts";
import { addRebuild } from "./rebuild.ts";
import { addRestore } from "./restore.ts";
import { addSegments } from "./segments.ts";
import { addServe } from "./serve.ts";
import { addSimulate } from "./simulate.ts";
import { addSnippet } from "./snippet.ts";
import { addTail } from "./tail.ts";
import { addTest } from "./test.ts";
import { addTriggers } from "./triggers.ts";
import { addVerify } from "./verify.ts";

const additions = [
  addServe,
  addDemo,
  addSimulate,
  addSnippet,
  addTail,
  addProfile,
  addKeys,
  addImport,
  addExport,
  addErase,
  addIdentity,
  addConfig,
  addPlan,
  addSegments,
  addDestinations,
  addQuarantine,
  addPreview,
  addPreflight,
  addTest,
  addTriggers,
  addContentToken,
  addDoctor,
  addReceipts,
  addAudit,
  addVerify,
  addRebuild,
  addBackup,
  addRestore,
  addCheckProfiles,
  addEvaluate,
];

/** The whole command line with all commands. `writeHelp` takes what help and version print. */
export function buildProgram(context: CliContext, writeHelp: (text: string) => void): Command {
  const program = new Command("freshet");
  program
    .description("Events in, fresh customer profiles out.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .showSuggestionAfterError()
    .configureHelp({ helpWidth: 110 })
    .addHelpText(
      "after",
      "\nThe server's options, such as --port for another port than 8787: freshet serve --help" +
        "\nExit codes: 0 done, 1 failed, 2 usage or configuration, 3 data folder locked, newer or damaged, 4 below or above a threshold, 74 disk.",
    );
  for (const add of additions) add(program, context);
  forEachCommand(program, (command) => {
    command.exitOverride();
    command.configureHelp({ helpWidth: 110 });
    command.configureOutput({ writeOut: writeHelp, writeErr: (text) => context.tell(text.trimEnd()) });
  });
  return program;
}

/** Runs a command line (without the program's own name) and returns its exit code. */
export async function run(argv: readonly string[], context: CliContext): Promise<number> {
  let help = "";
  const program = buildProgram(context, (text) => {
    help += text;
  });
  try {
    await program.parseAsync([...argv], { from: "user" });
    return context.interrupted.aborted ? exitCodes.failed : exitCodes.ok;
  } catch (error) {
    return codeOf(error, context);
  } finally {
    await context.print(help);
  }
}

function codeOf(error: unknown, context: CliContext): number {
  if (error instanceof Exit) return error.code;
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof ConfigError) {
    for (const line of error.lines) context.tell(`freshet: ${line}`);
    return exitCodes.usage;
  }
  if (context.interrupted.aborted && error instanceof Error && error.name === "AbortError") {
    context.tell("freshet: interrupted");
    return exitCodes.failed;
  }
  const sentence = error instanceof Error ? error.message : String(error);
  context.tell(`freshet: ${sentence}`);
  if (isAddonError(sentence)) context.tell(addonHint);
  if (error instanceof UsageError) return exitCodes.usage;
  if (error instanceof FolderRefused) return refusedCodes[error.reason];
  if (error instanceof DiskFailed || isDiskError(error)) return exitCodes.disk;
  if (
    !(error instanceof OperationFailed) &&
    error instanceof Error &&
    context.environment["FRESHET_LOG_LEVEL"] === "debug"
  )
    context.tell(error.stack ?? "");
  return exitCodes.failed;
}

const refusedCodes: Readonly<Record<RefusalReason, number>> = {
  locked: exitCodes.folder,
  newer: exitCodes.folder,
  damaged: exitCodes.folder,
  disk: exitCodes.disk,
  unusable: exitCodes.usage,
};

/** The binary unpacks LMDB's addon to the temporary folder and loads it from there; nothing of ours runs before. */
function isAddonError(sentence: string): boolean {
  return /\.node: (?:cannot open|failed to map|.*permission denied)/i.test(sentence);
}

const addonHint =
  "freshet: set TMPDIR to a folder that can be written to and is not mounted noexec; a part of the program is unpacked there";

function isDiskError(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^(ENOSPC|EIO|EDQUOT|EROFS|SQLITE_FULL|SQLITE_IOERR.*)$/.test(code);
}

function forEachCommand(command: Command, visit: (command: Command) => void): void {
  visit(command);
  for (const inner of command.commands) forEachCommand(inner, visit);
}
