/** Tables of what is delivered to destinations, in ops.db. Lanes, kinds and states are the numbers of deliveryCodes.ts. */

export const deliverySchema = `
CREATE TABLE destination (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,      -- as freshet.yaml calls it
  type TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  cursor INTEGER NOT NULL,        -- changes up to this seq are in the queue, or were delivered
  mapping TEXT NOT NULL,
  settings TEXT NOT NULL,
  paused INTEGER NOT NULL,
  stopped TEXT,
  erases INTEGER NOT NULL,        -- whether it is told of erasures
  backfill_after INTEGER,         -- number of the last profile that was queued; NULL: there is nothing to fill
  backfill_to INTEGER,
  backfill_rows INTEGER,
  backfill_started_ms INTEGER,
  backfill_done_ms INTEGER
) STRICT;

CREATE TABLE delivery (
  destination INTEGER NOT NULL,
  profile TEXT NOT NULL,
  kind INTEGER NOT NULL,
  item TEXT NOT NULL,
  lane INTEGER NOT NULL,
  state INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,     -- oldest change that it stands for: order within a profile and lane
  seq INTEGER NOT NULL,           -- newest one
  since_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  failing_since_ms INTEGER,
  gone TEXT,                      -- in flight while its profile merged (the survivor) or was erased (empty)
  payload TEXT,
  job TEXT,
  job_position INTEGER,
  then_known TEXT,                -- what is acknowledged once the job is done
  PRIMARY KEY (destination, profile, kind, item)
) STRICT, WITHOUT ROWID;

CREATE INDEX delivery_due ON delivery (destination, lane, due_ms) WHERE state IN (0, 3);
CREATE INDEX delivery_job_rows ON delivery (destination, job, job_position) WHERE job IS NOT NULL;

CREATE TABLE acknowledged (
  destination INTEGER NOT NULL,
  profile TEXT NOT NULL,
  key TEXT NOT NULL,              -- JSON: what the profile is called there
  former TEXT,                    -- JSON: what else it was called there, to be erased with it
  fields TEXT NOT NULL,           -- JSON: a fingerprint by field, audience and suppression
  version INTEGER NOT NULL,
  acked_ms INTEGER,
  PRIMARY KEY (destination, profile)
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery_job (
  destination INTEGER NOT NULL,
  job TEXT NOT NULL,
  operation TEXT NOT NULL,
  started_ms INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  PRIMARY KEY (destination, job)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letter (
  id INTEGER PRIMARY KEY,
  destination INTEGER NOT NULL,
  profile TEXT NOT NULL,
  kind INTEGER NOT NULL,
  item TEXT NOT NULL,
  lane INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  payload TEXT,
  at_ms INTEGER NOT NULL,
  why TEXT NOT NULL,              -- dropped, tooOld, uncertain
  operation TEXT NOT NULL,
  reason TEXT NOT NULL,
  request TEXT,                   -- masked
  response TEXT                   -- masked
) STRICT;

CREATE UNIQUE INDEX dead_letter_of ON dead_letter (destination, profile, kind, item);

CREATE TABLE delivery_attempt (
  id INTEGER PRIMARY KEY,
  destination INTEGER NOT NULL,
  profile TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  operation TEXT NOT NULL,
  outcome TEXT NOT NULL,
  status INTEGER,
  reason TEXT,
  duration_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX delivery_attempt_of ON delivery_attempt (profile, destination);

CREATE TABLE people_cursor (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL            -- merges and erasures up to this seq are taken in
) STRICT;
`;

/** Erase rules of these tables. */
export const deliveryEraseRules: Readonly<Record<string, string>> = {
  destination: "names destinations of freshet.yaml, no profile",
  delivery:
    "rows of an erased profile go; an erasure that a destination declares stands here, with what the profile is called there, until it is done there",
  acknowledged: "the row of an erased profile goes",
  delivery_job: "names jobs of destinations, no profile",
  dead_letter: "rows of an erased profile go",
  delivery_attempt: "rows of an erased profile go",
  people_cursor: "how far merges and erasures were read, and nobody's data",
};
