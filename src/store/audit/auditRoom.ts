/**
 * What audits remember, as rows of ops.db: cells of days (model/audit/cells.ts), the seals of the journal, facts that
 * two sources tell, what the profiles were like, and every run with what it found. Numbers, hashes and names of events
 * and properties; no text of a person.
 */
import type { Finding } from "../../model/audit/finding.ts";
import type { Database } from "../sqlite.ts";
import type { KeptCell, ScanRow, Sealed, Tallied, TellableFact } from "./tallied.ts";

/** A run with its outcome. */
export interface AuditRun {
  readonly id: number;
  readonly begunAtMs: number;
  readonly endedAtMs: number;
  /** `schedule`, or who asked for it. */
  readonly cause: string;
  readonly findings: number;
  readonly critical: number;
  /** What was looked at, plain JSON. */
  readonly report: unknown;
}

/** A finding of a run, with when it was met first. */
export interface KeptFinding extends Finding {
  readonly firstSeenMs: number;
}

/** The journal that is counted. */
export interface CountedJournal {
  readonly journalId: string;
  readonly epoch: number;
  readonly head: number;
}

/** How far the tally is. */
export interface AuditState {
  /** Rows up to this seq are counted. */
  readonly cursor: number;
  /** Seq of the newest erasure among them; 0: there is none. */
  readonly erasure: number;
  /** Blocks up to this number are sealed; −1: none. */
  readonly lastBlock: number;
}

const dayMs = 86_400_000;
/** Facts of which only one side came are of no use for longer. */
const factDays = 35;
const maxFacts = 500_000;
const maxRuns = 3_000;

const upsertState =
  "INSERT INTO audit_state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
const upsertCell =
  "INSERT INTO audit_cells (day, source, event, cell) VALUES (?, ?, ?, ?) ON CONFLICT (day, source, event) DO UPDATE SET cell = excluded.cell";
const insertSeal =
  "INSERT OR REPLACE INTO audit_seals (block, rows, digest, leaves, sealed_at_ms, checked_at_ms) VALUES (?, ?, ?, ?, ?, ?)";
const upsertFact = `
INSERT INTO audit_facts (name, key, side, number, digest, seq, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (name, key, side) DO UPDATE SET number = excluded.number, digest = excluded.digest, seq = excluded.seq, at_ms = excluded.at_ms`;
const upsertScan =
  "INSERT INTO audit_scans (day, scope, at_ms, cell) VALUES (?, ?, ?, ?) ON CONFLICT (day, scope) DO UPDATE SET at_ms = excluded.at_ms, cell = excluded.cell";
const runColumns =
  "id, begun_at_ms AS begunAtMs, ended_at_ms AS endedAtMs, cause, findings, critical, report";
const trimFacts =
  "DELETE FROM audit_facts WHERE at_ms < ?1 OR at_ms < coalesce((SELECT at_ms FROM audit_facts ORDER BY at_ms DESC LIMIT 1 OFFSET ?2), 0)";

const tables = ["audit_cells", "audit_seals", "audit_facts", "audit_scans", "audit_state"] as const;

