/** The folded side of the writer: LMDB, the hot set over it, and how far it has come. */
import type { Definitions } from "../model/definition.ts";
import { HotProfiles } from "./hot.ts";
import { openProfileStore, profilesFormat, type ProfileStore } from "./lmdb.ts";
import type { Memberships } from "./memberships.ts";
import { Projector } from "./projector.ts";
import { evidenceName } from "./usedDefinitions.ts";

export interface Folded {
  readonly store: ProfileStore;
  readonly hot: HotProfiles;
  readonly projector: Projector;
  readonly definitions: Definitions;
  readonly memberships: Memberships;
  watermark: number;
  /** When the next profile falls due; null: none does. */
  nextDueMs: number | null;
  /** False while there are rows that it has not seen. */
  caughtUp: boolean;
}

/** A longer tail is rebuilt beside the service instead of being caught up before it starts. */
const maxTailRows = 100_000;

/** Opens a profile folder for folding into it. */
export function openFolded(folder: string, hotProfiles: number, definitions: Definitions): Folded {
  const store = openProfileStore(folder, { readOnly: false });
  const meta = store.readMeta();
  const hot = new HotProfiles(store, hotProfiles);
  const projector = new Projector(hot, definitions);
  restoreMap(projector.pendingRefolds, meta?.pendingRefolds ?? []);
  const { memberships } = projector;
  const nextDueMs = nextDueOf(store, memberships);
  const watermark = meta?.watermark ?? 0;
  return { store, hot, projector, definitions, memberships, watermark, nextDueMs, caughtUp: false };
}

function nextDueOf(store: ProfileStore, { isEmpty }: Memberships): number | null {
  return isEmpty ? null : (store.scanDue(null, Number.MAX_SAFE_INTEGER - 1, 1)[0]?.dueMs ?? null);
}

/** Why the folder can't be caught up with that journal; null if it can. */
export function problemOf(folded: Folded, journalId: string, head: number): string | null {
  const meta = folded.store.readMeta();
  if (meta === null) return "the profiles are missing or unfinished";
  if (meta.format !== profilesFormat) return "the profiles have another format";
  if (meta.journalId !== journalId) return "the profiles belong to another journal";
  if (meta.evidence !== evidenceName(folded.definitions)) return "the computed traits are others than before";
  if (meta.watermark > head) return "the profiles are ahead of the journal";
  return head - meta.watermark > maxTailRows ? "the profiles are far behind the journal" : null;
}

/**
 * Puts what changed into LMDB, with the new watermark; returns the numbers of the profiles that changed. `takenBytes`:
 * of the events that changed them.
 */
export function commitFolded(
  folded: Folded,
  journalId: string,
  watermark: number,
  takenBytes: number,
): readonly number[] {
  const pids = folded.hot.changed();
  for (const profile of folded.hot.dirtyProfiles()) folded.memberships.refresh(profile);
  const pendingRefolds = [...folded.projector.pendingRefolds];
  const evidence = evidenceName(folded.definitions);
  const meta = { format: profilesFormat, journalId, watermark, pendingRefolds, evidence };
  folded.store.commit(folded.hot.batch(meta, takenBytes));
  folded.hot.settled();
  folded.watermark = watermark;
  folded.nextDueMs = nextDueOf(folded.store, folded.memberships);
  return pids;
}

/** Makes a map hold exactly these entries. */
export function restoreMap<K, V>(map: Map<K, V>, entries: Iterable<readonly [K, V]>): void {
  map.clear();
  for (const [key, value] of entries) map.set(key, value);
}
