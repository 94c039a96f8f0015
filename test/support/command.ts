/** Runs the program as a process of its own, the way a shell would. */
import { join } from "node:path";
import { programVariable } from "../../scripts/binary.ts";

/** How the program is started from a checkout. */
export const fromSource: readonly string[] = [
  process.execPath,
  "--no-env-file",
  "--no-install",
  join(import.meta.dir, "../../src/main.ts"),
];

const built = process.env[programVariable];

/** What tests start: the binary where the whole suite runs, which starts in a third of the time; else the sources. */
export const program: readonly string[] = built === undefined ? fromSource : [built];

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** Set beside the essentials (PATH, HOME, TMPDIR); the test's own environment is not passed on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly program?: readonly string[];
  readonly timeoutMs?: number;
}

/** Runs one command to its end. */
export async function freshet(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = Bun.spawn([...(options.program ?? program), ...args], {
    cwd: options.cwd ?? process.cwd(),
    env: cleanEnvironment(options.env),
    stdin: options.stdin === undefined ? "ignore" : Buffer.from(options.stdin),
    stdout: "pipe",
    stderr: "pipe",
    timeout: options.timeoutMs ?? 60_000,
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

/** An environment with nothing of Freshet in it but what is given. */
export function cleanEnvironment(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of ["PATH", "HOME", "TMPDIR", "BUN_TMPDIR"]) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  return { ...kept, ...env };
}
