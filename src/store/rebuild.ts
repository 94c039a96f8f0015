/**
 * Rebuilding the profiles from the journal into a folder of their own, off the writer thread. It writes no changes:
 * every row repeats its recorded decisions, whose it is among them, so that what a re-attribution moved is folded
 * where it stands now. Links that the first pass could not settle are made anew from all their facts in a second one.
 */
import type { Definitions } from "../model/definition.ts";
import { orderKeyOf, type Event, type OrderKey } from "../model/event.ts";
import { identifierKey, identifierOf, type IdentifierKey } from "../model/identifier.ts";
import { newestUser, rebuildRecord, type LinkFact } from "../model/link.ts";
import type { Restore } from "./accept.ts";
import { isAct, noteAct } from "./catchUp.ts";
import { HotProfiles } from "./hot.ts";
import type { JournalReader } from "./journalReader.ts";
import { profilesFormat, type ProfileStore } from "./lmdb.ts";
import { Projector } from "./projector.ts";
import { evidenceName } from "./usedDefinitions.ts";
import {
  bodyBytes,
  isFoldable,
  ledOf,
  refusedOf,
  rowKind,
  storedEvent,
  toldOf,
  type EventRow,
} from "./row.ts";
import type { Epochs } from "./segmentEpochs.ts";

export interface RebuildOptions {
  readonly reader: JournalReader;
  /** An empty store. */
  readonly store: ProfileStore;
  readonly restore: Restore;
  readonly definitions: Definitions;
  /** Of the segments among them. */
  readonly epochs: Epochs;
  /** Last seq to take in. */
  readonly upTo: number;
  readonly hotProfiles: number;
  readonly onProgress: (share: number) => void;
  readonly signal: AbortSignal;
}

/** How far the rebuild came (rows that still wait for folding are left), and the rows that it had to pass. */
export interface RebuiltProfiles {
  readonly watermark: number;
  /** Seqs of rows that could be folded once and can't now: damaged ones, most likely. */
  readonly passed: readonly number[];
}

const rowsAtOnce = 2_000;
const profilesAtOnce = 500;

/** Folds the journal up to `upTo`. */
export function rebuildProfiles(options: RebuildOptions): RebuiltProfiles {
  return new Rebuild(options).run();
}

class Rebuild {
  readonly #options: RebuildOptions;
  readonly #hot: HotProfiles;
  readonly #projector: Projector;
  readonly #passed = new Set<number>();
  /** By number: the profile that an `undo` row made it lead to. */
  readonly #led = new Map<number, number>();
  #watermark = 0;

  constructor(options: RebuildOptions) {
    this.#options = options;
    this.#hot = new HotProfiles(options.store, options.hotProfiles);
    this.#projector = new Projector(this.#hot, options.definitions);
  }

