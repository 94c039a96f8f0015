/** Starts a floor's server and says where it listens. */
import type { Bench } from "./bench.ts";
import type { Child } from "./processes.ts";

export interface Listening {
  readonly port: number;
  readonly child: Child;
}

/** `durable`: a bare durable server; `noop`: one that does nothing; `template`: one that renders a constant. */
export async function startFloor(bench: Bench, floor: "durable" | "noop" | "template"): Promise<Listening> {
  const child = bench.processes.start(`bench/floors/${floor}.ts`, [bench.processes.folder()]);
  const line = await child.line(/^listening /);
  return { port: Number(line.split(" ")[1]), child };
}
