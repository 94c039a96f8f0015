/** Reading the journal on a connection of one's own. Reads are short (a page, a row), so checkpoints are not held up. */
import type { Namespace } from "../model/event.ts";
import { eventColumns, rowKind, type EventRow } from "./row.ts";
import { readPairs, type Pair } from "./forbidden.ts";
import { configVersions, type ConfigVersion } from "./configVersions.ts";
import { readSchemaVersion, schemaVersion } from "./migrations.ts";
import { openDatabase, type Database, type Statement } from "./sqlite.ts";

const selectPage = `SELECT ${eventColumns} FROM journal WHERE seq > ? ORDER BY seq LIMIT ?`;
const selectRow = `SELECT ${eventColumns} FROM journal WHERE seq = ?`;
const selectChanges = `
SELECT seq, kind, flags, source, name, message_id, timestamp_ms, received_at_ms, committed_at_ms, pid, identifiers, diff
FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?`;

/** Acts on people, and rows whose diff says `merged`. */
const selectPeople = `
SELECT seq, kind, flags, source, name, message_id, timestamp_ms, received_at_ms, committed_at_ms, pid, identifiers, diff
FROM journal
WHERE seq > ? AND seq <= ? AND (kind IN (${rowKind.erase}, ${rowKind.undo}) OR instr(diff, '"merged":[') > 0) ORDER BY seq`;

/** What the change log needs of a row. */
export type ChangeRow = Pick<
  EventRow,
  | "seq"
  | "kind"
  | "flags"
  | "source"
  | "name"
  | "message_id"
  | "timestamp_ms"
  | "received_at_ms"
  | "committed_at_ms"
  | "pid"
  | "identifiers"
  | "diff"
>;

const selectAudience = `
SELECT at_ms AS atMs, size FROM audience_sizes
WHERE namespace = ?1 AND segment = ?2 AND at_ms >= coalesce(
  (SELECT max(at_ms) FROM audience_sizes WHERE namespace = ?1 AND segment = ?2 AND at_ms <= ?3), 0)
ORDER BY at_ms`;

/** How many profiles were in a segment, from an instant on. */
export interface AudienceSize {
  readonly atMs: number;
  readonly size: number;
}

const selectFollowed = `
SELECT last_event_id FROM followed JOIN sources ON sources.id = followed.source WHERE sources.name = ?`;

/** A quarantined piece of input. */
export interface QuarantineRow {
  readonly id: number;
  readonly code: string;
  readonly message: string;
  readonly source: string;
  readonly namespace: string;
  readonly trusted: number;
  readonly call: string;
  readonly message_id: string | null;
  readonly received_at_ms: number;
  readonly replayed_at_ms: number | null;
  readonly body: Uint8Array;
}

/** What waits in the quarantine for one reason from one source. */
export interface QuarantineGroup {
  readonly code: string;
  readonly source: string;
  readonly count: number;
  readonly oldestAtMs: number;
  readonly newestAtMs: number;
}

const quarantineColumns =
  "id, code, message, source, namespace, trusted, call, message_id, received_at_ms, replayed_at_ms, body";
const selectGroups = `
SELECT waiting.code, waiting.source, waiting.count, oldest.received_at_ms AS oldestAtMs, newest.received_at_ms AS newestAtMs
FROM (
  SELECT code, source, count(*) AS count, min(id) AS first, max(id) AS last
  FROM quarantine WHERE replayed_at_ms IS NULL GROUP BY code, source
) AS waiting
JOIN quarantine AS oldest ON oldest.id = waiting.first
JOIN quarantine AS newest ON newest.id = waiting.last
ORDER BY waiting.count DESC, waiting.code, waiting.source
LIMIT ?`;
const selectWaiting = `
SELECT ${quarantineColumns} FROM quarantine
WHERE replayed_at_ms IS NULL AND code = ? AND source = ? AND id < ? ORDER BY id DESC LIMIT ?`;

/** How often one rule of the tracking plan was broken. */
export interface PlanViolations {
  readonly event: string;
  readonly source: string;
  readonly property: string;
  readonly rule: string;
  readonly mode: string;
  readonly count: number;
  readonly lastAtMs: number;
  readonly samples: readonly string[];
}

const selectViolations = `
SELECT event, sources.name AS source, property, rule, mode, sum(count) AS count, max(last_at_ms) AS lastAtMs,
       json_group_array(samples ORDER BY day) AS samples
FROM plan_violations JOIN sources ON sources.id = plan_violations.source
WHERE day >= ?
GROUP BY event, sources.name, property, rule, mode
ORDER BY sum(count) DESC, event, property, rule
LIMIT 1000`;

export type UndoTold = Pick<EventRow, "diff" | "committed_at_ms">;

const selectUndo = `
SELECT diff, committed_at_ms FROM journal
WHERE pid = ? AND kind > 0 AND kind = ${rowKind.undo} AND seq <= ? ORDER BY seq DESC LIMIT 1`;

const shownSamples = 5;

/** Texts of lists of samples (planTally.ts), oldest first, as one list. */
function newestSamples(text: string): readonly string[] {
  return (JSON.parse(text) as string[]).flatMap((list) => JSON.parse(list) as string[]).slice(-shownSamples);
}

export class JournalReader implements Disposable {
  readonly #database: Database;
  readonly #page: Statement<EventRow, [number, number]>;
  readonly #row: Statement<EventRow, [number]>;
  readonly #changes: Statement<ChangeRow, [number, number, number]>;
  readonly #sourceNames: string[] = [];
  readonly journalId: string;
  readonly epoch: number;

