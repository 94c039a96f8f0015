/** Re-attributions, one after another, a slice at a time. */
import { Refold, type RefoldContext } from "./refold.ts";

/** Journal rows that a re-attribution reads between two groups. */
const sliceRows = 250;

export class Refolds {
  #running: Refold | null = null;

  /** Forgets what was gathered, since rows may have changed; it begins anew. */
  restart(): void {
    this.#running = null;
  }

  /** A slice of the next one; false if there is nothing to do. `act` runs the switch, which is its last slice. */
  settle(context: RefoldContext, act: (work: () => void) => void): boolean {
    const { pendingRefolds } = context.projector;
    const [next] = pendingRefolds;
    if (this.#running === null && next === undefined) return false;
    if (next !== undefined) this.#running ??= new Refold(...next);
    const refold = this.#running;
    if (refold?.gather(sliceRows, context) !== true) return true;
    this.#running = null;
    act(() => {
      refold.finish(context);
      pendingRefolds.delete(refold.anonymousKey);
    });
    return true;
  }
}
