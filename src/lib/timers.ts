/** Where "later" comes from. Everything that repeats or waits takes Timers, so tests decide when it is time. */
export interface Timers {
  /** Calls `act` again and again until disposed. */
  every(intervalMs: number, act: () => void): Disposable;
  /** Calls `act` once, unless disposed before. */
  after(delayMs: number, act: () => void): Disposable;
}

/** The machine's timers. Longer delays than 2^31 ms would fire at once; nobody here waits for 24 days. */
export const systemTimers: Timers = {
  every: (intervalMs, act) => {
    const timer = setInterval(act, intervalMs);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  },
  after: (delayMs, act) => {
    const timer = setTimeout(act, delayMs);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};
