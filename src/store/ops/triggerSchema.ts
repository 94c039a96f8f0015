/** The tables of triggers in ops.db. */

export const triggerSchema = `
CREATE TABLE trigger_cursor (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL
) STRICT;

CREATE TABLE trigger_known (
  name TEXT PRIMARY KEY,
  since_seq INTEGER NOT NULL,     -- what came before it was there sets nothing off
  since_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE trigger_log (
  item TEXT PRIMARY KEY,          -- trigger, profile and seq at first: once for each time it is set off
  trigger_name TEXT NOT NULL,
  profile TEXT NOT NULL,
  topic TEXT,
  seq INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,         -- when it came about
  outcome TEXT NOT NULL,          -- queued, sent, uncertain, skipped, dead, held_out
  reason TEXT,
  settled_ms INTEGER,
  receipt TEXT,
  goal_ms INTEGER                 -- when the goal was reached, within its time
) STRICT, WITHOUT ROWID;

CREATE INDEX trigger_log_by_profile ON trigger_log (profile, at_ms);
CREATE INDEX trigger_log_by_trigger ON trigger_log (trigger_name, at_ms);
`;

export const triggerEraseRules: Readonly<Record<string, string>> = {
  trigger_cursor: "holds a place in the change log",
  trigger_known: "holds names of triggers",
  trigger_log: "rows of an erased profile go",
};
