/** The one place that reads the process's environment. */

/** Variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A copy of the environment as it is now. */
export function readEnvironment(): Environment {
  return { ...process.env };
}
