/** One total divided by another, both of the same window. */
import { computeRatio } from "./decimal.ts";
import { evidenceOf, type EvidenceByEvent } from "./evidence.ts";
import type { RatioTrait } from "./evidencePlan.ts";
import { maxMessageIds, readingOf, type ComputedReading } from "./reading.ts";
import { compareStamps } from "./stamp.ts";
import { totalOf } from "./tally.ts";
import { tallyTotal } from "./tallyValue.ts";

/** The ratio alone, rounded to the millionth; null when there is nothing to divide by. */
export function ratioValue(
  events: EvidenceByEvent | undefined,
  { of, per }: RatioTrait,
  tMs: number,
): number | null {
  if (events === undefined) return null;
  const divisor = tallyTotal(evidenceOf(events, per.event), per, tMs);
  return computeRatio(tallyTotal(evidenceOf(events, of.event), of, tMs), divisor);
}

/** The ratio and where it is from; an event that both sides count is named once and counted twice. */
export function readRatio(
  events: EvidenceByEvent | undefined,
  { of, per }: RatioTrait,
  tMs: number,
): ComputedReading {
  const above = totalOf(events && evidenceOf(events, of.event), of, tMs);
  const below = totalOf(events && evidenceOf(events, per.event), per, tMs);
  const stamps = [...above.items, ...below.items].sort((left, right) => compareStamps(right, left));
  const named = stamps.filter((stamp, at) => {
    const before = stamps[at - 1];
    return before === undefined || compareStamps(before, stamp) !== 0;
  });
  const due = [above.nextChangeAtMs, below.nextChangeAtMs].filter((dueMs) => dueMs !== null);
  return readingOf(computeRatio(above.total, below.total), named.slice(0, maxMessageIds), {
    eventCount: above.eventCount + below.eventCount,
    approximate: above.approximate || below.approximate,
    nextChangeAtMs: due.length === 0 ? null : Math.min(...due),
  });
}
