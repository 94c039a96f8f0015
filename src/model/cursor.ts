/** A cursor of the change log: `<epoch>.<changeSeq>`. The epoch changes only when the journal itself is replaced. */
export interface Cursor {
  readonly epoch: number;
  readonly seq: number;
}

/** The wire form. */
export function formatCursor(cursor: Cursor): string {
  return `${cursor.epoch}.${cursor.seq}`;
}

/** Parses the wire form; null when it is malformed. */
export function parseCursor(text: string): Cursor | null {
  const match = /^(\d{1,9})\.(\d{1,15})$/.exec(text);
  return match ? { epoch: Number(match[1]), seq: Number(match[2]) } : null;
}
