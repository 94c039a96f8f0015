/** What the audit's thread hands over to be kept. Plain data. */

/** A cell as JSON. */
export interface KeptCell {
  readonly day: number;
  readonly source: string;
  readonly event: string;
  readonly cell: string;
}

/** One side of a fact that two sources tell. */
export interface TellableFact {
  /** Of the cross-check. */
  readonly name: string;
  /** Hash of what ties the two events. */
  readonly key: string;
  /** 0 left, 1 right. */
  readonly side: 0 | 1;
  /** Null where it is no number. */
  readonly number: number | null;
  /** Hash of the value. */
  readonly digest: string;
  readonly seq: number;
  readonly atMs: number;
}

/** A sealed block of the journal (sealing.ts). */
export interface Sealed {
  readonly block: number;
  readonly rows: number;
  readonly digest: Uint8Array;
  readonly leaves: Uint8Array;
}

/** What was counted of the rows after `fromSeq` up to `toSeq`. */
export interface Tallied {
  readonly fromSeq: number;
  readonly toSeq: number;
  /** Seq of the newest erasure among them; 0: there is none. */
  readonly erasure: number;
  readonly cells: readonly KeptCell[];
  readonly facts: readonly TellableFact[];
  readonly seals: readonly Sealed[];
}

/** What profiles were like at a scan, JSON; scope: empty for all, or a segment. */
export interface ScanRow {
  readonly day: number;
  readonly scope: string;
  readonly atMs: number;
  readonly cell: string;
}
