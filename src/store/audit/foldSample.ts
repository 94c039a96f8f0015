/**
 * Fold equality on a sample: are the profiles in use what the journal says? A profile's events are folded anew from its
 * chain, and the state (traits, consent, the evidence of computed traits) is compared as canonical JSON. What the writer changes meanwhile is looked at again, and told only if it stays wrong while the profile stands still.
 */
import { canonicalState } from "../../model/canonical.ts";
import type { Definitions } from "../../model/definition.ts";
import { fold } from "../../model/fold.ts";
import { emptyState, type ProfileState } from "../../model/profile.ts";
import type { Restore } from "../accept.ts";
import type { HotProfile } from "../hotProfile.ts";
import type { JournalReader } from "../journalReader.ts";
import type { ProfileStore } from "../lmdb.ts";
import { parseProfile } from "../profileText.ts";
import { isFoldable, parsePrev, refusedOf, storedEvent, type EventRow } from "../row.ts";

export interface FoldSampleOptions {
  readonly reader: JournalReader;
  readonly store: ProfileStore;
  readonly restore: Restore;
  readonly definitions: Definitions;
}

/** What came of a profile. */
export type Compared =
  | { readonly kind: "same" }
  | { readonly kind: "different"; readonly pid: number; readonly why: string }
  /** Not there, merged away, or with too many events. */
  | { readonly kind: "passed" };

/** Profiles with more events are passed over. */
const maxRows = 5_000;
const maxTries = 3;

/** Compares the first profile from that number on. */
export function compareFrom(fromPid: number, options: FoldSampleOptions): Compared {
  options.store.refresh();
  const [found] = options.store.scan(fromPid, 1);
  if (found === undefined) return { kind: "passed" };
  for (let tries = 1; ; tries += 1) {
    const compared = compare(found.pid, options);
    if (compared.kind !== "different" || tries === maxTries) return compared;
    options.store.refresh();
  }
}

function compare(pid: number, options: FoldSampleOptions): Compared {
  const { store } = options;
  const before = store.readProfile(pid);
  const profile = before === undefined ? 0 : parseProfile(pid, before, store);
  if (typeof profile === "number" || profile.head === 0) return { kind: "passed" };
  const rows = chainOf(profile, options.reader);
  if (rows === null) return { kind: "passed" };
  const why = differenceOf(profile, rows, options);
  if (why === null) return { kind: "same" };
  store.refresh();
  // Changed in between: what was read of the journal may be of another moment.
  if (store.readProfile(pid) !== before) return { kind: "passed" };
  return { kind: "different", pid, why };
}

/** All events of a profile in journal order; null: there are too many. */
function chainOf(profile: HotProfile, reader: JournalReader): EventRow[] | null {
  const rows = new Map<number, EventRow>();
  const waiting = [profile.head];
  for (let seq = waiting.pop(); seq !== undefined; seq = waiting.pop()) {
    if (seq === 0 || rows.has(seq)) continue;
    const row = reader.row(seq);
    if (row === null) continue;
    rows.set(seq, row);
    if (rows.size > maxRows) return null;
    waiting.push(...parsePrev(row.prev));
  }
  return [...rows.values()].sort((left, right) => left.seq - right.seq);
}

function differenceOf(
  profile: HotProfile,
  rows: readonly EventRow[],
  { reader, restore, definitions }: FoldSampleOptions,
): string | null {
  const state: ProfileState = emptyState();
  for (const row of rows) {
    if (!isFoldable(row)) continue;
    try {
      const event = restore(storedEvent(row, reader.sourceName(row.source)));
      fold(state, event, { refused: refusedOf(row) }, definitions);
    } catch {
      return `its event in row ${row.seq} can't be read`;
    }
  }
  return canonicalState(state) === canonicalState(profile.state)
    ? null
    : `its ${rows.length} events give another state than the one in use`;
}
