/**
 * Put before the program (`--preload`), here and in each of its workers: a wall clock that is off by MOVED_CLOCK's first
 * number of milliseconds, and by the third from so long (the second) after the start on.
 */
const [firstMs = 0, afterMs = 0, thenMs = 0] = (process.env["MOVED_CLOCK"] ?? "").split(",").map(Number);
const realNow = Date.now;
const startedMs = performance.now();
Date.now = () => realNow() + (performance.now() - startedMs < afterMs ? firstMs : thenMs);

const PlainWorker = globalThis.Worker;
globalThis.Worker = class extends PlainWorker {
  constructor(url: string | URL, options?: WorkerOptions) {
    super(url, { ...options, preload: [import.meta.path] });
  }
};
