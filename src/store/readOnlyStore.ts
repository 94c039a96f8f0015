/** A data folder as it stands, read without a running service and without changing anything but the system's own file locks. */
import { existsSync } from "node:fs";
import type { Rules } from "../model/rules.ts";
import type { Restore } from "./accept.ts";
import { audiencesOf, type Audiences } from "./audiences.ts";
import { folderPaths } from "./folder.ts";
import { FolderRefused } from "./folderRefused.ts";
import { JournalReader } from "./journalReader.ts";
import { listKeys } from "./keys.ts";
import { openProfileStore, type ProfilesMeta, type ProfileStore } from "./lmdb.ts";
import type { KeyRow } from "./messages.ts";
import { readSchemaVersion, schemaVersion } from "./migrations.ts";
import { profileIds } from "./profileId.ts";
import type { Profiles } from "./profiles.ts";
import { ProfilesReader } from "./profilesReader.ts";
import { definitionsWith } from "./segmentLists.ts";
import { openDatabase, type Database } from "./sqlite.ts";
import { evidenceName, rulesIn, rulesMeta } from "./usedDefinitions.ts";
import { verifyFolder, type VerifyReport } from "./verify.ts";

export interface ReadOnlyStore {
  readonly journal: JournalReader;
  /** Lookups answer `rebuilding` where the folder holds no usable profiles. */
  readonly profiles: Profiles;
  readonly audiences: Audiences;
  /** The profiles as they lie there; null where the folder holds no usable ones. */
  readonly stored: ProfileStore | null;
  /** Newest seq of the journal, and the one up to which profiles are folded. */
  readonly head: number;
  readonly watermark: number;
  keys(): readonly KeyRow[];
  /** Lets later reads see what a running service wrote since. */
  refresh(): void;
  verify(restore: Restore, onProgress: (share: number) => void): Promise<VerifyReport>;
  close(): Promise<void>;
}

/** Opens a folder for reading. Throws FolderRefused if it holds no journal, a newer one, or one that can't be read. */
export function openReadOnlyStore(folder: string): ReadOnlyStore {
  const path = folderPaths(folder).journal;
  if (!existsSync(path))
    throw new FolderRefused("damaged", `there is no journal in ${folder}; is --data right?`);
  const database = openChecked(path);
  const journal = new JournalReader(path);
  const rules = storedRules(database);
  const definitions = definitionsWith(journal, rules);
  const lmdb = openCurrentProfiles(folder, database, {
    journalId: journal.journalId,
    evidence: evidenceName(definitions),
  });
  const ids = profileIds(journal.journalId);
  const profiles = new ProfilesReader(journal, ids, definitions, () => Promise.resolve([]));
  const watermark = lmdb?.readMeta()?.watermark ?? 0;
  profiles.use(lmdb, watermark);
  return {
    journal,
    profiles,
    audiences: audiencesOf(journal, profiles),
    stored: lmdb,
    refresh: () => lmdb?.refresh(),
    head: journal.head(),
    watermark,
    keys: () => listKeys({ database }),
    verify: (restore, onProgress) =>
      verifyFolder(
        { folder, profilesFolder: lmdb?.folder ?? null, hotProfiles: 20_000, rules },
        { restore, onProgress, signal: new AbortController().signal },
      ),
    close: async () => {
      await lmdb?.close();
      journal[Symbol.dispose]();
      database.close();
    },
  };
}

function openChecked(path: string): Database {
  let database: Database | null = null;
  let found: number;
  try {
    database = openDatabase(path, { mode: "read" });
    found = readSchemaVersion(database);
  } catch (error) {
    database?.close();
    throw new FolderRefused(
      "damaged",
      `the journal can't be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (found === schemaVersion) return database;
  database.close();
  if (found > schemaVersion)
    throw new FolderRefused(
      "newer",
      `the data folder has schema ${found}; this program knows up to ${schemaVersion}. Use the newer Freshet.`,
    );
  throw new FolderRefused(
    "damaged",
    `the data folder has schema ${found}, this program reads ${schemaVersion}: start \`freshet serve\` once to bring it up to date`,
  );
}

/** Where a data folder's profiles in use lie; null if it has none. */
export function currentProfilesPath(folder: string, database: Database): string | null {
  const name = database
    .query<{ value: string }, []>("SELECT value FROM meta WHERE name = 'profilesFolder'")
    .get()?.value;
  if (name === undefined) return null;
  const path = folderPaths(folder).profiles(name);
  return existsSync(path) ? path : null;
}

function storedRules(database: Database): Rules {
  const row = database
    .query<{ value: string }, [string]>("SELECT value FROM meta WHERE name = ?")
    .get(rulesMeta);
  return rulesIn(row?.value ?? null);
}

function openCurrentProfiles(
  folder: string,
  database: Database,
  wanted: Pick<ProfilesMeta, "journalId" | "evidence">,
): ProfileStore | null {
  const path = currentProfilesPath(folder, database);
  if (path === null) return null;
  const store = openProfiles(path);
  const meta = store.readMeta();
  if (meta?.journalId === wanted.journalId && meta.evidence === wanted.evidence) return store;
  // It belongs to another journal or holds other evidence; that it closes late, or not at all, harms nothing.
  store.close().catch(() => {});
  return null;
}

function openProfiles(path: string): ProfileStore {
  try {
    return openProfileStore(path, { readOnly: true });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new FolderRefused(
      "damaged",
      `the profiles can't be read (${why}): \`freshet rebuild\` makes them anew from the journal`,
    );
  }
}
