/** A mistyped FRESHET_… variable would be silently without effect, so an unknown one is refused. */
import { nearest } from "../lib/nearest.ts";
import { ConfigError } from "./configError.ts";
import type { Environment } from "./environment.ts";
import { keyVariables } from "./firstKeys.ts";
import { serveOptions } from "./serveOptions.ts";

/** Names the place where a crash test wants the process to die; never set in production. */
export const testVariable = "FRESHET_CRASH_AT";

/** The process that started this one and stands for it (scripts/run.mjs); set by nobody else. */
export const starterVariable = "FRESHET_STARTER_PID";

/** Every variable that means something to Freshet. */
const knownVariables: readonly string[] = [
  ...serveOptions.map((option) => option.env),
  ...keyVariables.map(({ env }) => env),
  testVariable,
  starterVariable,
];

/** What Kubernetes sets in every pod for a service called freshet; harmless, so passed over. */
const serviceLink = /^FRESHET_(SERVICE_(HOST|PORT.*)|PORT_\d+_(TCP|UDP).*)$/;

/** Throws ConfigError for FRESHET_… variables that nothing reads; `named` are those that the file refers to. */
export function checkVariables(
  environment: Environment,
  named: ReadonlySet<string>,
  options: { readonly namedInFile: boolean } = { namedInFile: false },
): void {
  const problems: string[] = [];
  for (const name of Object.keys(environment)) {
    if (
      !name.startsWith("FRESHET_") ||
      knownVariables.includes(name) ||
      named.has(name) ||
      serviceLink.test(name)
    )
      continue;
    const meant = nearest(name, knownVariables);
    // Without the file at hand, a variable that is like no option may be one that the file names.
    if (options.namedInFile && meant === null) continue;
    problems.push(
      `${name}: unknown variable${meant === null ? "; `freshet serve --help` lists the options" : `; did you mean ${meant}?`}`,
    );
  }
  if (problems.length > 0) throw new ConfigError(problems);
}
