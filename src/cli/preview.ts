/** `freshet preview`: a content block as it would be sent to one recipient. */
import type { Command } from "commander";
import type { CallOperation, OperationParams } from "../admin/operation.ts";
import { levelText, reasonText } from "../esp/content/levelWords.ts";
import { timeIn } from "../model/timeIn.ts";
import { folderPaths } from "../store/folder.ts";
import { dataFolder, parseIdentifier, withData, withNamespace } from "./arguments.ts";
import { Exit, exitCodes, UsageError, type CliContext } from "./context.ts";
import { outletFor } from "./session.ts";
import { connectSocket } from "./socketClient.ts";

interface Flags {
  readonly data?: string;
  readonly test: boolean;
  readonly as?: string;
  readonly at?: string;
  readonly form: string;
  readonly sendTo?: string;
  readonly through?: string;
  readonly subject: string;
}

export function addPreview(program: Command, context: CliContext): void {
  const command = program
    .command("preview")
    .description("print a content block as a running server would send it")
    .argument("<block>", "the block's name: its file without .liquid")
    .option("--as <identifier>", "for this recipient, such as user_id:42; without it, as for everybody")
    .option("--at <time>", "as it would have been sent then, such as 2026-11-24T09:00:00.000Z")
    .option("--form <form>", "html, text or json", "html")
    .option("--send-to <address>", "send it there as a test, instead of printing it")
    .option("--through <destination>", "the destination that sends the test, such as one of type smtp")
    .option("--subject <text>", "subject of the test", "How it looks");
  withNamespace(withData(command)).action(async (block: string, flags: Flags) => {
    const { form } = flags;
    if (form !== "html" && form !== "text" && form !== "json")
      throw new UsageError("--form: expected html, text or json");
    const folder = dataFolder(flags, context);
    const call = await connectSocket(folderPaths(folder).socket);
    if (call === null)
      throw new UsageError(`no Freshet is running on ${folder}; start it with freshet serve`);
    const as = flags.as === undefined ? null : parseIdentifier(flags.as, flags.test);
    if (flags.sendTo !== undefined) return sendTest(block, as, flags.sendTo, flags, call, context);
    const atMs = flags.at === undefined ? null : instantOf(flags.at);
    using outlet = outletFor(context, null);
    const asked = { block, as, atMs, draft: null, version: null, level: { kind: "asIs" } } as const;
    const found = await call("content.preview", asked, outlet);
    if (found === null) throw new UsageError(`there is no content block ${block}`);
    const { servedFrom, reason, version } = found;
    context.tell(
      `version ${version}, served from ${levelText(servedFrom)}${reason === null ? "" : `, ${reasonText(reason)}`}`,
    );
    await context.print(form === "json" ? `${JSON.stringify(found.answer, null, 2)}\n` : `${found[form]}\n`);
  });
}

async function sendTest(
  block: string,
  as: OperationParams<"content.send">["as"],
  to: string,
  { through, subject }: Flags,
  call: CallOperation,
  context: CliContext,
): Promise<void> {
  if (through === undefined)
    throw new UsageError("--send-to needs --through <destination>, one that can send, such as of type smtp");
  using outlet = outletFor(context, null);
  const sent = await call("content.send", { block, as, through, to, subject }, outlet);
  if (sent === null) throw new UsageError(`there is no content block ${block}`);
  context.tell(`${through}: ${sent.sentence}`);
  if (sent.isGood !== true) throw new Exit(exitCodes.failed);
}

function instantOf(text: string): number {
  const atMs = timeIn(text);
  if (atMs === null) throw new UsageError("--at: expected a time such as 2026-11-24T09:00:00.000Z");
  return atMs;
}