export class AuditRoom {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * How far the tally of this journal is. What was kept of another one is dropped. After a restore (`epoch`) rows may be
   * others than those that were sealed; what was counted of days stays.
   */
  state({ journalId, epoch, head }: CountedJournal): AuditState {
    if (this.#value("journal") !== journalId)
      this.#forget(tables, { journal: journalId, epoch: String(epoch) });
    if (this.#value("epoch") !== String(epoch)) {
      const cursor = Math.min(head, Number(this.#value("cursor") ?? 0));
      this.#forget(["audit_seals"], { epoch: String(epoch), cursor: String(cursor) });
    }
    const last = this.#database
      .query<{ block: number | null }, []>("SELECT max(block) AS block FROM audit_seals")
      .get();
    return {
      cursor: Number(this.#value("cursor") ?? 0),
      erasure: Number(this.#value("erasure") ?? 0),
      lastBlock: last?.block ?? -1,
    };
  }

  /** Keeps what was counted, if it continues what is kept; false if somebody else was quicker. */
  tallied({ fromSeq, toSeq, cells, facts, erasure }: Omit<Tallied, "seals">): boolean {
    if (Number(this.#value("cursor") ?? 0) !== fromSeq) return false;
    this.#together(() => {
      for (const { day, source, event, cell } of cells)
        this.#database.query(upsertCell).run(day, source, event, cell);
      for (const { name, key, side, number, digest, seq, atMs } of facts)
        this.#database.query(upsertFact).run(name, key, side, number, digest, seq, atMs);
      this.#database.query(upsertState).run("cursor", String(toSeq));
      if (erasure > 0) this.#database.query(upsertState).run("erasure", String(erasure));
    });
    return true;
  }

  /** Keeps seals of blocks, and of those that were looked at again when. */
  sealed(seals: readonly Sealed[], checked: readonly number[], atMs: number): void {
    this.#together(() => {
      for (const { block, rows, digest, leaves } of seals)
        this.#database.query(insertSeal).run(block, rows, digest, leaves, atMs, atMs);
      for (const block of checked)
        this.#database.query("UPDATE audit_seals SET checked_at_ms = ? WHERE block = ?").run(atMs, block);
    });
  }

  /** Keeps a run, what it found and what profiles were like; gives its number. */
  recorded(
    run: Omit<AuditRun, "id" | "findings" | "critical">,
    findings: readonly Finding[],
    scans: readonly ScanRow[],
    keepDays: number,
  ): number {
    const { begunAtMs, endedAtMs, cause, report } = run;
    return this.#together(() => {
      const critical = findings.filter(({ severity }) => severity === "critical").length;
      const id = Number(
        this.#database
          .query(
            "INSERT INTO audit_runs (begun_at_ms, ended_at_ms, cause, findings, critical, report) VALUES (?, ?, ?, ?, ?, ?)",
          )
          .run(begunAtMs, endedAtMs, cause, findings.length, critical, JSON.stringify(report))
          .lastInsertRowid,
      );
      const before = this.#firstSeen(id);
      for (const finding of findings)
        this.#database
          .query("INSERT INTO audit_findings (run, key, first_seen_ms, finding) VALUES (?, ?, ?, ?)")
          .run(id, finding.key, before.get(finding.key) ?? endedAtMs, JSON.stringify(finding));
      for (const { day, scope, atMs, cell } of scans)
        this.#database.query(upsertScan).run(day, scope, atMs, cell);
      this.#trim(endedAtMs, keepDays, id);
      return id;
    });
  }

  /** Runs newest first, older than `beforeId`. */
  runs(beforeId: number, limit: number): AuditRun[] {
    return this.#database
      .query<AuditRun & { report: string }, [number, number]>(
        `SELECT ${runColumns} FROM audit_runs WHERE id < ? ORDER BY id DESC LIMIT ?`,
      )
      .all(beforeId, limit)
      .map((row) => ({ ...row, report: JSON.parse(row.report) as unknown }));
  }

  /** What a run found, critical ones first. */
  findings(run: number): KeptFinding[] {
    const found = this.#database
      .query<{ first_seen_ms: number; finding: string }, [number]>(
        "SELECT first_seen_ms, finding FROM audit_findings WHERE run = ? ORDER BY key",
      )
      .all(run)
      .map(({ first_seen_ms, finding }) => ({
        ...(JSON.parse(finding) as Finding),
        firstSeenMs: first_seen_ms,
      }));
    return found.sort((left, right) => left.severity.localeCompare(right.severity));
  }

  /** The cells of one kind of event by day, oldest first. */
  series(source: string, event: string, fromDay: number): KeptCell[] {
    return this.#database
      .query<KeptCell, [string, string, number]>(
        "SELECT day, source, event, cell FROM audit_cells WHERE source = ? AND event = ? AND day >= ? ORDER BY day",
      )
      .all(source, event, fromDay);
  }

  /** Which sources sent which events since a day. */
  kinds(fromDay: number): { readonly source: string; readonly event: string }[] {
    return this.#database
      .query<{ source: string; event: string }, [number]>(
        "SELECT DISTINCT source, event FROM audit_cells WHERE day >= ? ORDER BY source, event LIMIT 2000",
      )
      .all(fromDay);
  }

  /** What profiles were like by day, oldest first. */
  scans(scope: string, fromDay: number): ScanRow[] {
    return this.#database
      .query<ScanRow, [string, number]>(
        "SELECT day, scope, at_ms AS atMs, cell FROM audit_scans WHERE scope = ? AND day >= ? ORDER BY day",
      )
      .all(scope, fromDay);
  }

  /** The newest scan of every scope. */
  lastScans(): ScanRow[] {
    return this.#database
      .query<ScanRow, []>(
        "SELECT day, scope, at_ms AS atMs, cell FROM audit_scans WHERE day = (SELECT max(day) FROM audit_scans) ORDER BY scope",
      )
      .all();
  }

  /** Facts of a check by their key, both sides. */
  facts(name: string, keys: readonly string[]): TellableFact[] {
    const query = this.#database.query<TellableFact, [string, string]>(
      "SELECT name, key, side, number, digest, seq, at_ms AS atMs FROM audit_facts WHERE name = ? AND key = ? ORDER BY side",
    );
    return keys.flatMap((key) => query.all(name, key));
  }

