/** Counts events into the cells of their days. The cells of days that are gone by are kept elsewhere, as JSON. */
import type { Event, Json, JsonObject } from "../event.ts";
import { canonicalJson } from "../canonicalJson.ts";
import {
  emptyCell,
  fewestPeople,
  keptName,
  noteEvent,
  noteProperties,
  otherName,
  secretName,
  stepOf,
  withSample,
  type EventCell,
} from "./cells.ts";
import { distinctCount } from "./distinct.ts";
import { hash32 } from "./hash32.ts";

export const dayMs = 86_400_000;
export const hourMs = 3_600_000;
const minuteMs = 60_000;

/** The name under which all of a source's events are counted together. */
export const wholeSource = "";

/** An event as far as a tally needs it. */
export interface SeenEvent {
  readonly seq: number;
  readonly source: string;
  readonly event: string;
  readonly receivedAtMs: number;
  /** The profile's number; null: not known yet. */
  readonly pid: number | null;
}

/** What its text tells, of those that are looked at. */
export interface LookedEvent {
  readonly properties: JsonObject;
  /** Who and what, without when and under which messageId. */
  readonly digest: string;
  /** How far the sender's clock is behind, milliseconds; null: it can't be told. */
  readonly skewMs: number | null;
}

export interface CellKey {
  readonly day: number;
  readonly source: string;
  readonly event: string;
}

/** Kinds of events that are told apart on a day. */
const maxCells = 500;
/** The same again within so long is a duplicate. */
const duplicateWithinMs = 10_000;
const maxDigests = 50_000;

export class DayTally {
  readonly #read: (key: CellKey) => EventCell | null;
  readonly #cells = new Map<string, { readonly key: CellKey; readonly cell: EventCell }>();
  readonly #perDay = new Map<number, number>();
  readonly #recent = new Map<string, number>();

  /** `read` gives the cell as it was kept before; null: there is none. */
  constructor(read: (key: CellKey) => EventCell | null) {
    this.#read = read;
  }

  /** Counts an event, and looks into it where `looked` is given. */
  take(seen: SeenEvent, looked: LookedEvent | null): void {
    const day = Math.floor(seen.receivedAtMs / dayMs);
    const hour = Math.floor(seen.receivedAtMs / hourMs) % 24;
    const whole = this.#cell({ day, source: seen.source, event: wholeSource });
    const cell = this.#cell({ day, source: seen.source, event: keptName(seen.event) });
    for (const counted of [whole, cell]) noteEvent(counted, seen.receivedAtMs, hour, seen.pid);
    if (looked === null) return;
    const place = { seq: seen.seq, atMs: seen.receivedAtMs, hour, person: seen.pid };
    noteProperties(cell, place, looked.properties);
    whole.looked += 1;
    if (this.#isDuplicate(seen, looked.digest)) {
      whole.duplicates += 1;
      cell.duplicates += 1;
      whole.twice = withSample(whole.twice, seen.seq);
    }
    if (looked.skewMs === null) return;
    const step = stepOf(Math.round(looked.skewMs / 1_000));
    whole.skews[step] = (whole.skews[step] ?? 0) + 1;
    if (Math.abs(looked.skewMs) >= minuteMs) whole.skewed = withSample(whole.skewed, seen.seq);
  }

  /** Remembers an event that was counted before, so that its duplicates are known. */
  remember(seen: Pick<SeenEvent, "source" | "receivedAtMs">, digest: string): void {
    this.#recent.set(`${seen.source} ${digest}`, seen.receivedAtMs);
  }

  /** Every cell that something was counted in, under the name that it may be kept under. */
  *cells(): Iterable<{ readonly key: CellKey; readonly cell: EventCell }> {
    for (const { key, cell } of this.#cells.values()) {
      const isSaid = isAlways(key.event) || distinctCount(cell.people) >= fewestPeople;
      yield isSaid ? { key, cell } : { key: { ...key, event: secretName(key.event) }, cell };
    }
  }

  #isDuplicate({ source, receivedAtMs }: SeenEvent, digest: string): boolean {
    const key = `${source} ${digest}`;
    const before = this.#recent.get(key);
    this.#recent.delete(key);
    this.#recent.set(key, receivedAtMs);
    for (const oldest of this.#recent.keys()) {
      if (this.#recent.size <= maxDigests) break;
      this.#recent.delete(oldest);
    }
    return before !== undefined && Math.abs(receivedAtMs - before) <= duplicateWithinMs;
  }

  #cell(key: CellKey): EventCell {
    const name = `${key.day} ${key.source} ${key.event}`;
    const known = this.#cells.get(name);
    if (known !== undefined) return known.cell;
    const kept =
      this.#read(key) ?? (isAlways(key.event) ? null : this.#read({ ...key, event: secretName(key.event) }));
    const count = this.#perDay.get(key.day) ?? 0;
    if (kept === null && count >= maxCells && !isAlways(key.event))
      return this.#cell({ ...key, event: otherName });
    const cell = kept ?? emptyCell();
    this.#perDay.set(key.day, count + 1);
    this.#cells.set(name, { key, cell });
    return cell;
  }
}

/** Names that are nobody's. */
function isAlways(event: string): boolean {
  return event === wholeSource || event === otherName;
}

/** The name that an event is counted under. */
export function eventName({ type, name }: Pick<Event, "type" | "name">): string {
  return type === "track" ? (name ?? otherName) : type;
}

/** What tells two events of one person apart, but for when they came and under which messageId. */
export function digestOf(event: Event): string {
  const data: Json = event.type === "identify" ? event.traits : event.properties;
  const text = canonicalJson([event.userId, event.anonymousId, event.type, event.name, data]);
  return `${hash32(text).toString(36)}${hash32(text, 1).toString(36)}`;
}
