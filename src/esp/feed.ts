/**
 * The feed's one reader: it pulls pages of the change log by seq and turns them into frames, for SSE, WebSocket and
 * long poll alike. It holds a position and nothing else, so a slow client costs no memory and delays only itself.
 *
 * States: `lost` → `walk` → `follow`.
 *   lost    the cursor is of another epoch, lies in the future or before the log begins: one `reset` frame, then on
 *           from the head of now, with a new walk if a snapshot was asked for
 *   walk    (snapshot) profiles in the order of their numbers, up to the newest there was when the walk began, then
 *           one `live` frame; the changes since the walk began follow, so that nothing falls between
 *   follow  changes after a seq
 */
import { Refusal } from "../errors.ts";
import { formatCursor, formatFeedCursor, parseFeedCursor, type FeedCursor } from "../model/cursor.ts";
import type { Clock } from "../lib/clock.ts";
import type { ChangeLog } from "../store/changeLog.ts";
import type { Profiles, StoredProfile } from "../store/profiles.ts";
import type { ChangeTexts, FeedFilter } from "./changeView.ts";
import type { OneProfile } from "./oneProfile.ts";
import {
  renderProfile,
  renderVerboseProfile,
  visibilityOf,
  visibleIdentifiers,
  type Visibility,
} from "./profileView.ts";

/** One message of the feed. `data` is JSON text. */
export interface Frame {
  readonly event: "change" | "snapshot" | "live" | "reset";
  /** Where to go on after this frame. */
  readonly cursor: string;
  readonly data: string;
}

/** Frames to be handed on, and when there may be more: at once, once the head has moved, or after a while (profiles are being rebuilt). */
export interface Page {
  readonly frames: readonly Frame[];
  readonly next: "more" | "change" | "while";
}

/** Where a reader starts. */
export interface FeedStart {
  /** As the client gave it: a cursor, `earliest`, or null for from now. */
  readonly cursor: string | null;
  readonly snapshot: boolean;
  /** Profiles of the snapshot with the provenance of each trait. */
  readonly verbose?: boolean;
}

export interface FeedDeps {
  readonly changes: ChangeLog;
  readonly profiles: Profiles;
  readonly clock: Clock;
  /** Told of every change that was handed to a client. */
  readonly onFed?: (seq: number) => void;
}

/** Frames a page holds at most, and changes that are looked through for one. */
export const pageFrames = 256;
/** A page ends with the frame that brings its text to this length. */
const pageLength = 64 * 1024;
const pageProfiles = 64;

/** Why a cursor can't be resumed. */
export type Loss = "epoch" | "expired" | "future";

export class FeedReader {
  readonly #deps: FeedDeps;
  readonly #filter: FeedFilter;
  readonly #texts: ChangeTexts;
  readonly #wantsSnapshot: boolean;
  readonly #isVerbose: boolean;
  /** The only profile that is read; null: all. */
  readonly #only: OneProfile | null;
  #lost: Loss | null = null;
  /** Changes after this are still to come. */
  #seq: number;
  /** Profiles after this are still to come; null: no walk, or it is done. */
  #afterPid: number | null = null;
  /** Changes looked through next; smaller after a page that grew too long, so that little is read twice. */
  #span = pageFrames;

  /** `texts` renders for this filter and may be shared. Throws Refusal invalid_cursor for a malformed cursor. */
  constructor(
    deps: FeedDeps,
    filter: FeedFilter,
    texts: ChangeTexts,
    start: FeedStart,
    only: OneProfile | null = null,
  ) {
    this.#deps = deps;
    this.#filter = filter;
    this.#texts = texts;
    this.#wantsSnapshot = start.snapshot;
    this.#isVerbose = start.verbose === true;
    this.#only = only;
    const place = placeOf(start, deps.changes);
    if (typeof place === "object") {
      this.#seq = place.seq;
      this.#afterPid = place.afterPid;
    } else {
      this.#lost = place;
      this.#seq = deps.changes.head();
    }
  }

  /** Why the cursor it was given can't be resumed; null if it can be, or once a `reset` frame has said so. */
  get lost(): Loss | null {
    return this.#lost;
  }

