/** Runs a command in this process and keeps what it says. */
import type { CliContext } from "../../src/cli/context.ts";

export interface TestContext extends CliContext {
  readonly stdout: string;
  readonly stderr: string;
  /** What SIGINT does. */
  interrupt(): void;
}

/** A context with this environment and nothing else. */
export function testContext(environment: Readonly<Record<string, string>> = {}): TestContext {
  const interruption = new AbortController();
  let stdout = "";
  let stderr = "";
  return {
    environment,
    isTerminal: false,
    interrupted: interruption.signal,
    interrupt: () => interruption.abort(),
    print: (text) => {
      stdout += text;
      return Promise.resolve();
    },
    tell: (line) => {
      stderr += `${line}\n`;
    },
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
  };
}
