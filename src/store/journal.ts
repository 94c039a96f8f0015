/**
 * The journal on disk, for the one thread that writes it. Appends touch no index but the rowid, so their cost does
 * not grow with its age. Readers use journalReader.ts on connections of their own.
 */
import type { EventError } from "../errors.ts";
import { migrate } from "./migrations.ts";
import { eventColumns, type EventRow } from "./row.ts";
import { openDatabase, type Database, type SqlValue, type Statement } from "./sqlite.ts";
import type { Ids } from "../lib/id.ts";
import type { Frame } from "./accept.ts";
import { withoutKey } from "./withoutKey.ts";

const insertRow = `
INSERT INTO journal (${eventColumns})
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

const insertQuarantine = `
INSERT INTO quarantine (code, message, source, namespace, trusted, call, message_id, received_at_ms, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`;

const updateProjection = `
UPDATE journal SET pid = ?, prev = ?, identifiers = ?, diff = ?, extra = ?, flags = ? WHERE seq = ?`;

const upsertFollowed = `
INSERT INTO followed (source, last_event_id) VALUES (?, ?)
ON CONFLICT (source) DO UPDATE SET last_event_id = excluded.last_event_id`;

/** Quarantine never grows beyond this many rows; the oldest go first, and that is counted and logged. */
const maxQuarantineRows = 200_000;

export class Journal implements Disposable {
  readonly database: Database;
  /** Names this journal for ever; a restored copy keeps it. */
  readonly id: string;
  /** Part of every cursor; replaced by `restore`. */
  readonly epoch: number;
  readonly #begin: Statement<unknown, []>;
  readonly #commit: Statement<unknown, []>;
  readonly #insert: Statement<unknown, SqlValue[]>;
  readonly #insertQuarantine: Statement<unknown, SqlValue[]>;
  readonly #update: Statement<unknown, SqlValue[]>;
  readonly #sources = new Map<string, number>();
  readonly #sourceNames: string[] = [];

  constructor(path: string, ids: Ids) {
    this.database = openDatabase(path, { mode: "write" });
    migrate(this.database);
    this.id = this.#metaOnce("journalId", () => ids.uuid());
    this.epoch = Number(this.#metaOnce("epoch", () => "1"));
    this.#begin = this.database.query("BEGIN IMMEDIATE");
    this.#commit = this.database.query("COMMIT");
    this.#insert = this.database.query(insertRow);
    this.#insertQuarantine = this.database.query(insertQuarantine);
    this.#update = this.database.query(updateProjection);
    this.reloadSources();
  }

  /** Seq of the newest row; 0 for an empty journal. */
  head(): number {
    return (
      this.database.query<{ head: number | null }, []>("SELECT max(seq) AS head FROM journal").get()?.head ??
      0
    );
  }

  begin(): void {
    this.#begin.run();
  }

  /** Returns once the transaction is on disk. */
  commit(): void {
    this.#commit.run();
  }

  /** Ends a transaction that failed; harmless when SQLite has already rolled back by itself. */
  rollback(): void {
    if (this.database.inTransaction) this.database.run("ROLLBACK");
    this.reloadSources();
  }

  /** Appends one row; the values stand in the order of eventColumns. */
  append(row: SqlValue[]): void {
    this.#insert.run(...row);
  }

  /** Sets what folding decided for a row that was appended before. */
  setProjection(
    seq: number,
    pid: number | null,
    prev: number | string | null,
    identifiers: string | null,
    diff: string | null,
    extra: string | null,
    flags: number,
  ): void {
    this.#update.run(pid, prev, identifiers, diff, extra, flags, seq);
  }

  /** Keeps one refused piece of input; returns its number. */
  quarantine(
    frame: Omit<Frame, "body" | "lane">,
    error: EventError,
    messageId: string | null,
    body: Uint8Array,
  ): number {
    const result = this.#insertQuarantine.run(
      error.code,
      error.message,
      frame.source,
      frame.namespace,
      frame.trusted ? 1 : 0,
      frame.call,
      messageId,
      frame.receivedAtMs,
      withoutKey(body),
    );
    return Number(result.lastInsertRowid);
  }

  /** Drops the oldest quarantine rows beyond the bound; returns how many. */
  trimQuarantine(): number {
    const newest =
      this.database.query<{ id: number | null }, []>("SELECT max(id) AS id FROM quarantine").get()?.id ?? 0;
    return this.database.query("DELETE FROM quarantine WHERE id <= ?").run(newest - maxQuarantineRows)
      .changes;
  }

  /** The number of a source, made on first sight (inside the caller's transaction). */
  sourceNumber(name: string): number {
    const known = this.#sources.get(name);
    if (known !== undefined) return known;
    const id = this.#sources.size + 1;
    this.database.query("INSERT INTO sources (id, name) VALUES (?, ?)").run(id, name);
    this.#sources.set(name, id);
    this.#sourceNames[id] = name;
    return id;
  }

  /** Notes how far a followed stream has come (inside the caller's transaction). */
  setLastEventId(source: string, lastEventId: string): void {
    this.database.query(upsertFollowed).run(this.sourceNumber(source), lastEventId);
  }

  /** A source's name by number. */
  sourceName(id: number): string {
    return this.#sourceNames[id] ?? "unknown";
  }

  reloadSources(): void {
    this.#sources.clear();
    for (const row of this.database
      .query<{ id: number; name: string }, []>("SELECT id, name FROM sources")
      .all()) {
      this.#sources.set(row.name, row.id);
      this.#sourceNames[row.id] = row.name;
    }
  }

  /** Rows after `afterSeq` in order, at most `limit`; short reads, so that checkpoints are not held up. */
  rowsAfter(afterSeq: number, limit: number): EventRow[] {
    return this.database
      .query<EventRow, [number, number]>(
        `SELECT ${eventColumns} FROM journal WHERE seq > ? ORDER BY seq LIMIT ?`,
      )
      .all(afterSeq, limit);
  }

  row(seq: number): EventRow | null {
    return this.database
      .query<EventRow, [number]>(`SELECT ${eventColumns} FROM journal WHERE seq = ?`)
      .get(seq);
  }

  /** Moves the write-ahead log into the database and empties it; false while a reader holds it. */
  truncateLog(): boolean {
    return this.database.query<{ busy: number }, []>("PRAGMA wal_checkpoint(TRUNCATE)").get()?.busy === 0;
  }

  /** Writes every page anew, so that none holds anything but its rows. Needs as much disk again for a moment. */
  rewrite(): void {
    this.database.run("VACUUM");
  }

  /** Size of the database's pages. */
  bytes(): number {
    return (
      this.database
        .query<{ bytes: number }, []>(
          "SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()",
        )
        .get()?.bytes ?? 0
    );
  }

  /** Seq of the newest row that was folded; 0: none. */
  lastFolded(): number {
    return (
      this.database
        .query<{ seq: number }, []>("SELECT seq FROM journal WHERE pid IS NOT NULL ORDER BY seq DESC LIMIT 1")
        .get()?.seq ?? 0
    );
  }

  getMeta(name: string): string | null {
    return (
      this.database.query<{ value: string }, [string]>("SELECT value FROM meta WHERE name = ?").get(name)
        ?.value ?? null
    );
  }

  /** Names in `meta` that begin so. */
  metaNames(prefix: string): readonly string[] {
    return this.database
      .query<{ name: string }, [string]>("SELECT name FROM meta WHERE substr(name, 1, length(?1)) = ?1")
      .all(prefix)
      .map(({ name }) => name);
  }

  removeMeta(name: string): void {
    this.database.query("DELETE FROM meta WHERE name = ?").run(name);
  }

  setMeta(name: string, value: string): void {
    this.database
      .query(
        "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      )
      .run(name, value);
  }

  [Symbol.dispose](): void {
    this.#begin.finalize();
    this.#commit.finalize();
    this.#insert.finalize();
    this.#insertQuarantine.finalize();
    this.#update.finalize();
    this.database.close();
  }

  #metaOnce(name: string, make: () => string): string {
    const found = this.getMeta(name);
    if (found !== null) return found;
    const value = make();
    this.setMeta(name, value);
    return value;
  }
}
