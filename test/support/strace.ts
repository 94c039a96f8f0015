/** Whether strace is there and may trace; tests that need it say how many they leave out where it is not. */
import { test } from "bun:test";

const probe = (() => {
  try {
    return Bun.spawnSync(["strace", "-f", "--seccomp-bpf", "-e", "trace=fsync", "true"]).exitCode === 0;
  } catch {
    return false;
  }
})();

/** `test` where strace works; else a test that is skipped and counted, with a line that says so. */
export function tracedTest(name: string, run: () => Promise<void>, timeoutMs: number): void {
  if (!probe) process.stderr.write(`skipped, since strace is not there or may not trace: ${name}\n`);
  test.skipIf(!probe)(name, run, timeoutMs);
}
