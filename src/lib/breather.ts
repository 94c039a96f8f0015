/** Work in the background that leaves most of a processor to others. */

/** Of the time that it takes, the part in which it works. */
const workingShare = 0.25;
/** Shorter stretches of work are not worth a rest. */
const leastWorkMs = 5;

/** To be called between two pieces of work: rests three times as long as was worked since. */
export function breather(clock: { readonly monotonicMs: () => number }): () => Promise<void> {
  let begunMs = clock.monotonicMs();
  return async () => {
    const workedMs = clock.monotonicMs() - begunMs;
    if (workedMs < leastWorkMs) return;
    await Bun.sleep(workedMs * (1 / workingShare - 1));
    begunMs = clock.monotonicMs();
  };
}
