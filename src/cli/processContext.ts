/** The context of a command that runs as a process of its own. */
import type { Environment } from "../config/environment.ts";
import type { CliContext } from "./context.ts";
import { watchStarter } from "./starterWatch.ts";

/** Signals that ask a command to end. */
const signals = ["SIGINT", "SIGTERM"] as const;
/** Exit code of a process that a second signal ended at once. */
const killedCode = 130;
/** Signals this soon after the first are the same wish: sent to the whole group and passed on by npm as well. */
const sameWishMs = 1_000;

/** Connects a command with this process's streams and signals. The first signal asks, a later one ends. */
export function processContext(environment: Environment): CliContext {
  const interruption = new AbortController();
  let isSameWish = true;
  const settle = () => {
    isSameWish = false;
  };
  for (const signal of signals) {
    process.on(signal, () => {
      if (!isSameWish) process.exit(killedCode);
      if (!interruption.signal.aborted) setTimeout(settle, sameWishMs).unref();
      interruption.abort();
    });
  }
  watchStarter(environment, () => interruption.abort());
  // A reader that has seen enough (`| head`) closes the pipe; that is no fault.
  process.stdout.on("error", () => process.exit(0));
  return {
    environment,
    isTerminal: process.stderr.isTTY,
    interrupted: interruption.signal,
    print: (text) =>
      text === "" ? Promise.resolve() : new Promise((taken) => process.stdout.write(text, () => taken())),
    tell: (line) => {
      process.stderr.write(`${line}\n`);
    },
  };
}
