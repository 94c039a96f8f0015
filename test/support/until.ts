/** Waits for something that happens elsewhere (another process, another thread), polling; no test sleeps a fixed time. */

const pollMs = 10;

/** Resolves with the first value that is neither undefined, null nor false; throws after `withinMs`. */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  withinMs = 15_000,
): Promise<NonNullable<T>> {
  const tries = Math.ceil(withinMs / pollMs);
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const value = await probe();
    if (value !== undefined && value !== null && value !== false) return value;
    await Bun.sleep(pollMs);
  }
  throw new Error(`gave up waiting until ${what}`);
}
