/** CPU time of whole servers, which other work on the machine disturbs less than their speed. */
import { readdirSync, readFileSync } from "node:fs";

/** Length of a tick in /proc, milliseconds. */
const tickMs = 10;

/** User and system time that these processes and all below them have used, ended children included, milliseconds. */
export function cpuMs(roots: readonly number[]): number {
  const used = new Map<number, number>();
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    const fields = Number.isInteger(pid) ? statOf(pid) : null;
    if (fields === null) continue;
    const [parent = 0] = fields.slice(1, 2);
    const times = fields.slice(11, 15);
    used.set(pid, times.reduce((sum, ticks) => sum + ticks, 0) * tickMs);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const reached = new Set(roots);
  for (const pid of reached) for (const child of children.get(pid) ?? []) reached.add(child);
  return [...reached].reduce((sum, pid) => sum + (used.get(pid) ?? 0), 0);
}

/** The numbers behind the name in a process's stat; null when it has ended. */
function statOf(pid: number): number[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name stands in brackets and may hold anything.
    return text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
  } catch {
    return null;
  }
}
