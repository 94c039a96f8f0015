/** The command line that starts this program once more, for work in a process of its own. */
import { join } from "node:path";

export function ownProgram(): readonly string[] {
  const isCompiled = import.meta.path.startsWith("/$bunfs/");
  return isCompiled ? [process.execPath] : [process.execPath, join(import.meta.dir, "main.ts")];
}
