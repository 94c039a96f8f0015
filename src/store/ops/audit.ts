/** The audit log as the rest of the program sees it: an act is on disk before it is done, its outcome after. */

/** How an act stands; `begun` for ever where the process ended in the middle of it. */
export type AuditOutcome = "begun" | "done" | "failed";

/** What is kept of an act. Never an identifier of a profile, a key's text or an event. */
export interface AuditAct {
  readonly atMs: number;
  /** A key's id; `socket` for whoever opened the data folder's socket; null for somebody unknown. */
  readonly actor: string | null;
  readonly address: string | null;
  /** What was done, such as `key.create`. */
  readonly action: string;
  /** What it was done to: a key's id, a folder, a count. */
  readonly target: string | null;
  /** Further facts, plain JSON. */
  readonly detail: unknown;
}

/** An act as read back. */
export interface AuditEntry extends AuditAct {
  /** Grows with time. */
  readonly id: number;
  readonly outcome: AuditOutcome;
}

/** Durable; resolves when the disk has it. Rejects when ops.db can't be written. */
export interface AuditLog {
  /** Writes down that an act begins, or, with another outcome, that it was done. */
  write(act: AuditAct, outcome: AuditOutcome): Promise<number>;
  /** Says how the act of that id ended. */
  end(id: number, outcome: AuditOutcome, detail: unknown): Promise<void>;
  /** Entries newest first, older than `beforeId` (null: the newest), at most `limit`; `action` null: all. */
  page(beforeId: number | null, limit: number, action: string | null): Promise<readonly AuditEntry[]>;
}
