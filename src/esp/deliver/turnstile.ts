/**
 * Calls of many rows to the thread of ops.db, one at a time for all destinations together: that thread answers in the
 * order it is asked, so that whatever else is asked, such as for a message to one person, waits behind one of them at
 * most.
 */
export class Turnstile {
  #last: Promise<unknown> = Promise.resolve();

  /** Does it at once if it is of few rows, else in its turn. */
  pass<T>(rows: number, work: () => Promise<T>): Promise<T> {
    if (rows <= few) return work();
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}

const few = 20;
