/** What an audit found: one fact in a sentence, with what to do about it. Plain data. */

export const findingKinds = [
  "volume",
  "quiet",
  "nulls",
  "types",
  "cardinality",
  "distribution",
  "duplicates",
  "clock",
  "coverage",
  "stale",
  "traitTypes",
  "segment",
  "crossCheck",
  "checksum",
  "fold",
] as const;
export type FindingKind = (typeof findingKinds)[number];

/** `critical`: data may be damaged; `warning`: data is not what it was. */
export type Severity = "critical" | "warning";

/** Events that a finding is about, so that one can look at some. */
export interface Wanted {
  readonly source: string;
  readonly event: string;
  /** Null: any event of that name. */
  readonly property: string | null;
  /** Of the property: that it is absent, or of this type, or has the value of this hash. */
  readonly is:
    | { readonly kind: "any" }
    | { readonly kind: "absent" }
    | { readonly kind: "type"; readonly type: string }
    | { readonly kind: "value"; readonly hash: number };
  readonly sinceMs: number;
}

export interface Finding {
  /** The same for as long as the same thing is wrong: `nulls:web:Order Completed:currency`. */
  readonly key: string;
  readonly kind: FindingKind;
  readonly severity: Severity;
  /** What happened, how much, since when. */
  readonly sentence: string;
  /** What to do. */
  readonly advice: string;
  readonly source: string | null;
  readonly event: string | null;
  readonly property: string | null;
  readonly trait: string | null;
  readonly segment: string | null;
  /** In the unit of the kind: percent, events, values. */
  readonly value: number;
  /** What was to be expected, in the same unit; null: nothing is. */
  readonly expected: number | null;
  readonly sinceMs: number;
  /** Events to look at; empty: none were looked for, or found. */
  readonly seqs: readonly number[];
  /** Numbers of profiles to look at. */
  readonly pids: readonly number[];
}

/** A finding before its events were looked up. */
export interface Draft extends Finding {
  readonly wanted: Wanted | null;
}

type Parts = Pick<Draft, "kind" | "sentence" | "advice" | "value" | "expected" | "sinceMs"> &
  Partial<Omit<Draft, "key">> & { readonly about: readonly string[] };

/** A finding of these parts; the rest is empty. */
export function draft({ about, ...parts }: Parts): Draft {
  return {
    key: [parts.kind, ...about].join(":"),
    severity: "warning",
    source: null,
    event: null,
    property: null,
    trait: null,
    segment: null,
    seqs: [],
    pids: [],
    wanted: null,
    ...parts,
  };
}

/** A finding without what it was looked up by. */
export function findingOf({ wanted: _looked, ...finding }: Draft): Finding {
  return finding;
}

/** `38 %`; small shares keep a digit. */
export function percentText(share: number): string {
  const percent = share * 100;
  return `${percent !== 0 && Math.abs(percent) < 10 ? Math.round(percent * 10) / 10 : Math.round(percent)} %`;
}

/** `2026-11-20 06:00 UTC` */
export function instantText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** `3 min`, in its largest unit. */
export function spanText(durationMs: number): string {
  const ms = Math.abs(durationMs);
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} days`;
}

/** `1,234` */
export function countWords(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}
