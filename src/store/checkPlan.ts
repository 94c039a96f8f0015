/** Holding what the journal has against a tracking plan that is not in use yet. */
import type { PlanRules } from "../model/plan.ts";
import { TrackingPlan } from "../model/planCheck.ts";
import type { PlanChecked } from "../model/planChecked.ts";
import { PlanReport } from "../model/planReport.ts";
import type { Event } from "../model/event.ts";
import type { Restore } from "./accept.ts";
import { folderPaths } from "./folder.ts";
import { JournalReader } from "./journalReader.ts";
import { rowKind, storedEvent, typeOf, type EventRow } from "./row.ts";

export interface CheckPlanJob {
  readonly kind: "checkPlan";
  readonly folder: string;
  readonly plan: PlanRules;
  /** The one in use, to tell what fails already; null: none. */
  readonly before: PlanRules | null;
  /** A track event's name, or `identify`: others are not looked at. */
  readonly only: string;
  /** Events that were received before are not looked at. */
  readonly sinceMs: number;
}

const rowsAtOnce = 1_000;
const maxBroken = 200;

/** Reads the journal from the time on, to its end. */
export function checkPlan(
  job: CheckPlanJob,
  { restore, onProgress }: { readonly restore: Restore; readonly onProgress: (share: number) => void },
): PlanChecked {
  using journal = new JournalReader(folderPaths(job.folder).journal);
  const report = new PlanReport(new TrackingPlan(job.plan));
  const now = job.before === null ? null : new TrackingPlan(job.before);
  const head = journal.head();
  const from = seqBefore(journal, job.sinceMs, head);
  let failingNow = 0;
  for (let after = from; after < head;) {
    const rows = journal.rowsAfter(after, rowsAtOnce);
    for (const row of rows) {
      if (!isMeant(row, job)) continue;
      const event: Event = restore(storedEvent(row, journal.sourceName(row.source)));
      report.add(event);
      if (now !== null && now.check(event) !== null) failingNow += 1;
    }
    after = rows.at(-1)?.seq ?? head;
    onProgress(Math.min(1, (after - from) / Math.max(1, head - from)));
  }
  const { checked, failing } = report;
  return { checked, failing, failingNow, broken: report.rules().slice(0, maxBroken) };
}

function isMeant(row: EventRow, { only, sinceMs }: CheckPlanJob): boolean {
  if (row.kind !== rowKind.event || row.body === null || (row.received_at_ms ?? 0) < sinceMs) return false;
  const type = typeOf(row.flags);
  return only === "identify" ? type === "identify" : type === "track" && row.name === only;
}

/** The newest seq that was committed before; rows are in the order of their commits. */
function seqBefore(journal: JournalReader, atMs: number, head: number): number {
  let [least, most] = [0, head];
  while (least < most) {
    const middle = Math.floor((least + most) / 2);
    const [row] = journal.rowsAfter(middle, 1);
    if (row !== undefined && row.committed_at_ms < atMs) least = middle + 1;
    else most = middle;
  }
  return Math.max(0, least - 1);
}
