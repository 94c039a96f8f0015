/** Versions of the configuration file that were in use: which text, since when, by whose hand. */
import type { Database } from "./sqlite.ts";

export interface ConfigVersion {
  readonly version: number;
  readonly appliedAtMs: number;
  /** `start`, `watch`, `signal`, or who asked for it. */
  readonly by: string;
  readonly text: string;
}

/** Older ones go. */
const maxVersions = 200;

const selectNewest =
  "SELECT version, applied_at_ms AS appliedAtMs, applied_by AS by, text FROM config_versions ORDER BY version DESC LIMIT ?";
const insert = "INSERT INTO config_versions (applied_at_ms, applied_by, text) VALUES (?, ?, ?)";
const trim = "DELETE FROM config_versions WHERE version <= (SELECT max(version) FROM config_versions) - ?";

/** Newest first. */
export function configVersions(database: Database, limit: number): readonly ConfigVersion[] {
  return database.query<ConfigVersion, [number]>(selectNewest).all(limit);
}

/** Notes what is in use now, unless the newest version is that already; inside the writer's transaction. */
export function noteConfig(
  database: Database,
  { appliedAtMs, by, text }: Omit<ConfigVersion, "version">,
): void {
  if (configVersions(database, 1)[0]?.text === text) return;
  database.query(insert).run(appliedAtMs, by, text);
  database.query(trim).run(maxVersions);
}
