/** The schema of ops.db, which keeps what is done with profiles beside the journal; numbered and forward-only. A released step never changes. */
import { auditEraseRules, auditTables } from "../audit/auditTables.ts";
import { openDatabase, type Database } from "../sqlite.ts";
import { deliveryEraseRules, deliverySchema } from "./deliverySchema.ts";
import { triggerEraseRules, triggerSchema } from "./triggerSchema.ts";

/** Erase rules, one a table. A test holds this list against the schema. */
export const opsEraseRules: Readonly<Record<string, string>> = {
  audit:
    "names keys, sources and the addresses of operators; an act on a profile is kept without its identifier",
  receipt: "rows of an erased profile go, and those of who was asked for by its identifiers while unknown",
  receipt_heir: "rows of an erased profile go, as its own and as what it was before",
  block_text: "templates of e-mails, in which nobody's data stands",
  ...auditEraseRules,
  ...deliveryEraseRules,
  ...triggerEraseRules,
};

const steps: readonly string[] = [
  `
CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  actor TEXT,                     -- a key's id, or 'socket'; NULL for somebody unknown
  address TEXT,
  action TEXT NOT NULL,
  target TEXT,
  outcome TEXT NOT NULL,          -- begun, done, failed
  detail TEXT                     -- JSON
) STRICT;

CREATE INDEX audit_by_action ON audit (action);
`,
  `
CREATE TABLE receipt (
  id INTEGER PRIMARY KEY,         -- the millisecond and a count within it
  at_ms INTEGER NOT NULL,
  namespace TEXT NOT NULL,
  profile_id TEXT,                -- NULL for a recipient who was not known, or a block for everybody
  profile_version INTEGER,
  asked_hash TEXT,                -- SHA-256 of the identifier that nobody has
  block TEXT NOT NULL,
  block_version TEXT NOT NULL,
  form TEXT NOT NULL,             -- json, html, text
  not_modified INTEGER NOT NULL,
  served_from TEXT,
  reason TEXT,
  content_hash TEXT NOT NULL,
  caller TEXT NOT NULL,
  traits TEXT NOT NULL            -- JSON: by trait, where it came from and when it was set; no values
) STRICT;

CREATE INDEX receipt_by_profile ON receipt (profile_id, id) WHERE profile_id IS NOT NULL;
CREATE INDEX receipt_by_asked ON receipt (asked_hash) WHERE asked_hash IS NOT NULL;

CREATE TABLE block_text (
  block TEXT NOT NULL,
  version TEXT NOT NULL,
  source TEXT NOT NULL,
  partials TEXT NOT NULL,         -- JSON
  link_hosts TEXT NOT NULL,       -- JSON
  first_at_ms INTEGER NOT NULL,
  PRIMARY KEY (block, version)
) STRICT, WITHOUT ROWID;
`,
  auditTables,
  deliverySchema,
  triggerSchema,
  `
CREATE TABLE receipt_heir (
  profile TEXT PRIMARY KEY,       -- a profile with receipts that is part of another one now
  heir TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX receipt_heir_by_heir ON receipt_heir (heir);
`,
  // Wall time when its queue was last written: where a start finds the clock before it, it went back.
  "ALTER TABLE destination ADD COLUMN clock_ms INTEGER",
];

/** The schema of ops.db that this program writes. */
export const opsSchemaVersion = steps.length;

const cacheBytes = 1024 * 1024;

/** Opens or makes ops.db, with this program's schema. Throws if it was written by a newer program. */
export function openOpsDatabase(path: string): Database {
  const database = openDatabase(path, { mode: "write", cacheBytes });
  try {
    migrateOps(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Brings ops.db up to this program's schema, a transaction a step. Throws if it is newer. */
function migrateOps(database: Database): void {
  const found = database.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
  if (found > opsSchemaVersion)
    throw new Error(`ops.db has schema ${found}; this program knows up to ${opsSchemaVersion}`);
  for (let version = found; version < steps.length; version += 1) {
    const step = steps[version] ?? "";
    database.transaction(() => {
      database.run(step);
      database.run(`PRAGMA user_version = ${version + 1}`);
    })();
  }
}
