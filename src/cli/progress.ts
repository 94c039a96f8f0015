/** Tells how far a long command is: a bar on a terminal, a line every tenth elsewhere. Always on stderr. */
import { Presets, SingleBar } from "cli-progress";
import type { CliContext } from "./context.ts";

export interface Progress extends Disposable {
  /** `share` from 0 to 1. */
  update(share: number): void;
}

/** Begins to tell; dispose it when the work is done or has failed. */
export function startProgress(context: CliContext, what: string): Progress {
  return context.isTerminal ? bar(what) : lines(context, what);
}

function bar(what: string): Progress {
  const single = new SingleBar(
    {
      format: `${what} {bar} {percentage}%`,
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
    },
    Presets.shades_classic,
  );
  single.start(100, 0);
  return { update: (share) => single.update(percentOf(share)), [Symbol.dispose]: () => single.stop() };
}

function lines(context: CliContext, what: string): Progress {
  let told = 0;
  return {
    update: (share) => {
      const tenth = Math.floor(percentOf(share) / 10);
      if (tenth <= told) return;
      told = tenth;
      context.tell(`${what}: ${tenth * 10} %`);
    },
    [Symbol.dispose]: () => {},
  };
}

function percentOf(share: number): number {
  return Math.max(0, Math.min(100, Math.round(share * 100)));
}
