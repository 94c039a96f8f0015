/**
 * The feed's one reader: it pulls pages of the change log by seq and turns them into frames, for SSE, WebSocket and
 * long poll alike. It holds a position and nothing else, so a slow client costs no memory and delays only itself.
 *
 * States: `walk` (snapshot: profiles in pid order, then `live`) → `follow` (changes after `seq`). A cursor of another
 * epoch, or one that lies in the future or before the log begins, gives a `reset` frame first.
 *
 * Cursors: `<epoch>.<seq>`; inside a snapshot `<epoch>.<seq>.<pid>`: changes go on after seq once the walk, resumed
 * behind pid, is done.
 */
import { Refusal } from "../errors.ts";
import { formatCursor, parseCursor } from "../model/cursor.ts";
import type { ChangeLog } from "../store/changeLog.ts";
import type { Profiles } from "../store/profiles.ts";
import { changeText, type FeedFilter } from "./changeView.ts";
import { renderProfile, selectionOf } from "./profileView.ts";

/** One message of the feed. `data` is JSON text. */
export interface Frame {
  readonly event: "change" | "snapshot" | "live" | "reset";
  /** Where to go on after this frame. */
  readonly cursor: string;
  readonly data: string;
}

/** Where a reader starts. */
export interface FeedStart {
  /** As the client gave it: a cursor, `earliest`, or null for from now. */
  readonly cursor: string | null;
  readonly snapshot: boolean;
}

export interface FeedDeps {
  readonly changes: ChangeLog;
  readonly profiles: Profiles;
}

/** Frames a page takes at most, and changes that are looked through for one. */
const pageFrames = 256;
const snapshotPage = 100;

type Position =
  | { readonly kind: "walk"; readonly afterPid: number; readonly seq: number }
  | { readonly kind: "follow"; readonly seq: number };

/** A place in the feed as a cursor says it. */
type Place = { readonly kind: "at"; readonly position: Position } | { readonly kind: "lost" };

export class FeedReader {
  readonly #deps: FeedDeps;
  readonly #filter: FeedFilter;
  readonly #waiting: Frame[] = [];
  #position: Position;

  /** Throws Refusal invalid_cursor for a malformed cursor. */
  constructor(deps: FeedDeps, filter: FeedFilter, start: FeedStart) {
    this.#deps = deps;
    this.#filter = filter;
    const place = placeOf(start.cursor, deps.changes, start.snapshot);
    if (place.kind === "at") {
      this.#position = place.position;
      return;
    }
    const seq = deps.changes.head();
    this.#waiting.push({
      event: "reset",
      cursor: formatCursor({ epoch: deps.changes.epoch, seq }),
      data: "{}",
    });
    this.#position = start.snapshot ? { kind: "walk", afterPid: 0, seq } : { kind: "follow", seq };
    if (!start.snapshot) this.#waiting.push(this.#live(seq));
  }

  /** The seq that wakes this reader: nothing to read before the head passes it. */
  get seq(): number {
    return this.#position.seq;
  }

  /** Where to go on after all that was read; moves on over changes that the filter keeps back. */
  get cursor(): string {
    const { epoch } = this.#deps.changes;
    const { seq } = this.#position;
    return this.#position.kind === "walk"
      ? `${epoch}.${seq}.${this.#position.afterPid}`
      : formatCursor({ epoch, seq });
  }

  /** True when a read would give nothing now. */
  get idle(): boolean {
    return (
      this.#waiting.length === 0 &&
      this.#position.kind === "follow" &&
      this.#deps.changes.head() <= this.#position.seq
    );
  }

  /** The next page; empty when there is nothing yet (or all of it was filtered out; look at `idle`). */
  read(limit = pageFrames): readonly Frame[] {
    if (this.#waiting.length > 0) return this.#waiting.splice(0);
    return this.#position.kind === "walk"
      ? this.#walk(this.#position)
      : this.#follow(this.#position.seq, limit);
  }

  #walk(position: Extract<Position, { kind: "walk" }>): readonly Frame[] {
    const page = this.#deps.profiles.page(this.#filter.namespace, position.afterPid, snapshotPage);
    if (page.kind === "rebuilding") throw new Refusal("profiles_rebuilding", { retryAfterSeconds: 5 });
    const { epoch } = this.#deps.changes;
    const selection = selectionOf(this.#filter.traits, this.#filter.readable);
    const frames: Frame[] = [];
    for (const profile of page.profiles) {
      if (
        this.#filter.idType !== null &&
        !profile.identifiers.some(({ type }) => type === this.#filter.idType)
      )
        continue;
      // A profile that is in no segment is not part of a segment's snapshot; there are no segments yet.
      if (this.#filter.segment !== null) continue;
      frames.push({
        event: "snapshot",
        cursor: `${epoch}.${position.seq}.${profile.pid}`,
        data: JSON.stringify(renderProfile(profile, selection)),
      });
    }
    if (page.nextPid === null) {
      frames.push(this.#live(position.seq));
      this.#position = { kind: "follow", seq: position.seq };
    } else {
      this.#position = { kind: "walk", afterPid: page.nextPid, seq: position.seq };
    }
    return frames;
  }

  #follow(afterSeq: number, limit: number): readonly Frame[] {
    const { changes } = this.#deps;
    const page = changes.read(afterSeq, Math.min(limit, pageFrames));
    this.#position = { kind: "follow", seq: page.scannedTo };
    const frames: Frame[] = [];
    for (const change of page.changes) {
      const data = changeText(change, this.#filter);
      if (data !== null) frames.push({ event: "change", cursor: `${changes.epoch}.${change.seq}`, data });
    }
    return frames;
  }

  #live(seq: number): Frame {
    return { event: "live", cursor: formatCursor({ epoch: this.#deps.changes.epoch, seq }), data: "{}" };
  }
}

/** What a cursor means for this log. Throws Refusal invalid_cursor when it is malformed. */
function placeOf(text: string | null, changes: ChangeLog, snapshot: boolean): Place {
  const head = changes.head();
  if (text === null || text === "") {
    return {
      kind: "at",
      position: snapshot ? { kind: "walk", afterPid: 0, seq: head } : { kind: "follow", seq: head },
    };
  }
  if (text === "earliest") return { kind: "at", position: { kind: "follow", seq: changes.floor() } };
  const parts = /^(\d{1,9}\.\d{1,15})(?:\.(\d{1,15}))?$/.exec(text);
  const cursor = parts === null ? null : parseCursor(parts[1] ?? "");
  if (parts === null || cursor === null) throw new Refusal("invalid_cursor");
  if (cursor.epoch !== changes.epoch || cursor.seq > head || cursor.seq < changes.floor())
    return { kind: "lost" };
  const afterPid = parts[2];
  return {
    kind: "at",
    position:
      afterPid === undefined
        ? { kind: "follow", seq: cursor.seq }
        : { kind: "walk", afterPid: Number(afterPid), seq: cursor.seq },
  };
}

/** True when the cursor can't be resumed; for answers that say so by status. Throws Refusal invalid_cursor. */
export function isLost(text: string | null, changes: ChangeLog): boolean {
  return placeOf(text, changes, false).kind === "lost";
}
