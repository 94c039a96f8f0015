/**
 * Seals over the journal: has anything that was once committed changed, or gone?
 *
 * Rows are taken in blocks of 4,096 seqs. A block's seal is SHA-256 over the seal of the block before, what an erasure
 * leaves of each row (seq, kind, times, source, the event's own flags, the hash of the messageId) and a leaf for each
 * row: the first eight bytes of SHA-256 over the journal's id, the row's name and its body. The leaves are kept beside
 * the seal, since an erased row can't give its own again. So:
 *
 *   a row whose body or name is another   its leaf differs from the one that is kept, and is named
 *   a row that was erased                 its kept leaf is taken; there must be an act of erasure after it
 *   a row that is gone, new or moved      the count, or the seal, differs
 *   leaves that were made to fit          the seal differs, and that of every later block
 *
 * What folding decides of a row (pid, prev, identifiers, diff, extra) may change by late links, undo and erasure; fold
 * equality watches over it (foldSample.ts). Seals are made and looked at by the audit's thread, never by the writer.
 */
import type { JournalReader } from "../journalReader.ts";
import { rowFlags, rowKind, type EventRow } from "../row.ts";
import type { Sealed } from "./tallied.ts";

/** Seqs of a block. */
const blockSeqs = 4_096;
const leafBytes = 8;
/** Rows that are read at once. */
const pageRows = 1_024;

/** The flags that are an event's own. */
const ownFlags = rowFlags.typeMask | rowFlags.test | rowFlags.trusted | rowFlags.imported;

/** What is kept of a block. */
export interface KeptSeal extends Sealed {
  readonly checkedAtMs: number;
}

/** The last seq of a block. */
export function lastSeqOf(block: number): number {
  return (block + 1) * blockSeqs;
}

/** The newest block that is full; −1: none is. */
export function newestBlock(head: number): number {
  return Math.floor(head / blockSeqs) - 1;
}

/** Seals a full block; `before` is the seal of the block before, null for the first one. */
export function seal(reader: JournalReader, block: number, before: Uint8Array | null): Sealed {
  const chain = startOf(before);
  const leaves = new Uint8Array(blockSeqs * leafBytes);
  let rows = 0;
  for (const row of rowsOf(reader, block)) {
    const leaf = leafOf(row, reader.journalId);
    leaves.set(leaf, rows * leafBytes);
    chain.update(fixedPart(row));
    chain.update(leaf);
    rows += 1;
  }
  return { block, rows, digest: chain.digest(), leaves: leaves.slice(0, rows * leafBytes) };
}

/** What is wrong with a sealed block: sentences; none when all is well. */
export function checkSeal(
  reader: JournalReader,
  kept: Sealed,
  before: Uint8Array | null,
  newestErasure: number,
): { readonly problems: string[]; readonly seqs: number[] } {
  const chain = startOf(before);
  const changed: number[] = [];
  let unexplained = 0;
  let rows = 0;
  for (const row of rowsOf(reader, kept.block)) {
    const keptLeaf = kept.leaves.subarray(rows * leafBytes, (rows + 1) * leafBytes);
    const isErased = (row.flags & rowFlags.erased) !== 0;
    if (isErased && newestErasure < row.seq) unexplained += 1;
    const leaf = isErased ? keptLeaf : leafOf(row, reader.journalId);
    if (!isErased && !equal(leaf, keptLeaf)) changed.push(row.seq);
    chain.update(fixedPart(row));
    chain.update(leaf);
    rows += 1;
  }
  const range = `rows ${kept.block * blockSeqs + 1} to ${lastSeqOf(kept.block)}`;
  const problems: string[] = [];
  if (rows !== kept.rows) problems.push(`${rows} of the ${kept.rows} sealed ${range} are there`);
  else if (changed.length > 0)
    problems.push(
      `${changed.length} of the sealed ${range} have another text, the first is row ${changed[0]}`,
    );
  if (unexplained > 0)
    problems.push(`${unexplained} of the ${range} are marked as erased, but no erasure came after`);
  if (problems.length === 0 && !equal(chain.digest(), kept.digest))
    problems.push(
      `the seal of the ${range} does not match: a time, a source or a messageId in them is another`,
    );
  return { problems, seqs: changed.slice(0, 10) };
}

function startOf(before: Uint8Array | null): Bun.CryptoHasher {
  const chain = new Bun.CryptoHasher("sha256");
  chain.update(before ?? new Uint8Array(32));
  return chain;
}

function* rowsOf(reader: JournalReader, block: number): Iterable<EventRow> {
  const last = lastSeqOf(block);
  for (let after = block * blockSeqs; after < last;) {
    const rows = reader.rowsAfter(after, pageRows);
    for (const row of rows) if (row.seq <= last) yield row;
    after = rows.at(-1)?.seq ?? last;
  }
}

/** What stays of a row when its person is erased. */
function fixedPart(row: EventRow): string {
  const { seq, kind, flags, source, timestamp_ms, received_at_ms, request_index, committed_at_ms } = row;
  const id = kind === rowKind.event ? messageIdHash(row) : "";
  return `${seq} ${kind} ${flags & ownFlags} ${source} ${timestamp_ms} ${received_at_ms ?? ""} ${request_index} ${committed_at_ms} ${id}\n`;
}

/** An erased row holds the hash already (erase.ts). */
function messageIdHash({ flags, message_id }: EventRow): string {
  const text = message_id ?? "";
  if ((flags & rowFlags.erased) !== 0) return text;
  return `sha256:${new Bun.CryptoHasher("sha256").update(text).digest("hex")}`;
}

function leafOf({ name, body }: EventRow, journalId: string): Uint8Array {
  const hasher = new Bun.CryptoHasher("sha256");
  hasher.update(`${journalId}\n${name === null ? "-" : `+${name}`}\n`);
  if (body !== null) hasher.update(body);
  return hasher.digest().subarray(0, leafBytes);
}

function equal(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
