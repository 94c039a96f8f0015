// `scripts/test.ts fast|long [path …]`: runs a suite, or the part of it below the given paths, and ends with the
// line `N passed, N failed`. It fails when anything failed, when a test file ran no test, and when none ran.
//
// The whole fast suite starts the single binary wherever a test starts the program: hundreds of starts from the sources
// cost more than everything else. A part of it, and the long suite, start the sources.

import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { binaryPath, programVariable, upToDateBinary } from "./binary.ts";
import { filesOf, lastLine, outcomeOf, type Outcome, type SuiteName, testFiles } from "./suite.ts";

const root = join(import.meta.dir, "..");

/** Files at a time: most tests wait for processes and disks, so that two files on one core still gain. */
const filesAtOnce = Math.min(4, Math.max(2, availableParallelism()));

/** Per test, and for the whole run, after which it counts as hung. */
const limits = {
  fast: { testMs: 30_000, suiteMs: 15 * 60_000 },
  long: { testMs: 60 * 60_000, suiteMs: 6 * 60 * 60_000 },
} as const;

async function runSuite(
  suite: SuiteName,
  files: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "freshet-test-"));
  const reportPath = join(folder, "report.xml");
  const flags = [
    `--timeout=${limits[suite].testMs}`,
    // The long suite measures and kills; its files run alone.
    ...(suite === "fast" ? [`--parallel=${filesAtOnce}`] : []),
    "--reporter=junit",
    `--reporter-outfile=${reportPath}`,
  ];
  try {
    // Whoever ends this run ends its tests and the servers they started.
    const runner = Bun.spawn(
      [
        process.execPath,
        "test",
        "--no-env-file",
        "--no-orphans",
        ...flags,
        ...files.map((file) => `./${file}`),
      ],
      {
        cwd: root,
        env: { ...process.env, ...env },
        stdio: ["ignore", "inherit", "inherit"],
        timeout: limits[suite].suiteMs,
      },
    );
    const code = await runner.exited;
    const report = Bun.file(reportPath);
    const outcome = outcomeOf((await report.exists()) ? await report.text() : "", files);
    const sane = code === 0 || outcome.failed > 0;
    if (!sane) process.stdout.write(`The runner itself failed with ${code}.\n`);
    return sane ? outcome : { ...outcome, failed: 1 };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function chosen(suite: SuiteName, paths: readonly string[]): string[] {
  const all = filesOf(suite, testFiles(root));
  return paths.length === 0 ? all : all.filter((file) => paths.some((path) => file.startsWith(path)));
}

async function programFor(
  suite: SuiteName,
  paths: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  if (suite === "long" || paths.length > 0) return {};
  await upToDateBinary();
  return { [programVariable]: binaryPath };
}

async function main([suite, ...paths]: readonly string[]): Promise<number> {
  if (suite !== "fast" && suite !== "long") throw new Error("usage: scripts/test.ts fast|long [path …]");
  const files = chosen(suite, paths);
  const none: Outcome = { passed: 0, failed: 0, skipped: 0, silent: [] };
  const outcome = files.length === 0 ? none : await runSuite(suite, files, await programFor(suite, paths));
  for (const file of outcome.silent) process.stdout.write(`No test of ${file} was run to its end.\n`);
  if (outcome.passed === 0) process.stdout.write("No test passed.\n");
  process.stdout.write(`\n${lastLine(outcome)}\n`);
  return outcome.failed === 0 && outcome.passed > 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
