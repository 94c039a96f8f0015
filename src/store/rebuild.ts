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
import { noteRelisted } from "./catchUp.ts";
import { HotProfiles } from "./hot.ts";
import type { JournalReader } from "./journalReader.ts";
import { profilesFormat, type ProfileStore } from "./lmdb.ts";
import { Projector } from "./projector.ts";
import { evidenceName } from "./usedDefinitions.ts";
import { bodyBytes, isFoldable, refusedOf, rowKind, storedEvent, type EventRow } from "./row.ts";

export interface RebuildOptions {
  readonly reader: JournalReader;
  /** An empty store. */
  readonly store: ProfileStore;
  readonly restore: Restore;
  readonly definitions: Definitions;
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

/** Folds the journal up to `upTo`. */
export function rebuildProfiles(options: RebuildOptions): RebuiltProfiles {
  return new Rebuild(options).run();
}

class Rebuild {
  readonly #options: RebuildOptions;
  readonly #hot: HotProfiles;
  readonly #projector: Projector;
  readonly #passed = new Set<number>();
  #watermark = 0;

  constructor(options: RebuildOptions) {
    this.#options = options;
    this.#hot = new HotProfiles(options.store, options.hotProfiles);
    this.#projector = new Projector(this.#hot, options.definitions);
  }

  run(): RebuiltProfiles {
    const { onProgress, upTo } = this.#options;
    for (const rows of pages(this.#options, upTo)) {
      const whole = this.#foldPage(rows);
      onProgress(
        Math.min(1, this.#watermark / Math.max(1, upTo)) / (this.#projector.pendingRefolds.size > 0 ? 2 : 1),
      );
      if (!whole) break;
    }
    if (this.#projector.pendingRefolds.size > 0) this.#settleLinks();
    this.#commit([]);
    onProgress(1);
    return { watermark: this.#watermark, passed: [...this.#passed] };
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
    if (isAct(row.kind)) noteRelisted(row, this.#hot);
    if (!isFoldable(row) || row.pid === null) return;
    this.#projector.project(this.#event(row), row.seq, {
      refused: refusedOf(row),
      pid: row.pid,
    });
  }

  #event(row: EventRow): Event {
    const { restore, reader } = this.#options;
    return restore(storedEvent(row, reader.sourceName(row.source)));
  }

  #commit(rows: readonly EventRow[]): void {
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

/** Kinds of rows that change a profile's version and nothing that an event did not. */
function isAct(kind: number): boolean {
  return kind === rowKind.refold || kind === rowKind.relisted || kind === rowKind.definition;
}

/** True for a row that came while there were no profiles and has not been folded yet. */
function waits(row: EventRow): boolean {
  return row.pid === null && isFoldable(row);
}

function* pages(options: RebuildOptions, upTo: number): Iterable<readonly EventRow[]> {
  let after = 0;
  while (after < upTo) {
    options.signal.throwIfAborted();
    const rows = options.reader.rowsAfter(after, rowsAtOnce).filter((row) => row.seq <= upTo);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    after = last.seq;
  }
}
