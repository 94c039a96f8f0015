/** The messageId index over the journal: how its questions are asked of the journal's rows. */
import { erasedMessageId } from "../erase.ts";
import type { Journal } from "../journal.ts";
import { ownerOf, type MessageIds } from "../messageIds.ts";
import { namespaceOf, rowFlags, rowKind } from "../row.ts";
import type { MessageIdIndexOptions, MessageIdStats } from "./indexOptions.ts";
import { MessageIdIndex } from "./messageIdIndex.ts";
import type { IdRow } from "./rebuildParts.ts";

const selectRow = `
SELECT source, message_id AS messageId, flags FROM journal WHERE seq = ? AND kind = ${rowKind.event}`;

const selectTail = `
SELECT seq, source, message_id AS messageId, flags FROM journal
WHERE seq > ? AND kind = ${rowKind.event} AND message_id IS NOT NULL ORDER BY seq LIMIT ?`;

/** Rows read at once; short reads, so that checkpoints are not held up. */
const rowsPerRead = 2_000;

interface TailRow {
  readonly seq: number;
  readonly source: number;
  readonly messageId: string;
  readonly flags: number;
}

/** The index as the writer thread uses it. */
export interface OpenMessageIds extends MessageIds {
  /** A bounded piece of background work; call after each group. Throws an I/O error of the disk. */
  tend(): void;
  stats(): MessageIdStats;
  /** Leaves the newest ids on disk for the next open. The journal must still be open. */
  close(): void;
}

/** Opens the index in `directory`, making anew from the journal what is missing or damaged there; `sizes` is for tests. */
export function openMessageIds(
  directory: string,
  journal: Journal,
  notice: (level: "info" | "warn" | "error", message: string) => void,
  sizes: Pick<MessageIdIndexOptions, "partSize" | "fanout"> = {},
): OpenMessageIds {
  const row = journal.database.query<Omit<TailRow, "seq">, [number]>(selectRow);
  const headSeq = journal.head();
  const index = MessageIdIndex.open({
    directory,
    seed: `${journal.id}/${journal.epoch}`,
    headSeq,
    matches: (seq, owner, messageId) => {
      const found = row.get(seq);
      if (found === null || ownerOf(found.source, namespaceOf(found.flags)) !== owner) return false;
      return (
        found.messageId === ((found.flags & rowFlags.erased) === 0 ? messageId : erasedMessageId(messageId))
      );
    },
    tail: (afterSeq) => tailOf(journal, afterSeq),
    ...sizes,
    progress: (rows) =>
      notice("info", `indexing messageIds: ${rows} of at most ${headSeq} journal rows read`),
    notice,
  });
  return {
    find: (owner, messageId) => index.find(owner, messageId),
    add: (owner, messageId, seq) => index.add(owner, messageId, seq),
    commit: () => index.commit(),
    rollback: () => index.rollback(),
    tend: () => {
      index.work();
    },
    stats: () => index.stats(),
    close: () => index.close(),
  };
}

function* tailOf(journal: Journal, afterSeq: number): Generator<IdRow> {
  const rows = journal.database.query<TailRow, [number, number]>(selectTail);
  // Only the first row is wanted where a part is held against the journal.
  for (let [after, limit] = [afterSeq, 1]; ; limit = rowsPerRead) {
    const read = rows.all(after, limit);
    for (const { seq, source, messageId, flags } of read) {
      const owner = ownerOf(source, namespaceOf(flags));
      yield { seq, source: owner, messageId, erased: (flags & rowFlags.erased) !== 0 };
    }
    if (read.length < limit) return;
    after = read.at(-1)?.seq ?? after;
  }
}
