/** The texts of rows whose profiles were taken apart or joined again. Pure. */
import type { Ignored } from "../model/guard.ts";
import { withFact } from "./guardVerdict.ts";
import type { HotProfile } from "./hot.ts";
import type { Journal } from "./journal.ts";
import { mergedOf, type Diff, type EventRow } from "./row.ts";

/** The row's `extra` with these identifiers ignored. */
export function withIgnored(row: EventRow, ignored: Ignored): string | null {
  if (Object.keys(ignored).length > 0) return withFact(row.extra, "ignored", ignored);
  if (row.extra === null) return null;
  const { ignored: _, ...facts } = JSON.parse(row.extra) as Record<string, unknown>;
  return Object.keys(facts).length === 0 ? null : JSON.stringify(facts);
}

/** A row's text without other people's values: what a profile was told to be while they were part of it. */
export function bared<Row extends Pick<EventRow, "identifiers" | "diff">>(
  row: Row,
  owner: HotProfile | undefined,
): Row {
  const own = new Set(owner?.identifiers.map((key) => key.slice(1)) ?? []);
  const identifiers =
    row.identifiers === null
      ? null
      : JSON.stringify((JSON.parse(row.identifiers) as readonly string[]).filter((name) => own.has(name)));
  if (row.diff === null) return { ...row, identifiers };
  const { traits, consent: _, ...diff } = JSON.parse(row.diff) as Diff;
  const told = { ...diff, ...(traits === undefined ? {} : { traits: {} }) };
  return { ...row, identifiers, diff: JSON.stringify(told) };
}

/** The `diff` of a row that tells of merges alone. */
export function mergedText(merged: readonly number[]): string | null {
  return merged.length === 0 ? null : JSON.stringify({ merged });
}

/** The row's `diff` with these numbers merged. */
export function withMerged(row: Pick<EventRow, "diff">, merged: readonly number[]): string | null {
  if (mergedOf(row).length === 0 && merged.length === 0) return row.diff;
  const { merged: _, ...diff } = JSON.parse(row.diff ?? "{}") as Record<string, unknown>;
  if (merged.length > 0) return JSON.stringify({ ...diff, merged });
  return Object.keys(diff).length === 0 ? null : JSON.stringify(diff);
}

type TextOfAct = Pick<EventRow, "seq" | "identifiers" | "diff">;

/** The journal's own rows about a profile that others were part of must not go on telling of them, either. */
export function bareActs(
  { database }: Journal,
  pid: number,
  owner: HotProfile | undefined,
  fromSeq: number,
): void {
  const rows = database
    .query<TextOfAct, [number, number]>(
      "SELECT seq, identifiers, diff FROM journal WHERE pid = ? AND kind > 0 AND seq >= ?",
    )
    .all(pid, fromSeq);
  for (const row of owner === undefined ? [] : rows) {
    const { identifiers, diff } = bared(row, owner);
    database
      .query("UPDATE journal SET identifiers = ?, diff = ? WHERE seq = ?")
      .run(identifiers, diff, row.seq);
  }
}
