/** The journal's schema, numbered and forward-only. A step that has been released never changes. */
import type { Database } from "./sqlite.ts";

/**
 * Erase rules, one a table: how a person's text leaves it (see erase.ts). A test holds this list against the schema.
 */
export const eraseRules: Readonly<Record<string, string>> = {
  journal: "rows of the profile keep seq, times and a hash of the messageId; text columns become NULL",
  quarantine: "rows whose text holds one of the profile's identifiers are deleted",
  meta: "holds no personal data but digests of the lists that segments name, as long as the operator's file does",
  sources: "holds no personal data",
  keys: "holds no personal data",
  plan_violations:
    "rows whose event name is one of the person's identifiers are deleted; samples name rows, not people",
  config_versions: "holds the operator's own text",
  audience_sizes: "holds numbers, no text of a person",
  forbidden_pairs: "pairs that name one of the person's userIds are deleted",
  followed: "holds another server's ids of its own events, no text of a person",
};

const steps: readonly string[] = [
  `
CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID, STRICT;

CREATE TABLE sources (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- The river's bed. Append-only but for erasure, re-attribution and rows that wait for a rebuild; no index besides seq.
CREATE TABLE journal (
  seq INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,          -- 0 event, 2 erase, 3 refold (rowKind in journal.ts)
  flags INTEGER NOT NULL,         -- event type, namespace, trust, lane, states (rowFlags in journal.ts)
  source INTEGER NOT NULL,
  name TEXT,
  message_id TEXT,
  timestamp_ms INTEGER NOT NULL,
  received_at_ms INTEGER,
  request_index INTEGER NOT NULL,
  committed_at_ms INTEGER NOT NULL,
  pid INTEGER,                    -- the profile it was attributed to; NULL while it waits for a rebuild
  prev,                           -- seq of the profile's event before this one; after a merge several, comma-separated
  identifiers TEXT,               -- the profile's identifiers at that moment, JSON
  diff TEXT,                      -- what changed, JSON; NULL when no trait did
  extra TEXT,                     -- facts beside the body, JSON
  body BLOB,                      -- the event's JSON as it came
  checksum INTEGER                -- CRC-32 of the body, seeded with seq
);

-- Acts alone, so that an append of an event does not touch it.
CREATE INDEX journal_acts ON journal (pid) WHERE kind > 0;

CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY,
  code TEXT NOT NULL,
  message TEXT NOT NULL,
  source TEXT NOT NULL,
  namespace TEXT NOT NULL,
  trusted INTEGER NOT NULL,
  call TEXT NOT NULL,
  message_id TEXT,
  received_at_ms INTEGER NOT NULL,
  replayed_at_ms INTEGER,
  body BLOB NOT NULL
) STRICT;

CREATE TABLE keys (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  namespace TEXT NOT NULL,
  source TEXT NOT NULL,
  trust TEXT NOT NULL,
  scopes TEXT NOT NULL,
  readable_traits TEXT,
  write_key TEXT,
  secret_sha256 TEXT,
  created_at_ms INTEGER NOT NULL,
  revoked_at_ms INTEGER
) WITHOUT ROWID, STRICT;
`,
  `
-- What waits in the quarantine, by what is wrong with it and who sent it: counted and paged without reading bodies.
CREATE INDEX quarantine_waiting ON quarantine (code, source) WHERE replayed_at_ms IS NULL;
`,
  `
-- How far each followed stream is in the journal: written in the transaction of the events before it.
CREATE TABLE followed (
  source INTEGER PRIMARY KEY,
  last_event_id TEXT NOT NULL
) STRICT;
`,
  `
-- What broke the tracking plan, a day in UTC at a time (planTally.ts).
CREATE TABLE plan_violations (
  day INTEGER NOT NULL,           -- days since 1970
  event TEXT NOT NULL,            -- a track event's name, identify for traits; empty: all beyond the day's bound
  source INTEGER NOT NULL,
  property TEXT NOT NULL,
  rule TEXT NOT NULL,
  mode TEXT NOT NULL,
  count INTEGER NOT NULL,
  last_at_ms INTEGER NOT NULL,
  samples TEXT NOT NULL,          -- JSON
  PRIMARY KEY (day, event, source, property, rule, mode)
) WITHOUT ROWID, STRICT;
`,
  `
-- Versions of the configuration file that were in use (configVersions.ts).
CREATE TABLE config_versions (
  version INTEGER PRIMARY KEY AUTOINCREMENT,
  applied_at_ms INTEGER NOT NULL,
  applied_by TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
`,
  `
-- How many profiles were in a segment (audienceSamples.ts).
CREATE TABLE audience_sizes (
  namespace TEXT NOT NULL,
  segment TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  size INTEGER NOT NULL,
  PRIMARY KEY (namespace, segment, at_ms)
) WITHOUT ROWID, STRICT;
`,
  `
-- Pairs of identifiers that an operator took apart (forbidden.ts).
CREATE TABLE forbidden_pairs (
  id INTEGER PRIMARY KEY,
  namespace TEXT NOT NULL,
  user TEXT NOT NULL,
  other_type TEXT NOT NULL,       -- user_id or anonymous_id
  other_value TEXT NOT NULL
) STRICT;
`,
  `
-- What a key may open of content, and by which identifiers; JSON lists, NULL is all.
ALTER TABLE keys ADD COLUMN blocks TEXT;
ALTER TABLE keys ADD COLUMN id_types TEXT;
`,
  `
-- What each version changed at work, JSON: a line each.
ALTER TABLE config_versions ADD COLUMN changes TEXT NOT NULL DEFAULT '[]';
`,
];

/** The schema that this program writes. */
export const schemaVersion = steps.length;

/** The schema version of an open journal; 0 for a new file. */
export function readSchemaVersion(database: Database): number {
  return database.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
}

/** Brings the journal up to this program's schema, a transaction a step. Throws if it is newer. */
export function migrate(database: Database): void {
  const found = readSchemaVersion(database);
  if (found > schemaVersion) throw new NewerDataError(found);
  for (let version = found; version < schemaVersion; version += 1) {
    const step = steps[version] ?? "";
    database.transaction(() => {
      database.run(step);
      database.run(`PRAGMA user_version = ${version + 1}`);
    })();
  }
}

/** The data folder was written by a newer Freshet. */
export class NewerDataError extends Error {
  constructor(found: number, known = schemaVersion) {
    super(
      `the data folder has schema ${found}; this program knows up to ${known}. Use the newer Freshet, or restore a backup made by this one.`,
    );
  }
}
