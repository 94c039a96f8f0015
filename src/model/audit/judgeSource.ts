/** Does a source send things twice, and are the clocks of its senders right? Pure. */
import { stepValue, type EventCell } from "./cells.ts";
import { dayMs } from "./dayTally.ts";
import { distinctCount } from "./distinct.ts";
import { countWords, draft, instantText, percentText, spanText, type Draft } from "./finding.ts";
import type { Compared } from "./judgeVolume.ts";
import { certain, shareDeviation, sum } from "./numbers.ts";
import type { AuditRules } from "./rules.ts";

const fewestDuplicates = 10;

/** Whether more of what a source sends is there twice than before. */
export function judgeDuplicates({ source, day, cell, before }: Compared, rules: AuditRules): Draft | null {
  const cellBefore = before.find((known) => known !== null && known.looked >= rules.minEvents) ?? null;
  if (cell === null || cellBefore === null || cell.looked < rules.minEvents) return null;
  const share = cell.duplicates / cell.looked;
  const shareBefore = cellBefore.duplicates / cellBefore.looked;
  const chance = shareDeviation(
    share,
    distinctCount(cell.people),
    shareBefore,
    distinctCount(cellBefore.people),
  );
  const rise = share - shareBefore;
  if (cell.duplicates < fewestDuplicates || rise * 100 < rules.duplicatesPoints || rise < certain * chance)
    return null;
  const sinceMs = day * dayMs;
  return draft({
    about: [source],
    kind: "duplicates",
    sentence: `${countWords(cell.duplicates)} of the ${countWords(cell.looked)} events from ${source} on ${dateText(day)} came twice within seconds under another messageId (${percentText(share)}; ${percentText(shareBefore)} on the same weekday before).`,
    advice: `Counts and sums take both. Look whether a tag fires twice or a sender makes a new messageId when it tries again; with the same messageId a repeat changes nothing.`,
    value: share * 100,
    expected: shareBefore * 100,
    sinceMs,
    source,
    seqs: cell.twice ?? [],
  });
}

/** Least number of events that tell about clocks. */
const fewestClocks = 20;
/** Share of events whose sender is ahead from which on it is told. */
const aheadShare = 0.1;

/** Whether senders' clocks are wrong by more than is allowed. */
export function judgeClock({ source, day, cell, before }: Compared, rules: AuditRules): Draft | null {
  if (cell === null) return null;
  const skews = sorted(cell);
  const count = sum(skews.map(([, times]) => times));
  if (count < fewestClocks) return null;
  const ahead = sum(
    skews.filter(([seconds]) => seconds * 1_000 < -rules.clockSkewMs).map(([, times]) => times),
  );
  if (ahead / count >= aheadShare) {
    const middle = quantile(
      skews.filter(([seconds]) => seconds * 1_000 < -rules.clockSkewMs),
      0.5,
    );
    return clockDraft(
      source,
      day,
      `The clocks of ${source} are ahead: ${percentText(ahead / count)} of its ${countWords(count)} events on ${dateText(day)} say that they happened after they were received, by about ${spanText(middle * 1_000)}.`,
      -middle,
      cell.skewed,
    );
  }
  // Late events are no wrong clock by themselves; nearly all of them being late, where they were not before, is.
  const least = quantile(skews, 0.1);
  const known = before.find((other) => other !== null && sum(Object.values(other.skews)) >= fewestClocks);
  if (known === undefined || known === null || least * 1_000 <= rules.clockSkewMs) return null;
  const leastBefore = quantile(sorted(known), 0.1);
  if (leastBefore > least / 3) return null;
  return clockDraft(
    source,
    day,
    `The clocks of ${source} are behind, or it sends late: nine of ten of its ${countWords(count)} events on ${dateText(day)} were received at least ${spanText(least * 1_000)} after they say they happened (${spanText(leastBefore * 1_000)} on the same weekday before).`,
    least,
    cell.skewed,
  );
}

function clockDraft(
  source: string,
  day: number,
  sentence: string,
  seconds: number,
  seqs: readonly number[] = [],
): Draft {
  const sinceMs = day * dayMs;
  return draft({
    about: [source],
    kind: "clock",
    sentence: `${sentence.slice(0, -1)}, since ${instantText(sinceMs)} at the latest.`,
    advice: `Let the senders of ${source} set their clocks by NTP, or send originalTimestamp with sentAt, which Freshet corrects by. Wrong times decide which of two values is the newer.`,
    value: seconds,
    expected: 0,
    sinceMs,
    source,
    seqs,
  });
}

function sorted(cell: EventCell): (readonly [seconds: number, count: number])[] {
  return Object.entries(cell.skews)
    .map(([step, count]) => [stepValue(step), count] as const)
    .sort(([left], [right]) => left - right);
}

function quantile(skews: readonly (readonly [seconds: number, count: number])[], share: number): number {
  const rank = sum(skews.map(([, count]) => count)) * share;
  let passed = 0;
  for (const [seconds, count] of skews) {
    passed += count;
    if (passed >= rank) return seconds;
  }
  return 0;
}

function dateText(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10);
}
