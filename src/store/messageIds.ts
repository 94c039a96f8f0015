/** What the writer asks of the messageId index (dedup/): is this one in the journal already? */
export interface MessageIds {
  /** The seq of the accepted event with that messageId, exactly; null if there is none. */
  find(source: number, messageId: string): number | null;
  add(source: number, messageId: string, seq: number): void;
  /** What was added since the last commit is in the journal. */
  commit(): void;
  /** What was added since the last commit never was. */
  rollback(): void;
}
