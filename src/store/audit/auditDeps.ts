/** What the audit's work is given beside its job. */
import type { Restore } from "../accept.ts";

export interface AuditDeps {
  readonly restore: Restore;
  readonly onProgress: (share: number) => void;
  readonly signal: AbortSignal;
  /** Rests for a while after some work. */
  readonly breathe: () => Promise<void>;
}
