/** A journal row: how events, their changes and the journal's own acts are packed into columns. Pure. */
import type { ConsentChanges } from "../model/consent.ts";
import { eventTypes, type Event, type EventType, type Namespace } from "../model/event.ts";
import type { Turn } from "../model/membership.ts";
import type { StoredEvent } from "./accept.ts";
import { isTold, type Epochs } from "./segmentEpochs.ts";

/** What a row records. All but `event` are acts of the journal's own; `definition`: the rules changed; `relisted`: another profile's event changed whose an identifier is; `time`: something fell due; `undo`: an operator took profiles apart or joined them again. */
export const rowKind = {
  event: 0,
  erase: 2,
  refold: 3,
  relisted: 4,
  time: 5,
  undo: 6,
  definition: 8,
} as const;

/** Bits of the `flags` column; the lowest three hold the event type's index. */
export const rowFlags = {
  typeMask: 7,
  test: 8,
  trusted: 16,
  imported: 32,
  foldFailed: 64,
  erased: 128,
} as const;

/** The flags of an event. */
export function flagsOf(event: Event, imported: boolean): number {
  const type = eventTypes.indexOf(event.type);
  return (
    type |
    (event.namespace === "test" ? rowFlags.test : 0) |
    (event.trusted ? rowFlags.trusted : 0) |
    (imported ? rowFlags.imported : 0)
  );
}

/** The event type in a row's flags. */
export function typeOf(flags: number): EventType {
  return eventTypes[flags & rowFlags.typeMask] ?? "track";
}

/** The namespace in a row's flags. */
export function namespaceOf(flags: number): Namespace {
  return (flags & rowFlags.test) === 0 ? "live" : "test";
}

/** One event as read back. `body` is null once erased. */
export interface EventRow {
  readonly seq: number;
  readonly kind: number;
  readonly flags: number;
  readonly source: number;
  readonly name: string | null;
  readonly message_id: string | null;
  readonly timestamp_ms: number;
  readonly received_at_ms: number | null;
  readonly request_index: number;
  readonly committed_at_ms: number;
  readonly pid: number | null;
  readonly prev: number | string | null;
  readonly identifiers: string | null;
  readonly diff: string | null;
  readonly extra: string | null;
  readonly body: Uint8Array | null;
  readonly checksum: number | null;
}

/** The columns of EventRow, in the order of the table. */
export const eventColumns =
  "seq, kind, flags, source, name, message_id, timestamp_ms, received_at_ms, request_index, committed_at_ms, pid, prev, identifiers, diff, extra, body, checksum";

/** The seqs in a `prev` column. */
export function parsePrev(prev: number | string | null): number[] {
  if (prev === null) return [];
  if (typeof prev === "number") return [prev];
  return prev.split(",").map(Number);
}

/** The `prev` column for these seqs. */
export function formatPrev(seqs: readonly number[]): number | string | null {
  if (seqs.length === 0) return null;
  return seqs.length === 1 ? (seqs[0] ?? null) : seqs.join(",");
}

/** True for an event whose text is there and which could be folded. */
export function isFoldable(row: EventRow): boolean {
  return row.kind === rowKind.event && (row.flags & (rowFlags.erased | rowFlags.foldFailed)) === 0;
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

/** What the `extra` column holds. */
function extraOf(row: EventRow): Record<string, unknown> {
  return row.extra === null ? {} : (JSON.parse(row.extra) as Record<string, unknown>);
}

/** The traits that a cap kept out when the row was folded first. */
export function refusedOf(row: EventRow): string[] {
  const refused = extraOf(row)["refused"];
  return Array.isArray(refused) ? refused.map(String) : [];
}

/** Numbers of the profiles that merged with this row. */
export function mergedOf(row: Pick<EventRow, "diff">): readonly number[] {
  if (row.diff?.includes('"merged"') !== true) return [];
  return (JSON.parse(row.diff) as Diff).merged ?? [];
}

/** Numbers that lead to the row's profile from the row on; of an `undo` alone. */
export function ledOf(row: Pick<EventRow, "kind" | "diff">): readonly number[] {
  if (row.kind !== rowKind.undo || row.diff === null) return [];
  return (JSON.parse(row.diff) as Diff).led ?? [];
}

/** What the `diff` column holds. */
export interface Diff {
  readonly traits?: Readonly<Record<string, { readonly old: unknown; readonly new: unknown }>>;
  readonly consent?: ConsentChanges;
  /** Numbers of the profiles that merged into this one. */
  readonly merged?: readonly number[];
  /** Numbers that lead to this one since profiles were taken apart or joined again. */
  readonly led?: readonly number[];
  /** Segments that the profile entered or left with this row. */
  readonly segments?: Turn;
  /** All segments it is in after the row, since when; where events changed hands. */
  readonly members?: readonly (readonly [segment: string, sinceMs: number])[];
  /** The instant of `members` where it is not the row's own, since the clock went back. */
  readonly atMs?: number;
}

/** What a row told about a profile's membership. */
export interface ToldMembership {
  readonly turn: Turn | null;
  /** The whole membership after the row, where events changed hands; null: the turn says it. */
  readonly members: readonly (readonly [segment: string, sinceMs: number])[] | null;
  /** The instant of `members`; null: the row's own. */
  readonly atMs: number | null;
  /** The row told decays, and nothing but time had passed. */
  readonly tellsDecays: boolean;
  /** Segments that it could not tell of, since their rules are newer: they are decided as of the row. */
  readonly decides: ReadonlySet<string>;
}

/** The instant that a row stands for: a due time, else when it was committed. */
export function instantOf(row: Pick<EventRow, "kind" | "timestamp_ms" | "committed_at_ms">): number {
  return row.kind === rowKind.time ? row.timestamp_ms : row.committed_at_ms;
}

/** Whether a row tells of segments. */
export function tellsSegments({ diff }: Pick<EventRow, "diff">): boolean {
  return diff !== null && /"(segments|members)":/.test(diff);
}

/** What a row told about its profile's membership, as far as it still counts. */
export function toldOf(row: Pick<EventRow, "seq" | "kind" | "diff">, epochs: Epochs): ToldMembership {
  const decides = new Set([...epochs.keys()].filter((name) => isTold(epochs, name, row.seq) === "decided"));
  const tells = row.diff !== null && (row.kind === rowKind.time || tellsSegments(row));
  if (row.diff === null || !tells)
    return { turn: null, members: null, atMs: null, tellsDecays: false, decides };
  const { segments, members, atMs, traits } = JSON.parse(row.diff) as Diff;
  const counts = (segment: string) => isTold(epochs, segment, row.seq) === "told";
  return {
    turn:
      segments === undefined
        ? null
        : { ...segments, entered: segments.entered.filter(counts), exited: segments.exited.filter(counts) },
    members: members === undefined ? null : members.filter(([segment]) => counts(segment)),
    atMs: atMs ?? null,
    tellsDecays: row.kind === rowKind.time && traits !== undefined,
    decides,
  };
}

/** The checksum of an event's body at its place in the journal; finds a damaged or misplaced row. */
export function checksumOf(seq: number, body: Uint8Array): number {
  return Bun.hash.crc32(body, seq % 0x1_0000_0000);
}

/** Bytes of the events in these rows. */
export function bodyBytes(rows: readonly EventRow[]): number {
  return rows.reduce((sum, { body }) => sum + (body?.length ?? 0), 0);
}