  /** Where to go on after all that was taken; moves on over changes that the filter keeps back. */
  get cursor(): string {
    return formatFeedCursor({ epoch: this.#deps.changes.epoch, seq: this.#seq, afterPid: this.#afterPid });
  }

  /** The next page of at most `limit` frames; without frames when there are none yet, or the filter kept all back. */
  take(limit = pageFrames): Page {
    if (this.#lost === null && this.#afterPid === null && this.#seq < this.#deps.changes.floor())
      this.#lost = "expired";
    if (this.#lost !== null) return this.#reset(this.#lost);
    return this.#afterPid === null ? this.#follow(limit) : this.#walk(this.#afterPid, limit);
  }

  #reset(reason: Loss): Page {
    this.#lost = null;
    this.#seq = this.#deps.changes.head();
    this.#afterPid = this.#wantsSnapshot ? 0 : null;
    return {
      frames: [{ event: "reset", cursor: this.cursor, data: JSON.stringify({ reason }) }],
      next: "more",
    };
  }

  #walk(afterPid: number, limit: number): Page {
    if (this.#only !== null) return this.#snapshotOf(this.#only);
    const page = this.#deps.profiles.page(this.#filter.namespace, afterPid, Math.min(limit, pageProfiles));
    if (page.kind === "rebuilding") return { frames: [], next: "while" };
    const visible = visibilityOf(this.#filter.traits, this.#filter.readable);
    const frames: Frame[] = [];
    let length = 0;
    for (const profile of page.profiles) {
      // A profile's number is the seq that made it: what is newer than the walk comes as changes.
      if (profile.pid > this.#seq) return this.#live(frames);
      this.#afterPid = profile.pid;
      const data = this.#snapshotText(profile, visible);
      if (data === null) continue;
      frames.push({ event: "snapshot", cursor: this.cursor, data });
      length += data.length;
      if (length >= pageLength) return { frames, next: "more" };
    }
    if (page.nextPid === null || page.nextPid >= this.#seq) return this.#live(frames);
    this.#afterPid = page.nextPid;
    return { frames, next: "more" };
  }

  #snapshotOf(only: OneProfile): Page {
    const profile = only.now();
    if (profile === undefined) return { frames: [], next: "while" };
    const visible = visibilityOf(this.#filter.traits, this.#filter.readable);
    const data = profile === null ? null : this.#snapshotText(profile, visible);
    return this.#live(data === null ? [] : [{ event: "snapshot", cursor: this.cursor, data }]);
  }

  /** A profile of the snapshot, or null if the filter keeps it back. */
  #snapshotText(profile: StoredProfile, visible: Visibility): string | null {
    const { idType, segment, traits, readable } = this.#filter;
    const identifiers = visibleIdentifiers(profile.identifiers, readable);
    if (idType !== null && !identifiers.some(({ type }) => type === idType)) return null;
    const nowMs = this.#deps.clock.nowMs();
    const view = renderProfile(profile, visible, nowMs);
    if (segment !== null && !view.segments.includes(segment)) return null;
    if (traits !== null && Object.keys(view.traits).length === 0) return null;
    return JSON.stringify(this.#isVerbose ? renderVerboseProfile(profile, visible, nowMs) : view);
  }

  #live(frames: Frame[]): Page {
    this.#afterPid = null;
    frames.push({ event: "live", cursor: this.cursor, data: "{}" });
    return { frames, next: "more" };
  }

  #follow(limit: number): Page {
    const { changes: log, onFed } = this.#deps;
    const { changes, scannedTo } = log.read(this.#seq, Math.min(limit, this.#span));
    const frames: Frame[] = [];
    let length = 0;
    for (const [index, change] of changes.entries()) {
      this.#seq = change.seq;
      if (this.#only !== null && !this.#only.admits(change)) continue;
      const data = this.#texts.of(change);
      if (data === null) continue;
      frames.push({ event: "change", cursor: formatCursor({ epoch: log.epoch, seq: change.seq }), data });
      onFed?.(change.seq);
      length += data.length;
      if (length < pageLength || index === changes.length - 1) continue;
      this.#span = index + 1;
      return { frames, next: "more" };
    }
    // A cursor from before a crash may be ahead of what readers see again so far: it waits, and never goes back.
    this.#seq = Math.max(this.#seq, scannedTo);
    this.#span = Math.min(this.#span * 2, pageFrames);
    return { frames, next: this.#seq < log.head() ? "more" : "change" };
  }
}

/** Where to start, or why not there. Throws Refusal invalid_cursor when the cursor is malformed. */
function placeOf(
  { cursor: text, snapshot }: FeedStart,
  changes: ChangeLog,
): Pick<FeedCursor, "seq" | "afterPid"> | Loss {
  if (text === null) return { seq: changes.head(), afterPid: snapshot ? 0 : null };
  if (text === "earliest") return { seq: changes.floor(), afterPid: null };
  const cursor = parseFeedCursor(text);
  if (cursor === null) throw new Refusal("invalid_cursor");
  if (cursor.epoch !== changes.epoch) return "epoch";
  if (cursor.seq < changes.floor()) return "expired";
  // After a crash readers may see less than before for a while: what is on disk is not the future.
  return cursor.seq > changes.newest() ? "future" : cursor;
}
