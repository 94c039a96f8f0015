/** How much of a busy machine a thread takes. */
import { getPriority, setPriority } from "node:os";

/** So far behind, a thread gets about a tenth of a core where others want all of it; all that is idle in any case. */
const behind = 10;
const last = 19;

/** Lets this thread stand back behind the others of the process; on Linux a priority is a thread's own. */
export function standBack(): void {
  try {
    if (process.platform === "linux") setPriority(0, Math.min(last, getPriority(0) + behind));
  } catch {
    // A sandbox may not allow it; the work is done all the same.
  }
}
