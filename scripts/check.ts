// `scripts/check.ts`: everything a change must pass, in one go. Runs every step even after a failure, so that one
// run tells all; prints the output of failed steps only, and the tests' as they run.

import { join } from "node:path";

type Step = { name: string; command: readonly string[] };
type Result = { name: string; isOk: boolean; seconds: number };

const root = join(import.meta.dir, "..");
const bun = process.execPath;
const bin = (name: string) => join(root, "node_modules", ".bin", name);

/* Tools are started by our Bun, since theirs start with `#!/usr/bin/env node` and there may be no Node. */
/** Quick and independent: they run side by side. Import directions and the lock are tests (test/tidy.test.ts). */
const still: readonly Step[] = [
  { name: "format", command: [bun, "fmt", "--no-script", "--check"] },
  { name: "lint", command: [bun, bin("oxlint"), "--type-aware", "--deny-warnings"] },
  { name: "types", command: [bun, "check", "--no-script"] },
  { name: "types of what browsers run", command: [bun, "check", "--no-script", "-p", "public"] },
  { name: "unused", command: [bun, bin("knip-bun")] },
];

const moving: readonly Step[] = [
  // Before the tests, which start what it makes.
  { name: "build", command: [bun, "build.ts"] },
  { name: "tests", command: [bun, "scripts/test.ts", "fast"] },
];

async function run(step: Step, output: "pipe" | "inherit"): Promise<Result> {
  const startNs = Bun.nanoseconds();
  const child = Bun.spawn([...step.command], { cwd: root, stdio: ["ignore", output, output] });
  const texts = await Promise.all([child.stdout, child.stderr].map((stream) => new Response(stream).text()));
  const isOk = (await child.exited) === 0;
  if (!isOk) process.stdout.write(`${texts.join("")}\n`);
  const seconds = (Bun.nanoseconds() - startNs) / 1e9;
  process.stdout.write(`${isOk ? "ok    " : "FAILED"} ${step.name} (${seconds.toFixed(1)} s)\n`);
  return { name: step.name, isOk, seconds };
}

const results = await Promise.all(still.map((step) => run(step, "pipe")));
for (const step of moving) results.push(await run(step, "inherit"));

const failed = results.filter((result) => !result.isOk).map((result) => result.name);
const seconds = (Bun.nanoseconds() / 1e9).toFixed(0);
process.stdout.write(
  failed.length === 0 ? `\nAll checks passed in ${seconds} s.\n` : `\nFailed: ${failed.join(", ")}.\n`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
