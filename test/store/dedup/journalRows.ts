/** Bare rows in a real journal: only what the index of messageIds looks at. */
import type { Journal } from "../../../src/store/journal.ts";
import { rowKind } from "../../../src/store/row.ts";

/** Appends an event row with this messageId, in the caller's transaction. */
export function appendEvent(journal: Journal, seq: number, source: number, messageId: string): void {
  appendRow(journal, seq, rowKind.event, source, messageId);
}

/** Appends a row of the journal's own, without a messageId. */
export function appendAct(journal: Journal, seq: number): void {
  appendRow(journal, seq, rowKind.refold, 0, null);
}

const insert = `
INSERT INTO journal (seq, kind, flags, source, message_id, timestamp_ms, request_index, committed_at_ms)
VALUES (?, ?, 0, ?, ?, 0, 0, 0)`;

function appendRow(
  journal: Journal,
  seq: number,
  kind: number,
  source: number,
  messageId: string | null,
): void {
  journal.database.query(insert).run(seq, kind, source, messageId);
}
