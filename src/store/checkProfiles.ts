/** Reads a folder's profiles from end to end. Throws, or ends the process, where they are damaged. */
import { existsSync } from "node:fs";
import { folderPaths } from "./folder.ts";
import { parseIdEntry } from "./hot.ts";
import { parseProfile } from "./profileText.ts";
import { openProfileStore } from "./lmdb.ts";
import { currentProfilesPath } from "./readOnlyStore.ts";
import { openDatabase } from "./sqlite.ts";

const pageEntries = 1_000;

/** Reads and parses every entry of the profiles that a data folder uses; returns how many there are. */
export async function readAllProfiles(
  folder: string,
): Promise<{ readonly profiles: number; readonly identifiers: number }> {
  const path = profilesPath(folder);
  if (path === null) return { profiles: 0, identifiers: 0 };
  const store = openProfileStore(path, { readOnly: true });
  let profiles = 0;
  let identifiers = 0;
  for (let after: number | undefined = 0; after !== undefined;) {
    const page: { readonly pid: number; readonly text: string }[] = store.scan(after, pageEntries);
    for (const { pid, text } of page) parseProfile(pid, text, store);
    profiles += page.length;
    after = page.at(-1)?.pid;
  }
  for (let after: string | undefined = ""; after !== undefined;) {
    const page: { readonly key: string; readonly text: string }[] = store.scanIds(after, pageEntries);
    for (const { text } of page) parseIdEntry(text);
    identifiers += page.length;
    after = page.at(-1)?.key;
  }
  store.readMeta();
  await store.close();
  return { profiles, identifiers };
}

function profilesPath(folder: string): string | null {
  if (!existsSync(folderPaths(folder).journal)) return null;
  const database = openDatabase(folderPaths(folder).journal, { mode: "read" });
  try {
    return currentProfilesPath(folder, database);
  } finally {
    database.close();
  }
}
