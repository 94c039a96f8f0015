/** The river's points and newest events as the page holds them: grown by every answer, never beyond a bound. */
import type { Point, RiverAnswer, RiverEvent } from "../../src/admin/api/adminWire.ts";

export interface RiverData {
  readonly latest: RiverAnswer;
  readonly seconds: readonly Point[];
  readonly minutes: readonly Point[];
  /** Newest first. */
  readonly newest: readonly RiverEvent[];
}

const secondsKept = 900;
const minutesKept = 1_440;
const eventsKept = 50;

/** Adds an answer to what was there before. */
export function grown(before: RiverData | null, latest: RiverAnswer): RiverData {
  return {
    latest,
    seconds: [...(before?.seconds ?? []), ...latest.seconds].slice(-secondsKept),
    minutes: [...(before?.minutes ?? []), ...latest.minutes].slice(-minutesKept),
    newest: [...latest.newest.toReversed(), ...(before?.newest ?? [])].slice(0, eventsKept),
  };
}

/** The time of the newest point, milliseconds; 0 without one. Points after it are what is asked for next. */
export function newestPoint({ seconds, minutes }: RiverData): number {
  return Math.max(seconds.at(-1)?.[0] ?? 0, minutes.at(-1)?.[0] ?? 0);
}

/** One column of the points. */
export function column(
  points: readonly Point[],
  columns: readonly string[],
  name: string,
): (number | null)[] {
  const at = columns.indexOf(name);
  return points.map((point) => point[at] ?? null);
}
