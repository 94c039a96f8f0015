/** Versions of the configuration file that were in use: which text, since when, by whose hand. */
import type { Database } from "./sqlite.ts";

export interface ConfigVersion {
  readonly version: number;
  readonly appliedAtMs: number;
  /** `start`, `watch`, `signal`, or who asked for it. */
  readonly by: string;
  readonly text: string;
  /** What it changed at work, a line each: `~ segments.big-spenders`. */
  readonly changes: readonly string[];
}

/** Older ones go. */
const maxVersions = 200;
/** Lines told of one version. */
const maxChanges = 500;

const selectNewest = `
SELECT version, applied_at_ms AS appliedAtMs, applied_by AS by, text, changes
FROM config_versions ORDER BY version DESC LIMIT ?`;
const insert = "INSERT INTO config_versions (applied_at_ms, applied_by, text, changes) VALUES (?, ?, ?, ?)";
const trim = "DELETE FROM config_versions WHERE version <= (SELECT max(version) FROM config_versions) - ?";

/** Newest first. */
export function configVersions(database: Database, limit: number): readonly ConfigVersion[] {
  return (
    database
      .query<Omit<ConfigVersion, "changes"> & { readonly changes: string }, [number]>(selectNewest)
      .all(limit)
      // Written below alone.
      .map((row) => ({ ...row, changes: JSON.parse(row.changes) as string[] }))
  );
}

/** Notes what is in use now, unless the newest version is just that; inside the writer's transaction. */
export function noteConfig(
  database: Database,
  { appliedAtMs, by, text, changes }: Omit<ConfigVersion, "version">,
): void {
  // A file of the plan or a list may have changed where this text did not.
  if (changes.length === 0 && configVersions(database, 1)[0]?.text === text) return;
  database.query(insert).run(appliedAtMs, by, text, JSON.stringify(changes.slice(0, maxChanges)));
  database.query(trim).run(maxVersions);
}