  /** How many blocks are sealed, and when the one was that was looked at longest ago. */
  seals(): { readonly blocks: number; readonly rows: number; readonly oldestCheckMs: number | null } {
    return (
      this.#database
        .query<{ blocks: number; rows: number; oldestCheckMs: number | null }, []>(
          "SELECT count(*) AS blocks, coalesce(sum(rows), 0) AS rows, min(checked_at_ms) AS oldestCheckMs FROM audit_seals",
        )
        .get() ?? { blocks: 0, rows: 0, oldestCheckMs: null }
    );
  }

  #forget(emptied: readonly (typeof tables)[number][], values: Readonly<Record<string, string>>): void {
    this.#together(() => {
      for (const table of emptied) this.#database.run(`DELETE FROM ${table}`);
      for (const [name, value] of Object.entries(values)) this.#database.query(upsertState).run(name, value);
    });
  }

  /** When findings of the run before were met first. */
  #firstSeen(run: number): ReadonlyMap<string, number> {
    const rows = this.#database
      .query<{ key: string; first_seen_ms: number }, [number]>(
        "SELECT key, first_seen_ms FROM audit_findings WHERE run = (SELECT max(id) FROM audit_runs WHERE id < ?)",
      )
      .all(run);
    return new Map(rows.map(({ key, first_seen_ms }) => [key, first_seen_ms]));
  }

  #trim(nowMs: number, keepDays: number, newest: number): void {
    const fromDay = Math.floor(nowMs / dayMs) - keepDays;
    this.#database.query("DELETE FROM audit_cells WHERE day < ?").run(fromDay);
    this.#database.query("DELETE FROM audit_scans WHERE day < ?").run(fromDay);
    this.#database.query(trimFacts).run(nowMs - factDays * dayMs, maxFacts);
    this.#database
      .query("DELETE FROM audit_runs WHERE ended_at_ms < ? OR id <= ?")
      .run(nowMs - keepDays * dayMs, newest - maxRuns);
    this.#database.run(
      "DELETE FROM audit_findings WHERE run < coalesce((SELECT min(id) FROM audit_runs), 0)",
    );
  }

  #value(name: string): string | null {
    return (
      this.#database
        .query<{ value: string }, [string]>("SELECT value FROM audit_state WHERE name = ?")
        .get(name)?.value ?? null
    );
  }

  #together<T>(work: () => T): T {
    return this.#database.transaction(work)();
  }
}
