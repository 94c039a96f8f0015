/** What is wrong with destinations, by looks of about the last minute, oldest first. Pure. */
import type { DestinationLook } from "../../esp/deliver/deliveryWatch.ts";
import type { Condition } from "./condition.ts";

export interface DestinationThresholds {
  /** Age of the oldest thing that is not delivered. */
  readonly destinationLagMs: number;
  /** Rows of a minute that failed, percent. */
  readonly destinationErrorPercent: number;
  readonly deadLetters: number;
  /** Profiles of a sample that differ there, percent. */
  readonly driftPercent: number;
}

/** Fewer rows than this in a minute say nothing about a share. */
const fewestRows = 10;

export function destinationConditions(
  looks: readonly (readonly DestinationLook[])[],
  thresholds: DestinationThresholds,
): readonly Condition[] {
  const [first] = looks;
  const now = looks.at(-1);
  if (first === undefined || now === undefined) return [];
  return now.flatMap((look) => [
    ...stopped(look),
    ...lagging(look, thresholds),
    ...failing(
      first.find(({ name }) => name === look.name),
      look,
      thresholds,
    ),
    ...buried(look, thresholds),
    ...drifting(look, thresholds),
  ]);
}

function about(name: string, what: string) {
  return { id: `destination:${name}:${what}`, kind: "destination", source: name } as const;
}

function* stopped({ name, stopped: why }: DestinationLook): Generator<Condition> {
  if (why === null) return;
  const sentence = `The destination ${name} takes nothing before somebody acts: ${why}.`;
  yield { ...about(name, "stopped"), sentence, value: 1, threshold: 1 };
}

function* lagging(
  { name, state, lag, backfill }: DestinationLook,
  { destinationLagMs: threshold }: DestinationThresholds,
): Generator<Condition> {
  const isFilling = backfill !== null && backfill.doneAtMs === null;
  if (threshold === 0 || state === "paused" || isFilling || lag.ms < threshold) return;
  const sentence = `The destination ${name} is ${Math.round(lag.ms / 60_000)} min behind.`;
  yield { ...about(name, "lag"), sentence, value: lag.ms, threshold };
}

function* failing(
  before: DestinationLook | undefined,
  now: DestinationLook,
  { destinationErrorPercent: threshold }: DestinationThresholds,
): Generator<Condition> {
  const failed = now.failed - (before?.failed ?? 0);
  const all = failed + now.acknowledged - (before?.acknowledged ?? 0);
  const value = Math.round((failed / Math.max(1, all)) * 1_000) / 10;
  if (failed <= 0 || all < fewestRows || value < threshold) return;
  const sentence = `${value} % of what went to the destination ${now.name} in the last minute failed: ${now.lastError?.reason ?? "no reason"}.`;
  yield { ...about(now.name, "errors"), sentence, value, threshold };
}

function* buried(
  { name, deadLetters: value }: DestinationLook,
  { deadLetters: threshold }: DestinationThresholds,
): Generator<Condition> {
  if (value < threshold) return;
  const sentence = `The destination ${name} has ${value} dead letters.`;
  yield { ...about(name, "deadLetters"), sentence, value, threshold };
}

function* drifting(
  { name, drift }: DestinationLook,
  { driftPercent: threshold }: DestinationThresholds,
): Generator<Condition> {
  if (drift === null || drift.sampled === 0) return;
  const value = Math.round((drift.drifted / drift.sampled) * 1_000) / 10;
  if (drift.drifted === 0 || value < threshold) return;
  const sentence = `Of ${drift.sampled} profiles that the destination ${name} was asked for, ${drift.drifted} differ from what it acknowledged.`;
  yield { ...about(name, "drift"), sentence, value, threshold };
}
