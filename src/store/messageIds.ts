/** What the writer asks of the messageId index (dedup/): is this one in the journal already? */
import type { Namespace } from "../model/event.ts";

/**
 * Whose a messageId is: a source's, under the source's number; of its test data, under the negative one. Who tries a
 * file out with a test key must be able to send it in earnest.
 */
export function ownerOf(source: number, namespace: Namespace): number {
  return namespace === "live" ? source : -source;
}

export interface MessageIds {
  /** The seq of the accepted event with that messageId, exactly; null if there is none. */
  find(owner: number, messageId: string): number | null;
  add(owner: number, messageId: string, seq: number): void;
  /** What was added since the last commit is in the journal. */
  commit(): void;
  /** What was added since the last commit never was. */
  rollback(): void;
}
