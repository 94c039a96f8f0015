import { readdirSync } from "node:fs";
import { relative, sep } from "node:path";

/** Which tests: `fast` is everything a change must pass, `long` what needs minutes or hours (test/long/). */
export type SuiteName = "fast" | "long";

/** How a run went; `silent` are files that were asked for and ran no test (they failed to load, or are empty). */
export type Outcome = { passed: number; failed: number; skipped: number; silent: readonly string[] };

const longFolder = "test/long/";

/** Every test file below `root`/test, as `test/…` with forward slashes, sorted. */
export function testFiles(root: string): string[] {
  const entries = readdirSync(`${root}/test`, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".test.ts"))
    .map((entry) => relative(root, `${entry.parentPath}/${entry.name}`).replaceAll(sep, "/"))
    .sort();
}

/** The files of one suite. Each test file is in exactly one, so none can be left out of both. */
export function filesOf(suite: SuiteName, files: readonly string[]): string[] {
  return files.filter((file) => file.startsWith(longFolder) === (suite === "long"));
}

/** Reads the runner's JUnit report. A file that was asked for but is not in it counts as one failure. */
export function outcomeOf(report: string, asked: readonly string[]): Outcome {
  const total = /<testsuites [^>]*>/.exec(report)?.[0] ?? "";
  const ran = new Set(Array.from(report.matchAll(/<testsuite [^>]*\bfile="([^"]*)"/g), (match) => match[1]));
  const silent = asked.filter((file) => !ran.has(file));
  const failures = attribute(total, "failures");
  const skipped = attribute(total, "skipped");
  const passed = attribute(total, "tests") - failures - skipped;
  return { passed, failed: failures + silent.length, skipped, silent };
}

function attribute(tag: string, name: string): number {
  return Number(new RegExp(`\\b${name}="(\\d+)"`).exec(tag)?.[1] ?? 0);
}

/** The last line of every run: `12 passed, 0 failed` and, where there are any, `, 1 skipped`. */
export function lastLine(outcome: Outcome): string {
  const skipped = outcome.skipped > 0 ? `, ${outcome.skipped} skipped` : "";
  return `${outcome.passed} passed, ${outcome.failed} failed${skipped}`;
}
