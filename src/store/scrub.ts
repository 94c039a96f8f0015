/**
 * Erasure, as far as other people's rows are concerned. Events that a late link, or an operator's word, moved to the
 * erased person were somebody else's before, and what that profile's rows told until then (its identifiers, the values
 * that changed) may be the erased person's. Of those rows the values go, and the identifiers that were the erased
 * person's.
 */
import { identifierOf } from "../model/identifier.ts";
import type { HotProfile } from "./hotProfile.ts";
import type { Journal } from "./journal.ts";
import { mergedOf, parsePrev, rowKind, type Diff, type EventRow } from "./row.ts";

type Told = Pick<EventRow, "seq" | "kind" | "pid" | "identifiers" | "diff">;

const selectActs = "SELECT seq, kind, pid, identifiers, diff FROM journal WHERE pid = ? AND kind > 0";
const rewrite = "UPDATE journal SET identifiers = ?, diff = ? WHERE seq = ?";

/**
 * Takes the erased person's texts out of what `other`'s rows told while events of theirs were counted as its own.
 * `names`: everything that identified them; `fromSeq`: seq of their oldest event that may have been another's.
 */
export function scrub(
  other: HotProfile,
  journal: Journal,
  names: ReadonlySet<string>,
  fromSeq: number,
): void {
  const events = chainOf(other, journal, fromSeq);
  const pids = new Set([other.pid, ...events.flatMap((row) => [row.pid ?? other.pid, ...mergedOf(row)])]);
  const acts = [...pids].flatMap((pid) => journal.database.query<Told, [number]>(selectActs).all(pid));
  const moves = acts
    .filter(({ kind }) => kind === rowKind.refold || kind === rowKind.undo)
    .map(({ seq }) => seq);
  const throughSeq = Math.max(0, ...moves);
  const now = new Set(other.identifiers.map((key) => identifierOf(key).value));
  for (const row of [...events, ...acts]) {
    if (row.seq < fromSeq || row.seq > throughSeq) continue;
    const identifiers = withoutNames(row.identifiers, names, now);
    journal.database.query(rewrite).run(identifiers, withoutValues(row), row.seq);
  }
}

/** The profile's events from `fromSeq` on. */
function chainOf(profile: HotProfile, journal: Journal, fromSeq: number): EventRow[] {
  const rows = new Map<number, EventRow>();
  const waiting = [profile.head];
  for (let seq = waiting.pop(); seq !== undefined; seq = waiting.pop()) {
    const row = seq < fromSeq || rows.has(seq) ? null : journal.row(seq);
    if (row === null) continue;
    rows.set(seq, row);
    waiting.push(...parsePrev(row.prev));
  }
  return [...rows.values()];
}

function withoutNames(
  text: string | null,
  names: ReadonlySet<string>,
  now: ReadonlySet<string>,
): string | null {
  if (text === null) return null;
  const identifiers = JSON.parse(text) as string[];
  const value = (identifier: string) => identifier.slice(identifier.indexOf(":") + 1);
  return JSON.stringify(identifiers.filter((id) => !names.has(value(id)) || now.has(value(id))));
}

/** Who merged and which segments turned is no text of anybody's, and stays. */
function withoutValues(row: Told): string | null {
  if (row.diff === null) return null;
  const { merged, led, segments, members, atMs } = JSON.parse(row.diff) as Diff;
  const kept = {
    ...(merged === undefined ? {} : { merged }),
    ...(led === undefined ? {} : { led }),
    ...(segments === undefined ? {} : { segments }),
    ...(members === undefined ? {} : { members }),
    ...(atMs === undefined ? {} : { atMs }),
  };
  return Object.keys(kept).length === 0 ? null : JSON.stringify(kept);
}
