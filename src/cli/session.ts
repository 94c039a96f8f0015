/**
 * One way to the operations, wherever they run: through the socket of the process that serves the folder, else on
 * the folder itself, read-only for what only reads, under the folder's lock for what writes.
 */
import { existsSync } from "node:fs";
import type { CallOperation, Outlet } from "../admin/operation.ts";
import { folderPaths } from "../store/folder.ts";
import { type CliContext, UsageError } from "./context.ts";
import { onItsOwn, servedElsewhere } from "./folderWords.ts";
import { startProgress } from "./progress.ts";
import { connectSocket } from "./socketClient.ts";

export interface SessionOptions {
  readonly folder: string;
  readonly access: "read" | "write";
  /** True if the command may begin a new data folder. */
  readonly mayCreate?: boolean;
}

/** Runs `work` with the operations of a data folder and lets go of it afterwards. */
export async function withOperations<T>(
  context: CliContext,
  options: SessionOptions,
  work: (call: CallOperation) => Promise<T>,
): Promise<T> {
  const paths = folderPaths(options.folder);
  const remote = await connectSocket(paths.socket);
  if (remote !== null) return work(remote);
  if (options.mayCreate !== true && !existsSync(paths.journal))
    throw new UsageError(
      `there is no Freshet data in ${options.folder}, and no server runs on it; is --data right?${await servedElsewhere(options.folder)}`,
    );
  context.tell(await onItsOwn(options.folder));
  const { openForReading, openForWriting } = await import("../dataStore.ts");
  const notice = (line: string) => context.tell(line);
  const opened =
    options.access === "read"
      ? openForReading(options.folder, notice)
      : await openForWriting(options.folder, notice);
  try {
    return await work(opened.call);
  } finally {
    await opened.close();
  }
}

/** An outlet that hands items to `onItem` and tells progress under the name `what`. */
export function outletFor(
  context: CliContext,
  what: string | null,
  onItem: (item: unknown) => Promise<void> = () => Promise.resolve(),
): Outlet & Disposable {
  const progress = what === null ? null : startProgress(context, what);
  return {
    item: onItem,
    progress: (share) => progress?.update(share),
    signal: context.interrupted,
    [Symbol.dispose]: () => progress?.[Symbol.dispose](),
  };
}
