/** The keys that the environment sets for the source `default`. */
import { ConfigError } from "./configError.ts";
import type { Environment } from "./environment.ts";
import { isSecretKey, isWriteKey } from "./keyText.ts";

/** Null where the environment sets none. */
export interface FirstKeys {
  readonly writeKey: string | null;
  readonly secretKey: string | null;
}

/** Variables that hold keys, with their sentence for the docs. */
export const keyVariables = [
  {
    env: "FRESHET_WRITE_KEY",
    description:
      "A write key of the source `default` (trust: server): wk_… or wk_test_…, at least 16 characters.",
  },
  {
    env: "FRESHET_SECRET_KEY",
    description: "A secret key with every scope: sk_… or sk_test_…, at least 16 characters.",
  },
] as const;

/** Reads both; throws ConfigError where one is malformed. The value is never repeated. */
export function firstKeysOf(environment: Environment): FirstKeys {
  const writeKey = environment["FRESHET_WRITE_KEY"] || null;
  const secretKey = environment["FRESHET_SECRET_KEY"] || null;
  const problems: string[] = [];
  const rest = "then letters, digits, _ or -, at least 16 characters in all";
  if (writeKey !== null && !isWriteKey(writeKey))
    problems.push(`FRESHET_WRITE_KEY: expected wk_ or wk_test_, ${rest}`);
  if (secretKey !== null && !isSecretKey(secretKey))
    problems.push(`FRESHET_SECRET_KEY: expected sk_ or sk_test_, ${rest}`);
  if (problems.length > 0) throw new ConfigError(problems);
  return { writeKey, secretKey };
}
