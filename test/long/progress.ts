/** Lines of progress for tests that take minutes: not more than one in some seconds. */
const everyMs = 5_000;

/** A teller: called at every step, it prints what `line` gives when it is time, and always what `last` says. */
export function progress(): { step(line: () => string): void; last(line: string): void } {
  let nextMs = 0;
  return {
    step: (line) => {
      const nowMs = performance.now();
      if (nowMs < nextMs) return;
      nextMs = nowMs + everyMs;
      process.stdout.write(`${line()}\n`);
    },
    last: (line) => void process.stdout.write(`${line}\n`),
  };
}

/** A seed that nobody chose; it is printed, so that what it finds can be run again. */
export function newSeed(what: string): number {
  const seed = Math.floor(Math.random() * 2 ** 31);
  process.stdout.write(`seed of ${what}: ${seed}\n`);
  return seed;
}
