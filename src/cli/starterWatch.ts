/**
 * A program started by scripts/run.mjs stops when the starter is gone: killed with SIGKILL it can pass nothing on, and
 * a server that nobody sees would go on holding its port and its folder.
 */
import { starterVariable } from "../config/variables.ts";
import type { Environment } from "../config/environment.ts";

const lookEveryMs = 500;

/** Calls `onGone` once when the starter that the environment names, if it is this process's parent, has died. */
export function watchStarter(environment: Environment, onGone: () => void): void {
  const parent = process.ppid;
  // Inherited by a program further down, the variable speaks of somebody else.
  if (environment[starterVariable] !== String(parent)) return;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone();
  }, lookEveryMs);
  timer.unref();
}
