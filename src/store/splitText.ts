/** The texts of rows whose profiles were taken apart or joined again. Pure. */
import { ignoredIn, type Ignored } from "../model/guard.ts";
import { withFact } from "./guardVerdict.ts";
import type { HotProfile } from "./hotProfile.ts";
import type { Journal } from "./journal.ts";
import { ledOf, mergedOf, rowKind, type Diff, type EventRow } from "./row.ts";

/** The row's `extra` with these identifiers ignored. */
function withIgnored(row: EventRow, ignored: Ignored): string | null {
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

/** When a tie of an event did not count: from then until then (milliseconds; null: it still doesn't). */
type Span = readonly [name: string, fromMs: number, toMs: number | null];

/** The row's `extra` with these ties marked as undone now, or no more. What is so already stays as it is. */
export function withTies(
  row: EventRow,
  ties: readonly string[],
  isLifting: boolean,
  nowMs: number,
): string | null {
  const ignored = ignoredIn(row.extra);
  const turned = ties.filter((name) => (ignored[name] === "undone") === isLifting);
  if (turned.length === 0) return row.extra;
  const marks = Object.fromEntries(Object.entries(ignored).filter(([name]) => !turned.includes(name)));
  for (const name of isLifting ? [] : turned) marks[name] = "undone";
  const spans = turned.reduce((known, name) => withTurn(known, name, isLifting, nowMs), spansIn(row.extra));
  return withFact(withIgnored(row, marks), "undone", spans);
}

function withTurn(spans: readonly Span[], name: string, isLifting: boolean, nowMs: number): readonly Span[] {
  if (!isLifting) return [...spans, [name, nowMs, null]];
  const isOpen = ([of, , toMs]: Span) => of === name && toMs === null;
  // One that came while its pair was apart never counted.
  if (!spans.some(isOpen)) return [...spans, [name, 0, nowMs]];
  return spans.map((span) => (isOpen(span) ? [name, span[1], nowMs] : span));
}

function spansIn(extra: string | null): readonly Span[] {
  if (extra?.includes('"undone"') !== true) return [];
  return (JSON.parse(extra) as { readonly undone?: readonly Span[] }).undone ?? [];
}

/** The row's `extra` as it counted at an instant, as far as undos go. */
export function extraAt(row: EventRow, atMs: number): string | null {
  const spans = spansIn(row.extra);
  if (spans.length === 0) return row.extra;
  const marks: Record<string, Ignored[string]> = { ...ignoredIn(row.extra) };
  for (const [name] of spans) {
    const isUndone = spans.some(
      ([of, fromMs, toMs]) => of === name && fromMs <= atMs && (toMs === null || atMs < toMs),
    );
    if (isUndone) marks[name] = "undone";
    else delete marks[name];
  }
  return withIgnored(row, marks);
}

/** The row's `extra` as if nothing had been undone. */
export function extraUntouched(row: EventRow): string | null {
  if (row.extra?.includes('"undone"') !== true) return row.extra;
  return withIgnored(
    row,
    Object.fromEntries(Object.entries(ignoredIn(row.extra)).filter(([, why]) => why !== "undone")),
  );
}

/** Numbers that earlier switches made lead to the profile of that number. */
export function ledTo({ database }: Journal, pid: number): readonly number[] {
  return database
    .query<Pick<EventRow, "kind" | "diff">, [number]>(
      `SELECT kind, diff FROM journal WHERE pid = ? AND kind > 0 AND kind = ${rowKind.undo}`,
    )
    .all(pid)
    .flatMap(ledOf);
}
