/** The line that says on what machine the figures were measured. */
import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { median } from "./stats.ts";

const flushes = 200;

/** Cores, processor, memory, Bun, kernel and the file system under `folder`. */
export function machineLine(folder: string): string {
  const all = cpus();
  const memoryGb = Math.round(totalmem() / 1024 ** 3);
  const kernel = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
  const model = all[0]?.model.trim() ?? "unknown processor";
  return `${all.length} cores (${model}), ${memoryGb} GB, Linux ${kernel}, Bun ${Bun.version}, ${fileSystemOf(folder)}`;
}

function fileSystemOf(folder: string): string {
  const mounts = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "));
  const holding = mounts.filter(
    ([, point = ""]) => folder === point || folder.startsWith(point.endsWith("/") ? point : `${point}/`),
  );
  holding.sort(([, left = ""], [, right = ""]) => right.length - left.length);
  return holding[0]?.[2] ?? "unknown file system";
}

/** The median time that one fdatasync of 4 KB takes on the disk under `folder`, milliseconds. */
export function flushMs(folder: string): number {
  const path = join(folder, "flush");
  const file = openSync(path, "w");
  const page = new Uint8Array(4_096);
  const timesMs: number[] = [];
  for (let flush = 0; flush < flushes; flush += 1) {
    writeSync(file, page);
    const startNs = Bun.nanoseconds();
    fdatasyncSync(file);
    timesMs.push((Bun.nanoseconds() - startNs) / 1e6);
  }
  closeSync(file);
  rmSync(path);
  return median(timesMs);
}
