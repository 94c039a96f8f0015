/** What a command gets from the process it runs in; a test gives its own. */
import type { Environment } from "../config/environment.ts";

export interface CliContext {
  readonly environment: Environment;
  /** Writes to stdout; resolves when the reader has taken it. */
  print(text: string): Promise<void>;
  /** Writes a line to stderr. */
  tell(line: string): void;
  /** True if stderr is a terminal. */
  readonly isTerminal: boolean;
  /** Aborts at the first SIGINT or SIGTERM. */
  readonly interrupted: AbortSignal;
}

/** Exit codes (docs/operations.md). */
export const exitCodes = { ok: 0, failed: 1, usage: 2, folder: 3, threshold: 4, disk: 74 } as const;

/** A command that has said all there is to say and ends with this code. */
export class Exit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** A command called in a way that makes no sense; exit code 2. */
export class UsageError extends Error {}
