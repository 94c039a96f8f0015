/** Days as a calendar somewhere on earth counts them. */

const dayMs = 86_400_000;
/** Clocks are put forward and back at whole quarters of an hour only, in every zone since 1972. */
const slotMs = 900_000;
const mostSlots = 4_096;
/** Beyond it no date can be told; all days are those of UTC there. */
const furthestMs = 8.64e15 - dayMs;

/** The calendar of one time zone. Days are numbered from 1970-01-01, which is day 0. */
export interface LocalDays {
  /** The day that a moment belongs to there. */
  readonly dayOf: (atMs: number) => number;
  /** The first moment of that day there. */
  readonly startOf: (day: number) => number;
}

/** Whether that is the name of a time zone, such as Europe/Berlin. */
export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: name }).format(0) !== "";
  } catch {
    return false;
  }
}

/** The calendar of a time zone; throws a RangeError where there is none of that name. */
export function localDays(timeZone: string): LocalDays {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    era: "short",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const offsets = new Map<number, number>();
  const offsetMs = (atMs: number): number => {
    if (!(Math.abs(atMs) < furthestMs)) return 0;
    const slot = Math.floor(atMs / slotMs);
    const known = offsets.get(slot);
    if (known !== undefined) return known;
    if (offsets.size >= mostSlots) offsets.clear();
    const slotStartMs = slot * slotMs;
    const parts = Object.fromEntries(
      format.formatToParts(slotStartMs).map(({ type, value }) => [type, value]),
    );
    const part = (name: string) => Number(parts[name]);
    const year = parts["era"] === "BC" ? 1 - part("year") : part("year");
    const wall = new Date(0);
    wall.setUTCFullYear(year, part("month") - 1, part("day"));
    wall.setUTCHours(part("hour"), part("minute"), part("second"));
    const made = wall.getTime() - slotStartMs;
    offsets.set(slot, made);
    return made;
  };
  const dayOf = (atMs: number) => Math.floor((atMs + offsetMs(atMs)) / dayMs);
  return { dayOf, startOf: (day) => firstOf(day, dayOf) };
}

/** By halves: no zone is further than a day from the day's number in UTC. */
function firstOf(day: number, dayOf: (atMs: number) => number): number {
  let low = (day - 1) * dayMs;
  let high = (day + 1) * dayMs;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (dayOf(middle) >= day) high = middle;
    else low = middle + 1;
  }
  return low;
}
