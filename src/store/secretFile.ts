/** A small file of the data folder that nobody but its owner may read, replaced as a whole. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";

const ownerOnly = 0o600;
const maxBytes = 64 * 1024;

/** The file's text; null where there is none. */
export function readSecretFile(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return null;
  if (!found.isFile() || found.size > maxBytes) throw new Error(`${path} is no file of ours`);
  return readFileSync(path, "utf8");
}

/** Writes the file so that after a crash the old text or the new one is there, whole. */
export function writeSecretFile(path: string, text: string): void {
  const draft = `${path}.new`;
  const file = openSync(draft, "w", ownerOnly);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
