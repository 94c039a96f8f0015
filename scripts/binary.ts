/** dist/freshet, for whoever needs it to be what the sources are now. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");

/** The single binary that build.ts makes. */
export const binaryPath = join(root, "dist", "freshet");

/** Names the program that tests start; without it they start the sources (test/support/command.ts). */
export const programVariable = "TESTED_PROGRAM";

/** Builds the binary unless it is younger than everything it is made from. Throws with the build's own words. */
export async function upToDateBinary(): Promise<void> {
  if (isUpToDate()) return;
  const child = Bun.spawn([process.execPath, "build.ts"], {
    cwd: root,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const words = await child.stderr.text();
  if ((await child.exited) !== 0) throw new Error(`the binary could not be built:\n${words}`);
}

function isUpToDate(): boolean {
  if (!existsSync(binaryPath)) return false;
  const sources = new Bun.Glob("{src,public}/**/*").scanSync({ cwd: root, onlyFiles: true });
  const madeMs = statSync(binaryPath).mtimeMs;
  return [...sources, "build.ts", "package-lock.json"].every(
    (path) => statSync(join(root, path)).mtimeMs < madeMs,
  );
}
