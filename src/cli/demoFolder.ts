/** The demo's files beside its data: the block that its cart mail is written from, and the mailbox that it goes to. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import blockText from "../../public/demo/left-behind.liquid.txt" with { type: "text" };
import type { Environment } from "../config/environment.ts";
import { loadDataFolder, type Flags } from "../config/settings.ts";

/** Writes the block, the same at each start; gives the variable by which the demo's freshet.yaml names the folder. */
export function demoFolder(flags: Flags, environment: Environment): { readonly DEMO_FOLDER: string } {
  const folder = resolve(loadDataFolder(flags, environment));
  const content = join(folder, "content");
  try {
    mkdirSync(content, { recursive: true, mode: 0o700 });
    writeFileSync(join(content, "left-behind.liquid"), blockText, { mode: 0o600 });
  } catch {
    // A data folder that can't be written is refused a moment later, in better words.
  }
  return { DEMO_FOLDER: folder };
}
