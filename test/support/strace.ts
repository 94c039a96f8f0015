/** Whether strace is there and may trace; tests that need it say how many they leave out where it is not. */
import { test } from "bun:test";
import { program } from "./command.ts";

/** The command line before the arguments of a server for which calls on one file go wrong, or slow, from the Nth on. */
export function withFault(
  path: string,
  calls: string,
  fault: string,
  fromNth: number | string,
  output = "/dev/null",
): string[] {
  const inject = `inject=${calls}:${fault}:when=${fromNth}`;
  const form = ["-D", "-f", "-qq", "-o", output, "-P", path];
  return ["strace", ...form, "-e", `trace=${calls}`, "-e", inject, ...program];
}

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
