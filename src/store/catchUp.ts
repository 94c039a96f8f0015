/** Folding rows that LMDB has not seen: the tail after a crash, and rows that waited while profiles were rebuilt. */
import type { StoredEvent, Restore } from "./accept.ts";
import type { Journal } from "./journal.ts";
import type { Projector, Recorded } from "./projector.ts";
import { namespaceOf, rowFlags, rowKind, typeOf, type EventRow } from "./row.ts";

/** The rows hold an act (erasure, re-attribution) that only a rebuild repeats rightly. */
export class ReplayNotPossible extends Error {}

export class CatchUp {
  readonly #journal: Journal;
  readonly #projector: Projector;
  readonly #restore: Restore;

  constructor(journal: Journal, projector: Projector, restore: Restore) {
    this.#journal = journal;
    this.#projector = projector;
    this.#restore = restore;
  }

  /** Folds rows in order. A row that was folded before repeats its recorded decisions; one that waited gets its projection. */
  fold(rows: readonly EventRow[]): void {
    for (const row of rows) this.#foldRow(row);
  }

  #foldRow(row: EventRow): void {
    if (row.kind !== rowKind.event) throw new ReplayNotPossible(`row ${row.seq} is not an event`);
    if ((row.flags & (rowFlags.erased | rowFlags.foldFailed)) !== 0) return;
    const event = this.#restore(storedEvent(row, this.#journal.sourceName(row.source)));
    if (row.pid !== null) {
      this.#projector.project(event, row.seq, { refused: refusedOf(row) });
      return;
    }
    const projected = this.#projector.project(event, row.seq);
    const extra =
      projected.refused === null
        ? row.extra
        : JSON.stringify({ ...extraOf(row), refused: projected.refused });
    this.#journal.setProjection(
      row.seq,
      projected.pid,
      projected.prev,
      projected.identifiers,
      projected.diff,
      extra,
      row.flags,
    );
  }
}

/** What the restore function needs of a row that still has its text. */
export function storedEvent(row: EventRow, source: string): StoredEvent {
  if (row.body === null || row.message_id === null) throw new Error(`row ${row.seq} has no text`);
  return {
    namespace: namespaceOf(row.flags),
    source,
    trusted: (row.flags & rowFlags.trusted) !== 0,
    type: typeOf(row.flags),
    name: row.name,
    messageId: row.message_id,
    timestampMs: row.timestamp_ms,
    receivedAtMs: row.received_at_ms ?? row.timestamp_ms,
    index: row.request_index,
    raw: row.body,
    extra: row.extra,
  };
}

/** The traits that a cap kept out when the row was folded first. */
export function refusedOf(row: EventRow): Recorded["refused"] {
  const refused = extraOf(row)["refused"];
  return Array.isArray(refused) ? refused.map(String) : [];
}

function extraOf(row: EventRow): Record<string, unknown> {
  return row.extra === null ? {} : (JSON.parse(row.extra) as Record<string, unknown>);
}