  /** Opens an existing journal for reading; throws if its schema is not this program's. */
  constructor(path: string) {
    this.#database = openDatabase(path, { mode: "read" });
    const found = readSchemaVersion(this.#database);
    if (found !== schemaVersion) {
      this.#database.close();
      throw new Error(`the journal has schema ${found}, this program reads ${schemaVersion}`);
    }
    this.#page = this.#database.query(selectPage);
    this.#row = this.#database.query(selectRow);
    this.#changes = this.#database.query(selectChanges);
    this.journalId = this.#meta("journalId") ?? "";
    this.epoch = Number(this.#meta("epoch") ?? 1);
  }

  /** Restorations from a backup: the epoch that each began, and the newest row that it kept. */
  restores(): readonly { readonly epoch: number; readonly head: number }[] {
    return JSON.parse(this.#meta("restores") ?? "[]") as { epoch: number; head: number }[];
  }

  head(): number {
    return (
      this.#database.query<{ head: number | null }, []>("SELECT max(seq) AS head FROM journal").get()?.head ??
      0
    );
  }

  rowsAfter(afterSeq: number, limit: number): EventRow[] {
    return this.#page.all(afterSeq, limit);
  }

  row(seq: number): EventRow | null {
    return this.#row.get(seq);
  }

  /** Rows after `afterSeq` up to and with `toSeq`, at most `limit`, without bodies. */
  changes(afterSeq: number, toSeq: number, limit: number): ChangeRow[] {
    return this.#changes.all(afterSeq, toSeq, limit);
  }

  /** Of these rows those that may tell what became of people. */
  people(afterSeq: number, toSeq: number): ChangeRow[] {
    return this.#database.query<ChangeRow, [number, number]>(selectPeople).all(afterSeq, toSeq);
  }

  /** Sizes of a segment's audience since `sinceMs` and the last one before, oldest first. */
  audienceHistory(namespace: Namespace, segment: string, sinceMs: number): readonly AudienceSize[] {
    return this.#database
      .query<AudienceSize, [string, string, number]>(selectAudience)
      .all(namespace, segment, sinceMs);
  }

  /** How far a followed source has come; null for one that was never followed. */
  lastEventId(source: string): string | null {
    const query = this.#database.query<{ last_event_id: string }, [string]>(selectFollowed);
    return query.get(source)?.last_event_id ?? null;
  }

  /** Quarantined input newest first, older than `beforeId`. */
  quarantine(beforeId: number, limit: number): QuarantineRow[] {
    return this.#database
      .query<QuarantineRow, [number, number]>(
        `SELECT ${quarantineColumns} FROM quarantine WHERE id < ? ORDER BY id DESC LIMIT ?`,
      )
      .all(beforeId, limit);
  }

  /** What waits in the quarantine, counted by code and source, the largest group first, at most `limit` groups. */
  quarantineGroups(limit: number): QuarantineGroup[] {
    return this.#database.query<QuarantineGroup, [number]>(selectGroups).all(limit);
  }

  /** Pieces of one group that wait, newest first, older than `beforeId`. */
  quarantineWaiting(code: string, source: string, beforeId: number, limit: number): QuarantineRow[] {
    return this.#database
      .query<QuarantineRow, [string, string, number, number]>(selectWaiting)
      .all(code, source, beforeId, limit);
  }

  /** One quarantined piece; null if there is none of that number. */
  quarantinePiece(id: number): QuarantineRow | null {
    return this.#database
      .query<QuarantineRow, [number]>(`SELECT ${quarantineColumns} FROM quarantine WHERE id = ?`)
      .get(id);
  }

  /** What broke the tracking plan on the last so many days (UTC, today included), the most frequent first. */
  planViolations(nowMs: number, days: number): PlanViolations[] {
    const from = Math.floor(nowMs / 86_400_000) - days + 1;
    return this.#database
      .query<Omit<PlanViolations, "samples"> & { samples: string }, [number]>(selectViolations)
      .all(from)
      .map((row) => ({ ...row, samples: newestSamples(row.samples) }));
  }

  /** Pairs of identifiers that an operator took apart. */
  forbiddenPairs(): readonly Pair[] {
    return readPairs(this.#database);
  }

  /** The newest row up to a seq that told a profile's membership after an undo; null: there is none. */
  undoTold(pid: number, toSeq: number): UndoTold | null {
    return this.#database.query<UndoTold, [number, number]>(selectUndo).get(pid, toSeq);
  }

  /** Configurations that were in use, the newest first. */
  configVersions(limit: number): readonly ConfigVersion[] {
    return configVersions(this.#database, limit);
  }

  sourceName(id: number): string {
    const known = this.#sourceNames[id];
    if (known !== undefined) return known;
    for (const row of this.#database
      .query<{ id: number; name: string }, []>("SELECT id, name FROM sources")
      .all())
      this.#sourceNames[row.id] = row.name;
    return this.#sourceNames[id] ?? "unknown";
  }

  /** SQLite's own check of every page; empty when all is well. */
  integrityProblems(): string[] {
    const rows = this.#database.query<{ integrity_check: string }, []>("PRAGMA integrity_check(20)").all();
    return rows.map((row) => row.integrity_check).filter((line) => line !== "ok");
  }

  [Symbol.dispose](): void {
    this.#page.finalize();
    this.#row.finalize();
    this.#changes.finalize();
    this.#database.close();
  }

  /** What the journal remembers under a name; null: nothing. */
  getMeta(name: string): string | null {
    return this.#meta(name) ?? null;
  }

  #meta(name: string): string | undefined {
    return this.#database
      .query<{ value: string }, [string]>("SELECT value FROM meta WHERE name = ?")
      .get(name)?.value;
  }
}
