/** A disk of a few megabytes for one server alone, in a mount namespace of its own; needs no root. */
import { rmSync, writeFileSync } from "node:fs";
import { test } from "bun:test";
import { program } from "./command.ts";

/** The command line before the arguments of a server that finds a disk of `sizeBytes` at `mountPoint`. */
export function onSmallDisk(mountPoint: string, sizeBytes: number): string[] {
  const mount = `mount -t tmpfs -o size=${sizeBytes} small "$0" && exec "$@"`;
  return ["unshare", "-Urm", "sh", "-c", mount, mountPoint, ...program];
}

/** Takes space on the small disk of the process `pid` until disposed. */
export function ballast(pid: number, path: string, sizeBytes: number): Disposable {
  const seen = `/proc/${pid}/root${path}`;
  writeFileSync(seen, Buffer.alloc(sizeBytes));
  return { [Symbol.dispose]: () => rmSync(seen) };
}

const canMount = (() => {
  try {
    return Bun.spawnSync(["unshare", "-Urm", "mount", "-t", "tmpfs", "small", "/mnt"]).exitCode === 0;
  } catch {
    return false;
  }
})();

/** `test` where a process may mount for itself; else a test that is skipped and counted, with a line that says so. */
export function smallDiskTest(name: string, run: () => Promise<void>, timeoutMs: number): void {
  if (!canMount) process.stderr.write(`skipped, since this machine lets nobody mount a disk: ${name}\n`);
  test.skipIf(!canMount)(name, run, timeoutMs);
}
