/** A cursor of the change log: `<epoch>.<changeSeq>`. The epoch changes only when the journal itself is replaced. */
export interface Cursor {
  readonly epoch: number;
  readonly seq: number;
}

/**
 * A place in the feed. Inside a snapshot it is `<epoch>.<changeSeq>.<pid>`: the walk over the profiles goes on behind
 * that profile, and the changes behind that seq once it is done. Elsewhere it is a cursor of the change log.
 */
export interface FeedCursor extends Cursor {
  /** Number of the last profile that was sent, 0 before the first; null outside a snapshot. */
  readonly afterPid: number | null;
}

/** The wire form. */
export function formatCursor(cursor: Cursor): string {
  return `${cursor.epoch}.${cursor.seq}`;
}

/** The wire form. */
export function formatFeedCursor(cursor: FeedCursor): string {
  const plain = formatCursor(cursor);
  return cursor.afterPid === null ? plain : `${plain}.${cursor.afterPid}`;
}

/** Parses the wire form; null when it is malformed. */
export function parseCursor(text: string): Cursor | null {
  const match = /^(\d{1,9})\.(\d{1,15})$/.exec(text);
  return match ? { epoch: Number(match[1]), seq: Number(match[2]) } : null;
}

/** Parses either form; null when it is malformed. */
export function parseFeedCursor(text: string): FeedCursor | null {
  const match = /^(\d{1,9}\.\d{1,15})(?:\.(\d{1,15}))?$/.exec(text);
  const cursor = match === null ? null : parseCursor(match[1] ?? "");
  if (match === null || cursor === null) return null;
  return { ...cursor, afterPid: match[2] === undefined ? null : Number(match[2]) };
}
