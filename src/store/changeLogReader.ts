/** The change log on the main thread: pages of the journal, with the newest ones kept in memory and shared by all readers. */
import type { Cause, Change, ValueChange } from "../model/change.ts";
import type { Json } from "../model/event.ts";
import type { ChangeLog } from "./changeLog.ts";
import type { ChangeRow, JournalReader } from "./journalReader.ts";
import type { ProfileIds } from "./profileId.ts";
import { namespaceOf, rowFlags, rowKind, typeOf, type Diff } from "./row.ts";

/** Changes held in memory near the head, so that a thousand readers at the head read SQLite once. */
const sharedChanges = 8_192;
/** Rows that a look for what became of people passes over at once: some milliseconds. */
const passedOver = 4_000;

interface Waiter {
  readonly beyond: number;
  readonly wake: (there: boolean) => void;
}

export class ChangeLogReader implements ChangeLog, Disposable {
  readonly #reader: JournalReader;
  readonly #profileIds: ProfileIds;
  readonly #shared = new Map<number, Change>();
  readonly #waiters = new Set<Waiter>();
  #sharedFrom = 0;
  #sharedTo = 0;
  #head: number;
  #newest: number;

  constructor(reader: JournalReader, profileIds: ProfileIds, head: number, newest: number) {
    this.#reader = reader;
    this.#profileIds = profileIds;
    this.#head = head;
    this.#newest = newest;
    this.#sharedFrom = head;
    this.#sharedTo = head;
  }

  get epoch(): number {
    return this.#reader.epoch;
  }

  head(): number {
    return this.#head;
  }

  newest(): number {
    return Math.max(this.#newest, this.#head);
  }

  floor(): number {
    return 0;
  }

  read(afterSeq: number, limit: number): { readonly changes: readonly Change[]; readonly scannedTo: number } {
    if (afterSeq >= this.#head) return { changes: [], scannedTo: this.#head };
    if (afterSeq < this.#sharedFrom) return this.#readPage(afterSeq, this.#sharedFrom, limit);
    // Nobody has read for a while: share from here on, instead of reading what nobody asked for.
    if (afterSeq > this.#sharedTo) this.#shareFrom(afterSeq);
    if (afterSeq + limit > this.#sharedTo) this.#fillShared(limit);
    const changes: Change[] = [];
    for (let seq = afterSeq + 1; seq <= this.#sharedTo; seq += 1) {
      const change = this.#shared.get(seq);
      if (change === undefined) continue;
      changes.push(change);
      if (changes.length >= limit) return { changes, scannedTo: seq };
    }
    return { changes, scannedTo: this.#sharedTo };
  }

  readPeople(afterSeq: number): { readonly changes: readonly Change[]; readonly scannedTo: number } {
    const scannedTo = Math.max(afterSeq, Math.min(this.#head, afterSeq + passedOver));
    const rows = this.#reader.people(afterSeq, scannedTo);
    const changes = rows.map((row) => this.#changeOf(row)).filter((change) => change !== null);
    return { changes: changes.filter(tellsOfPeople), scannedTo };
  }

  waitBeyond(seq: number, signal: AbortSignal): Promise<boolean> {
    if (this.#head > seq) return Promise.resolve(true);
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const stop = () => waiter.wake(false);
      const waiter: Waiter = {
        beyond: seq,
        wake: (there) => {
          this.#waiters.delete(waiter);
          signal.removeEventListener("abort", stop);
          resolve(there);
        },
      };
      signal.addEventListener("abort", stop, { once: true });
      this.#waiters.add(waiter);
    });
  }

  /** Readers may now see changes up to `seq`. */
  advance(seq: number): void {
    if (seq <= this.#head) return;
    this.#head = seq;
    for (const waiter of this.#waiters) {
      if (waiter.beyond < seq) waiter.wake(true);
    }
  }

  /** The journal holds changes up to `seq`, though perhaps not for readers yet. */
  note(newest: number): void {
    this.#newest = newest;
  }

  /** Changes held in memory may hold text that was erased: forget them. */
  forgetShared(): void {
    this.#shareFrom(this.#head);
  }

  [Symbol.dispose](): void {
    for (const waiter of this.#waiters) waiter.wake(false);
    this.#shared.clear();
  }

  #readPage(
    afterSeq: number,
    toSeq: number,
    limit: number,
  ): { readonly changes: readonly Change[]; readonly scannedTo: number } {
    const rows = this.#reader.changes(afterSeq, toSeq, limit);
    const changes = rows.map((row) => this.#changeOf(row)).filter((change) => change !== null);
    const last = rows.at(-1);
    return { changes, scannedTo: rows.length < limit || last === undefined ? toSeq : last.seq };
  }

  #shareFrom(seq: number): void {
    this.#shared.clear();
    this.#sharedFrom = seq;
    this.#sharedTo = seq;
  }

  #fillShared(limit: number): void {
    const rows = this.#reader.changes(this.#sharedTo, this.#head, limit);
    for (const row of rows) {
      const change = this.#changeOf(row);
      if (change !== null) this.#shared.set(row.seq, change);
    }
    this.#sharedTo = rows.length < limit ? this.#head : (rows.at(-1)?.seq ?? this.#head);
    // By number: to find a Map's first key takes as long as keys were deleted before it.
    while (this.#shared.size > sharedChanges) {
      this.#sharedFrom += 1;
      this.#shared.delete(this.#sharedFrom);
    }
  }

  #changeOf(row: ChangeRow): Change | null {
    if (row.pid === null || (row.flags & rowFlags.foldFailed) !== 0) return null;
    const diff = row.diff === null ? {} : (JSON.parse(row.diff) as Diff);
    const change: Change = {
      seq: row.seq,
      namespace: namespaceOf(row.flags),
      profileId: this.#profileIds.encode(row.pid),
      identifiers:
        row.identifiers === null ? [] : (JSON.parse(row.identifiers) as string[]).map(splitIdentifier),
      cause: causeOf(row, diff),
      event:
        row.kind === rowKind.event
          ? {
              messageId: row.message_id ?? "",
              type: typeOf(row.flags),
              name: row.name,
              source: this.#reader.sourceName(row.source),
            }
          : null,
      timestampMs: row.timestamp_ms,
      receivedAtMs: row.received_at_ms,
      committedAtMs: row.committed_at_ms,
      traits: (diff.traits ?? {}) as Record<string, ValueChange & { old: Json; new: Json }>,
      segments: { entered: diff.segments?.entered ?? [], exited: diff.segments?.exited ?? [] },
      ...(diff.consent === undefined ? {} : { consent: diff.consent }),
    };
    return diff.merged === undefined
      ? change
      : { ...change, mergedFrom: diff.merged.map((pid) => this.#profileIds.encode(pid)) };
  }
}

/** True of a merge, an undo and an erasure. */
export function tellsOfPeople({ cause, mergedFrom }: Change): boolean {
  return cause === "erase" || cause === "undo" || mergedFrom !== undefined;
}

function causeOf(row: ChangeRow, diff: Diff): Cause {
  if (row.kind === rowKind.erase) return "erase";
  if (row.kind === rowKind.definition) return "definition";
  if (row.kind === rowKind.time) return "time";
  if (row.kind === rowKind.undo) return "undo";
  if (row.kind !== rowKind.event || diff.merged !== undefined) return "merge";
  return (row.flags & rowFlags.imported) === 0 ? "event" : "import";
}

function splitIdentifier(text: string): { readonly type: string; readonly value: string } {
  const colon = text.indexOf(":");
  return { type: text.slice(0, colon), value: text.slice(colon + 1) };
}
