/** A journal of nothing but messageIds, in memory: the truth that the index is held against. */
import type { IdRow } from "../../../src/store/dedup/rebuildParts.ts";
import type { MessageIdIndexOptions } from "../../../src/store/dedup/indexOptions.ts";

export class IdJournal {
  /** Rows by seq; holes are rows of other kinds. */
  readonly rows = new Map<number, IdRow>();
  headSeq = 0;
  /** The seq of every (source, messageId) there is. */
  readonly #seqs = new Map<string, number>();
  /** Rows that the index has read since it was last set to zero. */
  reads = 0;

  /** Appends a row, leaving `hole` seqs free before it. */
  append(source: number, messageId: string, hole = 0): number {
    this.headSeq += 1 + hole;
    this.rows.set(this.headSeq, { seq: this.headSeq, source, messageId, erased: false });
    this.#seqs.set(`${source}/${messageId}`, this.headSeq);
    return this.headSeq;
  }

  /** Forgets everything after `seq`, as a rolled-back transaction or an older copy of the journal does. */
  truncate(seq: number): void {
    for (const key of this.rows.keys()) if (key > seq) this.rows.delete(key);
    for (const [key, at] of this.#seqs) if (at > seq) this.#seqs.delete(key);
    this.headSeq = seq;
  }

  erase(seq: number): void {
    const row = this.rows.get(seq);
    if (row === undefined || row.erased) return;
    this.rows.set(seq, { ...row, messageId: digestOf(row.messageId), erased: true });
  }

  /** The right answer. */
  find(source: number, messageId: string): number | null {
    return this.#seqs.get(`${source}/${messageId}`) ?? null;
  }

  /** How an index asks this journal. */
  options(directory: string, more: Partial<MessageIdIndexOptions> = {}): MessageIdIndexOptions {
    return {
      directory,
      seed: "journal-1/1",
      headSeq: this.headSeq,
      matches: (seq, source, messageId) => {
        const row = this.rows.get(seq);
        return row !== undefined && this.#is(row, source, messageId);
      },
      tail: (afterSeq) => this.#tail(afterSeq),
      ...more,
    };
  }

  #is(row: IdRow, source: number, messageId: string): boolean {
    return row.source === source && row.messageId === (row.erased ? digestOf(messageId) : messageId);
  }

  *#tail(afterSeq: number): Generator<IdRow> {
    for (let seq = afterSeq + 1; seq <= this.headSeq; seq += 1) {
      const row = this.rows.get(seq);
      if (row === undefined) continue;
      this.reads += 1;
      yield row;
    }
  }
}

/** What erasure leaves of a messageId, said independently of the code under test. */
export function digestOf(messageId: string): string {
  return `sha256:${new Bun.CryptoHasher("sha256").update(messageId, "utf8").digest("hex")}`;
}
