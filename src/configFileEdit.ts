/** The configuration file as the admin page may see and replace it: whole, or not at all. */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { ServeSettings } from "./config/settings.ts";

/** A file that is being edited. */
export interface EditableFile {
  /** Where it lies. */
  readonly path: string;
  /** As it is now; null: there is none, or it can't be read. */
  readonly text: string | null;
  /** Names what it holds, so that nobody overwrites what he has not seen. */
  readonly base: string;
  /** Why it can't be written from here, in a sentence; null: it can. */
  readonly fixedBecause: string | null;
}

type Whereabouts = Pick<ServeSettings, "configPath" | "configText" | "configOrigin" | "editsConfig">;

/** The file as it lies on the disk. */
export function editableFile(settings: Whereabouts): EditableFile {
  const { configPath, configText, configOrigin } = settings;
  if (configOrigin === "builtIn") {
    const fixedBecause =
      "The demo brings this configuration along. Start freshet serve with a freshet.yaml of your own to change it here.";
    return { path: configPath, text: configText, base: baseOf(configText), fixedBecause };
  }
  const path = resolve(configPath);
  const text = existsSync(path) ? readFileSync(path, "utf8") : null;
  return { path, text, base: baseOf(text), fixedBecause: whyFixed(path, settings) };
}

/** Puts a text in the file's place; what was there stands in `<path>.before`. A crash leaves the one or the other. */
export function replaceFile(path: string, text: string): void {
  // Behind a link, the file that it leads to is meant.
  const target = existsSync(path) ? realpathSync(path) : path;
  const partial = join(dirname(target), `.${basename(target)}.partial`);
  try {
    if (existsSync(target)) writeWhole(partial, readFileSync(target), target, `${target}.before`);
    writeWhole(partial, Buffer.from(text), target, target);
  } finally {
    rmSync(partial, { force: true });
  }
}

/** `likeness` gives its mode to the new file. */
function writeWhole(partial: string, bytes: Uint8Array, likeness: string, target: string): void {
  rmSync(partial, { force: true });
  const file = openSync(partial, "wx", 0o600);
  try {
    for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  chmodSync(partial, existsSync(likeness) ? statSync(likeness).mode & 0o777 : 0o640);
  renameSync(partial, target);
}

function whyFixed(path: string, { editsConfig }: Whereabouts): string | null {
  if (!editsConfig)
    return "This server was started with --edit-config false: change the file on its machine.";
  const target = existsSync(path) ? realpathSync(path) : path;
  // Whoever is root may write what is marked as not to be written, and should not.
  const isMarked = existsSync(target) && (statSync(target).mode & 0o222) === 0;
  if (isMarked || !mayWrite(dirname(target)) || (existsSync(target) && !mayWrite(target)))
    return "The file is read-only for this server: change it where it comes from; a saved change is taken into use by itself.";
  return null;
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function baseOf(text: string | null): string {
  return text === null ? "none" : new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
