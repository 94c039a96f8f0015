/** Looking into the quarantine, a bounded piece at a time. */
import type { JournalReader, QuarantineGroup, QuarantineRow } from "./journalReader.ts";

export interface QuarantinePages {
  /** Everything that was refused, replayed or not, newest first, older than `beforeId` (null: the newest). */
  quarantine(beforeId: number | null, limit: number): readonly QuarantineRow[];
  /** What waits, by code and source, the largest group first. */
  quarantineGroups(limit: number): readonly QuarantineGroup[];
  /** Pieces of one group that wait, newest first, older than `beforeId` (null: the newest). */
  quarantineWaiting(
    code: string,
    source: string,
    beforeId: number | null,
    limit: number,
  ): readonly QuarantineRow[];
  /** One piece, waiting or replayed; null if there is none. */
  quarantinePiece(id: number): QuarantineRow | null;
}

/** Pages of the journal that is open now; without one there is nothing to see. */
export function quarantinePages(journal: () => JournalReader | null): QuarantinePages {
  const newest = Number.MAX_SAFE_INTEGER;
  return {
    quarantine: (beforeId, limit) => journal()?.quarantine(beforeId ?? newest, limit) ?? [],
    quarantineGroups: (limit) => journal()?.quarantineGroups(limit) ?? [],
    quarantineWaiting: (code, source, beforeId, limit) =>
      journal()?.quarantineWaiting(code, source, beforeId ?? newest, limit) ?? [],
    quarantinePiece: (id) => journal()?.quarantinePiece(id) ?? null,
  };
}