  run(): RebuiltProfiles {
    const { onProgress, upTo } = this.#options;
    let from = 0;
    for (const { afterSeq, atMs, names } of this.#stops()) {
      if (!this.#foldThrough(from, Math.min(afterSeq, upTo)) || afterSeq > upTo) break;
      if (names.size > 0) this.#define(names, atMs);
      from = afterSeq;
    }
    if (this.#projector.pendingRefolds.size > 0) this.#settleLinks();
    this.#lead();
    this.#commit([]);
    onProgress(1);
    return { watermark: this.#watermark, passed: [...this.#passed] };
  }

  /** Where to pause since segments were defined there, and the end. */
  #stops(): readonly Stop[] {
    const stops: Stop[] = [{ afterSeq: this.#options.upTo, atMs: 0, names: new Set() }];
    for (const { name, afterSeq, atMs } of this.#options.epochs.values()) {
      const known = stops.find((stop) => stop.afterSeq === afterSeq && stop.atMs === atMs);
      if (known === undefined) stops.push({ afterSeq, atMs, names: new Set([name]) });
      else known.names.add(name);
    }
    return stops.sort((left, right) => left.afterSeq - right.afterSeq || left.atMs - right.atMs);
  }

  /** Folds rows up to `through`; false once a row is met that waits. */
  #foldThrough(from: number, through: number): boolean {
    const { onProgress, upTo } = this.#options;
    for (const rows of pages(this.#options, through, from)) {
      const whole = this.#foldPage(rows);
      onProgress(
        Math.min(1, this.#watermark / Math.max(1, upTo)) / (this.#projector.pendingRefolds.size > 0 ? 2 : 1),
      );
      if (!whole) return false;
    }
    return true;
  }

  /** Decides segments for everybody as of the instant at which they were defined. */
  #define(names: ReadonlySet<string>, atMs: number): void {
    const { store } = this.#options;
    const { memberships } = this.#projector;
    for (let after: number | undefined = 0; after !== undefined;) {
      this.#options.signal.throwIfAborted();
      const page: { readonly pid: number }[] = store.scan(after, profilesAtOnce);
      for (const { pid } of page) {
        const profile = this.#hot.profile(pid);
        if (profile?.pid === pid && memberships.define(profile, names, atMs)) this.#hot.touch(profile);
      }
      this.#commit([]);
      after = page.at(-1)?.pid;
    }
  }

  /** Folds one page and commits it; false once a row is met that waits for its first folding. */
  #foldPage(rows: readonly EventRow[]): boolean {
    const pending = [...this.#projector.pendingRefolds];
    for (;;) {
      const broken = this.#tryPage(rows);
      if (broken === null) break;
      // The half-folded state is discarded with the page; the page is folded again without that row.
      this.#passed.add(broken);
      this.#hot.discard();
      this.#projector.pendingRefolds.clear();
      for (const [key, users] of pending) this.#projector.pendingRefolds.set(key, users);
    }
    this.#commit(rows);
    return !rows.some(waits);
  }

  /** Seq of the row that could not be folded; null when all could. */
  #tryPage(rows: readonly EventRow[]): number | null {
    for (const row of rows) {
      if (waits(row)) return null;
      try {
        if (!this.#passed.has(row.seq)) this.#replay(row);
      } catch {
        return row.seq;
      }
      this.#watermark = row.seq;
    }
    return null;
  }

  #replay(row: EventRow): void {
    const { memberships } = this.#projector;
    const told = toldOf(row, this.#options.epochs);
    if (row.kind === rowKind.refold || row.kind === rowKind.undo || isAct(row))
      noteAct(row, this.#hot, memberships, told);
    for (const pid of ledOf(row)) this.#led.set(pid, row.pid ?? pid);
    if (!isFoldable(row) || row.pid === null) return;
    this.#projector.project(this.#event(row), row.seq, row.committed_at_ms, {
      refused: refusedOf(row),
      pid: row.pid,
      told,
    });
  }

  /** Numbers that only an operator's word made parts of others: no event that still counts does. */
  #lead(): void {
    for (const [pid, into] of this.#led) {
      const profile = this.#hot.profile(into);
      if (profile === undefined || this.#hot.profile(pid) !== undefined) continue;
      // Once the event that made it is erased, a number leads nowhere.
      const row = this.#options.reader.row(pid);
      if (row !== null && isFoldable(row)) this.#hot.redirect(pid, profile);
    }
  }

  #event(row: EventRow): Event {
    const { restore, reader } = this.#options;
    return restore(storedEvent(row, reader.sourceName(row.source)));
  }

  #commit(rows: readonly EventRow[]): void {
    for (const profile of this.#hot.dirtyProfiles()) this.#projector.memberships.refresh(profile);
    const meta = {
      format: profilesFormat,
      journalId: this.#options.reader.journalId,
      watermark: this.#watermark,
      pendingRefolds: [...this.#projector.pendingRefolds],
      evidence: evidenceName(this.#options.definitions),
    };
    this.#options.store.commit(this.#hot.batch(meta, bodyBytes(rows)));
    this.#hot.settled();
  }

  /** Makes the unsettled links anew from all their facts. One whose events stand elsewhere stays pending for the writer. */
  #settleLinks(): void {
    const facts = new Map(
      [...this.#projector.pendingRefolds.keys()].map((key) => [key, new Facts()] as const),
    );
    for (const rows of pages(this.#options, this.#watermark)) {
      for (const row of rows)
        if (isFoldable(row) && row.pid !== null && !this.#passed.has(row.seq))
          noteFacts(this.#event(row), this.#hot.profile(row.pid)?.pid ?? row.pid, facts);
    }
    for (const [key, found] of facts) this.#settleLink(key, found);
  }

  #settleLink(key: IdentifierKey, facts: Facts): void {
    const projector = this.#projector;
    const home = projector.profileOf(key);
    const link = home && projector.linkOf(home, key);
    if (home === undefined || link === undefined) return;
    this.#hot.touch(home);
    link.record = rebuildRecord(
      facts.links,
      facts.anonymous.map((event) => event.key),
    );
    const newest = newestUser(link.record);
    const user =
      newest === null ? undefined : projector.profileOf(identifierKey(home.namespace, "user_id", newest));
    projector.place(key, link, user ?? home, home);
    const anonymous = identifierOf(key).value;
    const settled = facts.anonymous.every(
      (event) =>
        projector.claimant(home.namespace, { key: event.key, user: null, anonymous })?.pid === event.pid,
    );
    if (settled) projector.pendingRefolds.delete(key);
  }
}

/** A place in the journal after which segments are defined as they are now. */
interface Stop {
  readonly afterSeq: number;
  readonly atMs: number;
  readonly names: Set<string>;
}

/** What the journal says of one anonymousId. */
class Facts {
  readonly links: LinkFact[] = [];
  readonly anonymous: { readonly key: OrderKey; readonly pid: number }[] = [];
}

function noteFacts(event: Event, pid: number, facts: ReadonlyMap<IdentifierKey, Facts>): void {
  const aliased = event.type === "alias" && event.previousId !== event.userId ? event.previousId : null;
  for (const id of new Set([event.anonymousId, aliased])) {
    const found = id === null ? undefined : facts.get(identifierKey(event.namespace, "anonymous_id", id));
    if (event.userId === null) found?.anonymous.push({ key: orderKeyOf(event), pid });
    else found?.links.push({ key: orderKeyOf(event), user: event.userId });
  }
}

/** True for a row that came while there were no profiles and has not been folded yet. */
function waits(row: EventRow): boolean {
  return row.pid === null && isFoldable(row);
}

function* pages(options: RebuildOptions, upTo: number, from = 0): Iterable<readonly EventRow[]> {
  let after = from;
  while (after < upTo) {
    options.signal.throwIfAborted();
    const rows = options.reader.rowsAfter(after, rowsAtOnce).filter((row) => row.seq <= upTo);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    after = last.seq;
  }
}
