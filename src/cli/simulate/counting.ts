/** Shows a run while it goes: a bar on a terminal, a line now and then elsewhere. Always on stderr. */
import { Presets, SingleBar } from "cli-progress";
import type { CliContext } from "../context.ts";
import type { Sender } from "./sender.ts";

export interface Counting extends Disposable {
  /** `elapsedMs` since the run began. */
  update(elapsedMs: number): void;
}

export interface CountingLimits {
  readonly maxEvents: number | null;
  readonly maxDurationMs: number | null;
}

const drawEveryMs = 200;
const lineEveryMs = 10_000;

/** Begins to show; dispose it before the summary is printed. */
export function startCounting(context: CliContext, sender: Sender, limits: CountingLimits): Counting {
  const show = context.isTerminal ? bar(limits) : lines(context);
  const everyMs = context.isTerminal ? drawEveryMs : lineEveryMs;
  let shownMs = 0;
  return {
    update: (elapsedMs) => {
      if (elapsedMs - shownMs < everyMs) return;
      shownMs = elapsedMs;
      show.draw(sender, elapsedMs);
    },
    [Symbol.dispose]: () => show.end(),
  };
}

interface Show {
  draw(sender: Sender, elapsedMs: number): void;
  end(): void;
}

function bar({ maxEvents, maxDurationMs }: CountingLimits): Show {
  const hasEnd = maxEvents !== null || maxDurationMs !== null;
  const format = `{sent} events  {perSecond}/s  p95 {p95} ms${hasEnd ? "  {bar} {percentage}%" : ""}`;
  const single = new SingleBar(
    { format, stream: process.stderr, hideCursor: true, clearOnComplete: true },
    Presets.shades_classic,
  );
  single.start(100, 0, payload(null, 0));
  return {
    draw: (sender, elapsedMs) => {
      const share = Math.max(
        maxEvents === null ? 0 : sender.tally.sent / maxEvents,
        maxDurationMs === null ? 0 : elapsedMs / maxDurationMs,
      );
      single.update(Math.min(100, Math.round(share * 100)), payload(sender, elapsedMs));
    },
    end: () => single.stop(),
  };
}

function lines(context: CliContext): Show {
  return {
    draw: (sender, elapsedMs) => {
      const { sent, perSecond, p95 } = payload(sender, elapsedMs);
      context.tell(`${sent} events, ${perSecond} a second, p95 ${p95} ms`);
    },
    end: () => {},
  };
}

function payload(sender: Sender | null, elapsedMs: number) {
  const sent = sender?.tally.sent ?? 0;
  const p95 = sender?.latencyMs(95) ?? null;
  return {
    sent: sent.toLocaleString("en"),
    perSecond: Math.round((sent * 1_000) / Math.max(1, elapsedMs)),
    p95: p95 === null ? "–" : p95.toFixed(1),
  };
}
