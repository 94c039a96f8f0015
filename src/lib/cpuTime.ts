/** Time that this process, or this thread of it, was at work; unlike the clock's it does not pass while others have the machine. */
import { readFileSync } from "node:fs";

/** Milliseconds since the process began. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Milliseconds that the calling thread was at work; where the system does not tell of threads, the process. Takes some 15 µs. */
export function threadCpuMs(): number {
  try {
    const [nanoseconds = ""] = readFileSync("/proc/thread-self/schedstat", "latin1").split(" ");
    const found = Number(nanoseconds) / 1e6;
    return found > 0 ? found : cpuMs();
  } catch {
    return cpuMs();
  }
}
