/**
 * Named places where a test may kill the process, to prove that a crash between any two steps loses nothing.
 * Off unless the hidden setting names a point: `name` or `name:N` for its Nth visit.
 */
export type CrashPoint = (name: string) => void;

/** A crash point that does nothing; what production runs. */
export const noCrash: CrashPoint = () => {};

/** Kills this process (SIGKILL, nothing is flushed) at the Nth visit of the named point. */
export function crashAt(setting: string): CrashPoint {
  const [wanted, count] = setting.split(":");
  let left = Number(count ?? 1);
  return (name) => {
    if (name !== wanted) return;
    left -= 1;
    if (left <= 0) process.kill(process.pid, "SIGKILL");
  };
}
