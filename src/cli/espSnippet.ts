/** `freshet snippet <esp> <block>`: what to paste into an ESP. */
import { vendors } from "../esp/vendors/vendors.ts";
import { folderPaths } from "../store/folder.ts";
import { dataFolder } from "./arguments.ts";
import { UsageError, type CliContext } from "./context.ts";
import { outletFor } from "./session.ts";
import { connectSocket } from "./socketClient.ts";

/** Prints the parts, each under a line that says where it goes. */
export async function printEspSnippet(
  esp: string,
  block: string | undefined,
  flags: { readonly data?: string; readonly url: string | null; readonly json: boolean },
  context: CliContext,
): Promise<void> {
  if (!vendors.some(({ id }) => id === esp))
    throw new UsageError(`there is no ESP ${esp}; there are ${vendors.map(({ id }) => id).join(", ")}`);
  if (block === undefined) throw new UsageError("of which block? freshet snippet <esp> <block>");
  const folder = dataFolder(flags, context);
  const call = await connectSocket(folderPaths(folder).socket);
  if (call === null) throw new UsageError(`no Freshet is running on ${folder}; start it with freshet serve`);
  using outlet = outletFor(context, null);
  const found = await call("content.snippet", { esp, block, url: flags.url }, outlet);
  if (found === null) throw new UsageError(`there is no content block ${block}`);
  if (flags.json) {
    await context.print(`${JSON.stringify(found)}\n`);
    return;
  }
  context.tell(found.how);
  for (const note of found.notes) context.tell(`note: ${note}`);
  for (const { title, where, code } of found.parts) await context.print(`--- ${title}: ${where}\n${code}\n`);
}
