/** The tables of audits and of freshness in ops.db: one step of its schema (ops/opsMigrations.ts). A released step never changes. */

/** Erase rules, one a table. */
export const auditEraseRules: Readonly<Record<string, string>> = {
  audit_cells:
    "holds numbers and hashes by source, event and property; names that events of fewer than three people have stand there as hashes",
  audit_seals:
    "holds hashes of rows; those of an erased row can't be undone and stay, so that a gap is not taken for damage",
  audit_facts: "holds hashes, amounts and numbers of rows; what the rows said is read from the journal",
  audit_scans: "holds numbers by trait and segment; of traits that at least three profiles have",
  audit_state: "holds no personal data",
  audit_runs: "holds numbers, no text of a person",
  audit_findings:
    "names sources, events, properties and values that many events share, and numbers of rows and profiles",
  freshness: "holds numbers by source and event; of events that at least three people have",
};

export const auditTables = `
-- What the events of a day were like (model/audit/cells.ts); event '' is the whole source.
CREATE TABLE audit_cells (
  day INTEGER NOT NULL,           -- days since 1970, UTC
  source TEXT NOT NULL,
  event TEXT NOT NULL,
  cell TEXT NOT NULL,             -- JSON
  PRIMARY KEY (day, source, event)
) WITHOUT ROWID, STRICT;

CREATE INDEX audit_cells_by_kind ON audit_cells (source, event, day);

-- Seals of the journal (store/audit/sealing.ts).
CREATE TABLE audit_seals (
  block INTEGER PRIMARY KEY,
  rows INTEGER NOT NULL,
  digest BLOB NOT NULL,
  leaves BLOB NOT NULL,
  sealed_at_ms INTEGER NOT NULL,
  checked_at_ms INTEGER NOT NULL
) STRICT;

-- Facts that two sources tell (store/audit/tallyRows.ts).
CREATE TABLE audit_facts (
  name TEXT NOT NULL,
  key TEXT NOT NULL,              -- hash of what ties the two events
  side INTEGER NOT NULL,          -- 0 left, 1 right
  number REAL,
  digest TEXT NOT NULL,
  seq INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (name, key, side)
) WITHOUT ROWID, STRICT;

CREATE INDEX audit_facts_by_time ON audit_facts (at_ms);

-- What profiles were like at the last scan of a day; scope '' is all of them, else a segment.
CREATE TABLE audit_scans (
  day INTEGER NOT NULL,
  scope TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  cell TEXT NOT NULL,             -- JSON
  PRIMARY KEY (day, scope)
) WITHOUT ROWID, STRICT;

CREATE TABLE audit_state (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID, STRICT;

CREATE TABLE audit_runs (
  id INTEGER PRIMARY KEY,
  begun_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER NOT NULL,
  cause TEXT NOT NULL,
  findings INTEGER NOT NULL,
  critical INTEGER NOT NULL,
  report TEXT NOT NULL            -- JSON
) STRICT;

CREATE TABLE audit_findings (
  run INTEGER NOT NULL,
  key TEXT NOT NULL,
  first_seen_ms INTEGER NOT NULL,
  finding TEXT NOT NULL,          -- JSON
  PRIMARY KEY (run, key)
) WITHOUT ROWID, STRICT;

-- How long events took (store/audit/freshnessRoom.ts).
CREATE TABLE freshness (
  at_ms INTEGER NOT NULL,         -- begin of ten minutes, later of an hour
  source TEXT NOT NULL,
  event TEXT NOT NULL,
  stage TEXT NOT NULL,
  counts TEXT NOT NULL,           -- JSON
  PRIMARY KEY (at_ms, source, event, stage)
) WITHOUT ROWID, STRICT;
`;
