/** A data folder holds people's data: it is made for its owner alone, and kept so. */
import { accessSync, chmodSync, constants, mkdirSync, readdirSync, statSync, type Stats } from "node:fs";
import { FolderRefused } from "./folderRefused.ts";

/** What others may do; the group's part may be needed where a volume belongs to a group. */
const others = 0o007;
const groupAndOthers = 0o077;
const sticky = 0o1000;

/** What shows that Freshet made a folder, or may have it. */
const ours = /^(journal\.db|lock\.db)$/;
const harmless = /^(lost\+found)$/;

/** Makes the folder if need be and takes everybody else's access away. Throws FolderRefused, with a sentence. */
export function takeFolder(folder: string): void {
  const found = lookAt(folder);
  if (found === null) {
    attempt(folder, () => mkdirSync(folder, { recursive: true, mode: 0o700 }));
    return;
  }
  if (!found.isDirectory()) throw new FolderRefused("unusable", `${folder} is a file; --data names a folder`);
  attempt(folder, () => accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK));
  if ((found.mode & groupAndOthers) !== 0) close(folder, found.mode);
}

function close(folder: string, mode: number): void {
  const names = readdirSync(folder).filter((name) => !harmless.test(name));
  const isShared = (mode & sticky) !== 0 || (names.length > 0 && !names.some((name) => ours.test(name)));
  if (isShared)
    throw new FolderRefused(
      "unusable",
      `${folder} holds other files and is open to others: give Freshet a folder of its own, such as ${folder}/freshet`,
    );
  try {
    chmodSync(folder, mode & 0o7700);
  } catch {
    // Somebody else's folder: a volume whose group we are in will do, one that is open to everybody won't.
    if ((mode & others) !== 0)
      throw new FolderRefused(
        "unusable",
        `${folder} is open to everybody and belongs to another user: name a new folder in it, such as ${folder}/freshet`,
      );
  }
}

function lookAt(folder: string): Stats | null {
  try {
    return statSync(folder, { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    throw unusable(folder, error);
  }
}

function attempt(folder: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    throw unusable(folder, error);
  }
}

/** What can be put right by naming another folder or another user; the rest is thrown on as it is. */
function unusable(folder: string, error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOTDIR" || code === "EEXIST")
    return new FolderRefused("unusable", `${folder} lies below a file; --data names a folder`);
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return new FolderRefused("unusable", `this user may not write in ${folder} (${code})`);
  return error;
}
