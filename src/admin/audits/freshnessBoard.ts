/** The freshness board: how long events took, over time and by source and event, and what is left of the error budget. */
import type { OpsDesk } from "../../store/ops/opsDesk.ts";
import { quantileOf } from "../api/quantiles.ts";
import type { FreshnessAnswer, FreshnessKind, FreshnessPoint, StageTimes } from "../api/auditWire.ts";
import { burnOf, type ErrorBudget } from "./errorBudget.ts";
import { stages, withinBound, type FreshnessWatch } from "./freshnessWatch.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** How far back a board goes, and how long its stretches are. */
export const ranges = {
  "6h": { spanMs: 6 * hourMs, stretchMs: 600_000 },
  "1d": { spanMs: dayMs, stretchMs: 600_000 },
  "7d": { spanMs: 7 * dayMs, stretchMs: hourMs },
  "28d": { spanMs: 28 * dayMs, stretchMs: 6 * hourMs },
} as const;
export type BoardRange = keyof typeof ranges;

export interface FreshnessBoardDeps {
  readonly watch: Pick<FreshnessWatch, "flush">;
  readonly budget: ErrorBudget;
  readonly ops: Pick<OpsDesk, "ask">;
}

const maxKinds = 200;

export async function freshnessBoard(
  { watch, budget, ops }: FreshnessBoardDeps,
  range: BoardRange,
  nowMs: number,
): Promise<FreshnessAnswer> {
  await watch.flush();
  const { spanMs, stretchMs } = ranges[range];
  const { target } = budget;
  const [board, window] = await Promise.all([
    ops.ask("freshness", "board", nowMs - spanMs, stretchMs),
    ops.ask("freshness", "board", nowMs - target.windowMs, dayMs),
  ]);
  const points = new Map<number, FreshnessPoint>();
  // A stretch in which nothing came is a gap, not the line between its neighbours.
  const begin = Math.floor((nowMs - spanMs) / stretchMs) * stretchMs;
  for (let atMs = begin; atMs <= nowMs; atMs += stretchMs)
    points.set(atMs, { at: new Date(atMs).toISOString(), stages: {} });
  for (const { atMs, stage, counts } of board.stretches) {
    const point = points.get(atMs) ?? { at: new Date(atMs).toISOString(), stages: {} };
    points.set(atMs, { ...point, stages: { ...point.stages, [stage]: timesOf(counts) } });
  }
  const kinds = new Map<string, FreshnessKind>();
  for (const { source, event, stage, counts } of board.kinds) {
    const name = JSON.stringify([source, event]);
    const known = kinds.get(name) ?? { source, event, late: 0, stages: {} };
    const late = stage === target.stage ? sumOf(counts) - withinBound(counts, target.withinMs) : known.late;
    kinds.set(name, { ...known, late, stages: { ...known.stages, [stage]: timesOf(counts) } });
  }
  return {
    range,
    stages: stages.filter((stage) => board.kinds.some((kind) => kind.stage === stage)),
    points: [...points].sort(([left], [right]) => left - right).map(([, point]) => point),
    kinds: [...kinds.values()]
      .sort((left, right) => worse(right, target.stage) - worse(left, target.stage))
      .slice(0, maxKinds),
    target: { ...target, ...budgetOf(window.stretches, budget, nowMs) },
  };
}

function budgetOf(
  days: readonly { readonly atMs: number; readonly stage: string; readonly counts: readonly number[] }[],
  budget: ErrorBudget,
  nowMs: number,
): Pick<FreshnessAnswer["target"], "events" | "late" | "budget" | "burnHour" | "burnWindow" | "days"> {
  const { target } = budget;
  const own = days
    .filter(({ stage }) => stage === target.stage)
    .map(({ atMs, counts }) => {
      const events = sumOf(counts);
      return {
        at: new Date(atMs).toISOString(),
        events,
        late: events - withinBound(counts, target.withinMs),
      };
    });
  const events = own.reduce((sum, day) => sum + day.events, 0);
  const late = own.reduce((sum, day) => sum + day.late, 0);
  return {
    events,
    late,
    budget: Math.floor(events * (1 - target.share)),
    burnHour: budget.burn(nowMs),
    burnWindow: burnOf(events, late, target),
    days: own,
  };
}

/** The worst first: by late events, then by the slowest of them. */
function worse({ late, stages: times }: FreshnessKind, stage: string): number {
  return late * 1e6 + (times[stage]?.p99 ?? 0);
}

function timesOf(counts: readonly number[]): StageTimes {
  return {
    count: sumOf(counts),
    p50: quantileOf(counts, 0.5),
    p95: quantileOf(counts, 0.95),
    p99: quantileOf(counts, 0.99),
  };
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
