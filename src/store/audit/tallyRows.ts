/** Counts rows of the journal into the cells of their days, a slice at a time; of very many alike a sample is looked into. */
import {
  hourMs,
  DayTally,
  digestOf,
  eventName,
  type CellKey,
  type LookedEvent,
  type SeenEvent,
} from "../../model/audit/dayTally.ts";
import type { EventCell } from "../../model/audit/cells.ts";
import type { CrossCheck } from "../../model/audit/rules.ts";
import { canonicalJson } from "../../model/canonicalJson.ts";
import type { Event } from "../../model/event.ts";
import type { Restore } from "../accept.ts";
import type { JournalReader } from "../journalReader.ts";
import { rowFlags, rowKind, storedEvent, typeOf, type EventRow } from "../row.ts";
import type { KeptCell, TellableFact } from "./tallied.ts";

/** Rows of a slice. */
const sliceRows = 5_000;
/** Events of one kind and one hour that are looked into in a slice. */
const lookedInSlice = 100;
/** Rows before the first one that are read for what they had in common with it. */
const primedRows = 500;

export interface TallyOptions {
  readonly reader: JournalReader;
  readonly restore: Restore;
  readonly crossChecks: readonly CrossCheck[];
  /** A cell as it is kept. */
  readonly cell: (key: CellKey) => EventCell | null;
}

export class RowTally {
  readonly #options: TallyOptions;
  readonly #tally: DayTally;
  readonly #facts: TellableFact[] = [];
  /** Seq of the newest erasure that was passed; 0: none was. */
  erasure = 0;

  constructor(options: TallyOptions) {
    this.#options = options;
    this.#tally = new DayTally(options.cell);
  }

  /** Reads what came just before, so that a duplicate over the border is known. */
  prime(fromSeq: number): void {
    const { reader } = this.#options;
    const rows = reader.rowsAfter(Math.max(0, fromSeq - primedRows), primedRows);
    for (const row of rows) {
      if (row.seq > fromSeq || !isCounted(row)) continue;
      const event = this.#event(row);
      if (event === null) continue;
      this.#tally.remember({ source: event.source, receivedAtMs: event.receivedAtMs }, digestOf(event));
    }
  }

  /** Counts the rows after `afterSeq`, up to `toSeq`; gives the seq that it came to. */
  slice(afterSeq: number, toSeq: number): number {
    const { reader } = this.#options;
    const rows = reader.rowsAfter(afterSeq, sliceRows).filter(({ seq }) => seq <= toSeq);
    for (const row of rows) if (row.kind === rowKind.erase) this.erasure = row.seq;
    const counted = rows.filter(isCounted);
    const kinds = new Map<string, number>();
    for (const row of counted) kinds.set(kindOf(row), (kinds.get(kindOf(row)) ?? 0) + 1);
    const passed = new Map<string, number>();
    for (const row of counted) {
      const kind = kindOf(row);
      const place = passed.get(kind) ?? 0;
      passed.set(kind, place + 1);
      const stride = Math.ceil((kinds.get(kind) ?? 1) / lookedInSlice);
      this.#take(row, place % stride === 0);
    }
    return rows.at(-1)?.seq ?? toSeq;
  }

  cells(): KeptCell[] {
    return [...this.#tally.cells()].map(({ key, cell }) => ({ ...key, cell: JSON.stringify(cell) }));
  }

  facts(): readonly TellableFact[] {
    return this.#facts;
  }

  #take(row: EventRow, isLookedInto: boolean): void {
    const source = this.#options.reader.sourceName(row.source);
    const name = eventName({ type: typeOf(row.flags), name: row.name });
    const seen: SeenEvent = {
      seq: row.seq,
      source,
      event: name,
      receivedAtMs: row.received_at_ms ?? row.timestamp_ms,
      pid: row.pid,
    };
    const checks = this.#options.crossChecks.filter(({ left, right }) =>
      [left, right].some((side) => side.source === source && side.event === name),
    );
    const event = isLookedInto || checks.length > 0 ? this.#event(row) : null;
    this.#tally.take(seen, isLookedInto && event !== null ? lookedOf(event, row) : null);
    if (event !== null) for (const check of checks) this.#noteFact(check, event, seen);
  }

  #noteFact(check: CrossCheck, event: Event, { seq, source, event: name, receivedAtMs }: SeenEvent): void {
    const key = event.properties[check.key];
    if (typeof key !== "string" && typeof key !== "number") return;
    for (const [index, side] of [check.left, check.right].entries()) {
      if (side.source !== source || side.event !== name) continue;
      const value = event.properties[side.property] ?? null;
      this.#facts.push({
        name: check.name,
        key: factKey(key),
        side: index === 0 ? 0 : 1,
        number: typeof value === "number" ? value : null,
        digest: Bun.hash.xxHash64(canonicalJson(value)).toString(36),
        seq,
        atMs: receivedAtMs,
      });
    }
  }

  /** Null for what can't be read: verification tells of it. */
  #event(row: EventRow): Event | null {
    try {
      const { reader, restore } = this.#options;
      return restore(storedEvent(row, reader.sourceName(row.source)));
    } catch {
      return null;
    }
  }
}

/** The hash under which a fact is kept. */
function factKey(key: string | number): string {
  return new Bun.CryptoHasher("sha256").update(String(key)).digest("base64url").slice(0, 22);
}

/** Live events as they happen: imports tell nothing of today, test data nothing of anybody. */
function isCounted(row: EventRow): boolean {
  const not = rowFlags.erased | rowFlags.imported | rowFlags.test;
  return row.kind === rowKind.event && row.body !== null && (row.flags & not) === 0;
}

/** A kind of events, by the hour: after a long rest a slice spans days, and each of them counts. */
function kindOf(row: EventRow): string {
  const hour = Math.floor((row.received_at_ms ?? row.timestamp_ms) / hourMs);
  return `${hour} ${row.source} ${typeOf(row.flags)} ${row.name ?? ""}`;
}

function lookedOf(event: Event, row: EventRow): LookedEvent {
  const properties = event.type === "identify" ? event.traits : event.properties;
  return { properties, digest: digestOf(event), skewMs: skewOf(event, row) };
}

/** How far the sender's clock is behind, as far as the event tells; what it says for itself comes first. */
function skewOf(event: Event, { body, extra }: EventRow): number {
  const given = extra?.includes('"givenTimestamp"') === true ? givenIn(extra) : null;
  const sent = given ?? sentAtIn(body);
  return event.receivedAtMs - (sent ?? event.timestampMs);
}

function givenIn(extra: string): number | null {
  const { givenTimestamp } = JSON.parse(extra) as { readonly givenTimestamp?: unknown };
  return instantIn(givenTimestamp);
}

function sentAtIn(body: Uint8Array | null): number | null {
  if (body === null) return null;
  const text = Buffer.from(body.buffer, body.byteOffset, body.length);
  if (!text.includes('"sentAt"')) return null;
  const { sentAt } = JSON.parse(text.toString("utf8")) as { readonly sentAt?: unknown };
  return instantIn(sentAt);
}

function instantIn(value: unknown): number | null {
  const atMs = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isFinite(atMs) ? atMs : null;
}
