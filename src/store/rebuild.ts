/**
 * Rebuilding the profiles from the journal into a folder of their own, off the writer thread. It writes no changes:
 * every row repeats its recorded decisions. Rows whose owner was changed later (refold.ts) are folded in a second
 * pass by the owner that the journal records.
 */
import { orderKeyOf, type Event, type OrderKey } from "../model/event.ts";
import { fold } from "../model/fold.ts";
import { identifierKey, type IdentifierKey } from "../model/identifier.ts";
import { newestUser, rebuildRecord, type LinkFact } from "../model/link.ts";
import { emptyState } from "../model/profile.ts";
import type { Restore } from "./accept.ts";
import { refusedOf, storedEvent } from "./catchUp.ts";
import { HotProfiles } from "./hot.ts";
import type { JournalReader } from "./journalReader.ts";
import { profilesFormat, type ProfileStore } from "./lmdb.ts";
import { Projector } from "./projector.ts";
import { rowFlags, rowKind, type EventRow } from "./row.ts";

export interface RebuildOptions {
  readonly reader: JournalReader;
  /** An empty store. */
  readonly store: ProfileStore;
  readonly restore: Restore;
  /** Last seq to take in. */
  readonly upTo: number;
  readonly hotProfiles: number;
  readonly onProgress: (share: number) => void;
  readonly signal: AbortSignal;
}

const rowsAtOnce = 2_000;

/** Folds the journal up to `upTo`; returns the watermark reached (rows that still wait for folding are left). */
export function rebuildProfiles(options: RebuildOptions): number {
  const hot = new HotProfiles(options.store, options.hotProfiles);
  const projector = new Projector(hot);
  const refolded = new Set<number>();
  let watermark = 0;
  const commit = () => {
    options.store.commit(
      hot.batch({
        format: profilesFormat,
        journalId: options.reader.journalId,
        watermark,
        pendingRefolds: [...projector.pendingRefolds],
      }),
    );
    hot.settled();
  };
  const passes = () => (refolded.size + projector.pendingRefolds.size > 0 ? 2 : 1);
  for (const rows of pages(options)) {
    let waiting = false;
    for (const row of rows) {
      waiting = row.kind === rowKind.event && row.pid === null && isFoldable(row);
      if (waiting) break;
      replay(row, options, hot, projector, refolded);
      watermark = row.seq;
    }
    commit();
    options.onProgress(Math.min(1, watermark / Math.max(1, options.upTo)) / passes());
    if (waiting) break;
  }
  if (passes() === 2) new SecondPass(options, hot, projector, refolded, watermark).run(commit);
  commit();
  options.onProgress(1);
  return watermark;
}

function replay(
  row: EventRow,
  options: RebuildOptions,
  hot: HotProfiles,
  projector: Projector,
  refolded: Set<number>,
): void {
  if (row.kind === rowKind.refold && row.pid !== null) {
    refolded.add(row.pid);
    const profile = hot.profile(row.pid);
    if (profile === undefined) return;
    hot.touch(profile);
    profile.version = row.seq;
    return;
  }
  if (row.kind !== rowKind.event || !isFoldable(row)) return;
  projector.project(options.restore(storedEvent(row, options.reader.sourceName(row.source))), row.seq, {
    refused: refusedOf(row),
  });
}

/**
 * Second pass, for profiles that took part in a re-attribution: their states from the rows that the journal gives
 * them, the links of the anonymousIds involved from the events themselves. A link whose events all stand with the
 * profile they are attributed to is done; the others stay pending for the writer.
 */
class SecondPass {
  readonly #options: RebuildOptions;
  readonly #hot: HotProfiles;
  readonly #projector: Projector;
  readonly #watermark: number;
  readonly #owners = new Set<number>();
  readonly #facts = new Map<
    IdentifierKey,
    {
      readonly links: LinkFact[];
      readonly anonymous: OrderKey[];
      readonly events: { readonly event: Event; readonly pid: number }[];
    }
  >();

  constructor(
    options: RebuildOptions,
    hot: HotProfiles,
    projector: Projector,
    refolded: ReadonlySet<number>,
    watermark: number,
  ) {
    this.#options = options;
    this.#hot = hot;
    this.#projector = projector;
    this.#watermark = watermark;
    for (const pid of refolded) {
      const profile = hot.profile(pid);
      if (profile === undefined || this.#owners.has(profile.pid)) continue;
      this.#owners.add(profile.pid);
      hot.touch(profile);
      profile.state = emptyState();
      profile.head = 0;
    }
    for (const key of projector.pendingRefolds.keys())
      this.#facts.set(key, { links: [], anonymous: [], events: [] });
  }

  run(commit: () => void): void {
    for (const rows of pages({ ...this.#options, upTo: this.#watermark })) {
      for (const row of rows)
        if (row.pid !== null && row.kind === rowKind.event && isFoldable(row)) this.#take(row, row.pid);
      commit();
    }
    for (const [key, facts] of this.#facts) this.#relink(key, facts);
  }

  #take(row: EventRow, pid: number): void {
    const profile = this.#hot.profile(pid);
    const owned = profile !== undefined && this.#owners.has(profile.pid);
    if (!owned && this.#facts.size === 0) return;
    const event = this.#options.restore(storedEvent(row, this.#options.reader.sourceName(row.source)));
    this.#note(event, profile?.pid ?? pid);
    if (profile === undefined || !owned) return;
    this.#hot.touch(profile);
    fold(profile.state, event, { refused: refusedOf(row) });
    profile.head = row.seq;
  }

  #note(event: Event, pid: number): void {
    const ids = new Set([
      event.anonymousId,
      event.type === "alias" && event.previousId !== event.userId ? event.previousId : null,
    ]);
    for (const id of ids) {
      const facts =
        id === null ? undefined : this.#facts.get(identifierKey(event.namespace, "anonymous_id", id));
      if (facts === undefined) continue;
      if (event.userId === null) {
        facts.anonymous.push(orderKeyOf(event));
        facts.events.push({ event, pid });
      } else {
        facts.links.push({ key: orderKeyOf(event), user: event.userId });
      }
    }
  }

  #relink(
    key: IdentifierKey,
    facts: {
      readonly links: LinkFact[];
      readonly anonymous: OrderKey[];
      readonly events: readonly { readonly event: Event; readonly pid: number }[];
    },
  ): void {
    const projector = this.#projector;
    const home = projector.profileOf(key);
    const link = home && projector.linkOf(home, key);
    if (home === undefined || link === undefined) return;
    this.#hot.touch(home);
    link.record = rebuildRecord(facts.links, facts.anonymous);
    const newest = newestUser(link.record);
    const newHome =
      newest === null
        ? home
        : (projector.profileOf(identifierKey(home.namespace, "user_id", newest)) ?? home);
    projector.place(key, link, newHome, home);
    if (facts.events.every(({ event, pid }) => projector.attributed(event)?.pid === pid))
      projector.pendingRefolds.delete(key);
  }
}

function isFoldable(row: EventRow): boolean {
  return (row.flags & (rowFlags.erased | rowFlags.foldFailed)) === 0;
}

function* pages(options: RebuildOptions): Iterable<readonly EventRow[]> {
  let after = 0;
  while (after < options.upTo) {
    options.signal.throwIfAborted();
    const rows = options.reader.rowsAfter(after, rowsAtOnce).filter((row) => row.seq <= options.upTo);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    after = last.seq;
  }
}
