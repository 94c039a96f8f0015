/** The audit log as rows of ops.db, for the one thread that has it open. */
import type { Database, SqlValue } from "../sqlite.ts";
import type { AuditAct, AuditEntry, AuditOutcome } from "./audit.ts";

const insertAct =
  "INSERT INTO audit (at_ms, actor, address, action, target, outcome, detail) VALUES (?, ?, ?, ?, ?, ?, ?)";
const updateOutcome = "UPDATE audit SET outcome = ?, detail = ? WHERE id = ?";
const columns = "id, at_ms, actor, address, action, target, outcome, detail";
const selectPage = `SELECT ${columns} FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?`;
const selectPageOf = `SELECT ${columns} FROM audit WHERE action = ? AND id < ? ORDER BY id DESC LIMIT ?`;
const trimAll = "DELETE FROM audit WHERE id <= ?";
const trimOf =
  "DELETE FROM audit WHERE action = ? AND id <= (SELECT id FROM audit WHERE action = ? ORDER BY id DESC LIMIT 1 OFFSET ?)";

/** Rows kept; the oldest go first. */
const maxRows = 100_000;
/** Of what strangers can cause, fewer are kept, so that they can't push the operators' acts out. */
const strangersAction = "sign_in_refused";
const maxStrangersRows = 10_000;
/** Rows between two looks at whether there are too many. */
const trimEvery = 500;

interface Row {
  readonly id: number;
  readonly at_ms: number;
  readonly actor: string | null;
  readonly address: string | null;
  readonly action: string;
  readonly target: string | null;
  readonly outcome: AuditOutcome;
  readonly detail: string | null;
}

export class AuditTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Writes an act down; it is on disk when this returns. */
  insert(act: AuditAct, outcome: AuditOutcome): number {
    const { atMs, actor, address, action, target, detail } = act;
    const values: SqlValue[] = [atMs, actor, address, action, target, outcome, textOf(detail)];
    const id = Number(this.#database.query(insertAct).run(...values).lastInsertRowid);
    if (id % trimEvery === 0) this.#trim(id);
    return id;
  }

  /** Says how an act ended. */
  end(id: number, outcome: AuditOutcome, detail: unknown): void {
    this.#database.query(updateOutcome).run(outcome, textOf(detail), id);
  }

  /** Entries newest first, older than `beforeId`; of one action only, unless it is null. */
  page(beforeId: number, limit: number, action: string | null): AuditEntry[] {
    const rows =
      action === null
        ? this.#database.query<Row, [number, number]>(selectPage).all(beforeId, limit)
        : this.#database.query<Row, [string, number, number]>(selectPageOf).all(action, beforeId, limit);
    return rows.map(({ at_ms, detail, ...row }) => ({
      ...row,
      atMs: at_ms,
      detail: detail === null ? null : (JSON.parse(detail) as unknown),
    }));
  }

  #trim(newest: number): void {
    this.#database.query(trimAll).run(newest - maxRows);
    this.#database.query(trimOf).run(strangersAction, strangersAction, maxStrangersRows);
  }
}

function textOf(detail: unknown): string | null {
  return detail === null || detail === undefined ? null : JSON.stringify(detail);
}
