/** Time that this process was at work; unlike the clock's it does not pass while others have the machine. */

/** Milliseconds since the process began. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
