/** Erasure, as far as the quarantine is concerned: input that was refused may name the person too. */
import type { Journal } from "./journal.ts";
import type { Namespace } from "../model/event.ts";
import { ownerOf, type MessageIds } from "./messageIds.ts";

interface Piece {
  readonly id: number;
  readonly code: string;
  readonly source: string;
  readonly namespace: Namespace;
  readonly message_id: string | null;
  readonly body: Uint8Array;
}

const selectPage =
  "SELECT id, code, source, namespace, message_id, body FROM quarantine WHERE id > ? ORDER BY id LIMIT 1000";
const deletePiece = "DELETE FROM quarantine WHERE id = ?";
/** A name of an event that nobody planned may be anything, the name of a person too. */
const deleteViolations = "DELETE FROM plan_violations WHERE lower(trim(event)) = lower(trim(?))";

/** What went: how many pieces, and the seqs of events that are in the journal but could not be folded. */
export interface ErasedQuarantine {
  readonly pieces: number;
  readonly unfolded: readonly number[];
}

/** Deletes every piece that holds one of the names as a value. The table is bounded, so reading it whole is too. */
export function eraseQuarantine(
  names: ReadonlySet<string>,
  journal: Journal,
  messageIds: MessageIds,
): ErasedQuarantine {
  const page = journal.database.query<Piece, [number]>(selectPage);
  const unfolded: number[] = [];
  let pieces = 0;
  for (const name of names) journal.database.query(deleteViolations).run(name);
  for (let after = 0; ;) {
    const read = page.all(after);
    for (const piece of read.filter((candidate) => isAbout(candidate, names))) {
      pieces += 1;
      journal.database.query(deletePiece).run(piece.id);
      const seq =
        piece.code === "fold_failed" && piece.message_id !== null
          ? messageIds.find(ownerOf(journal.sourceNumber(piece.source), piece.namespace), piece.message_id)
          : null;
      if (seq !== null) unfolded.push(seq);
    }
    const last = read.at(-1);
    if (last === undefined) return { pieces, unfolded };
    after = last.id;
  }
}

function isAbout(piece: Piece, names: ReadonlySet<string>): boolean {
  const text = Buffer.from(piece.body.buffer, piece.body.byteOffset, piece.body.length).toString("utf8");
  try {
    return holds(JSON.parse(text), names);
  } catch {
    // What is no JSON is searched as text.
    for (const name of names) if (text.includes(JSON.stringify(name))) return true;
    return false;
  }
}

function holds(value: unknown, names: ReadonlySet<string>): boolean {
  if (typeof value === "string") return names.has(value) || names.has(value.trim().toLowerCase());
  if (typeof value === "number") return names.has(String(value));
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some((inner) => holds(inner, names));
}
