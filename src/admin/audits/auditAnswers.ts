/** Runs and findings as they are told. */
import type { AuditReport } from "../../store/audit/auditJob.ts";
import type { AuditRun, KeptFinding } from "../../store/audit/auditRoom.ts";
import type { FindingAnswer, RunAnswer } from "../api/auditWire.ts";

/** A run as it is told. */
export function runAnswer({ begunAtMs, endedAtMs, report, ...run }: AuditRun): RunAnswer {
  // Written by Audits alone.
  const { profiles, seals, folds, left } = report as AuditReport;
  return {
    ...run,
    begunAt: new Date(begunAtMs).toISOString(),
    endedAt: new Date(endedAtMs).toISOString(),
    left,
    profiles,
    sealedBlocks: seals.blocks,
    foldsCompared: folds.compared,
  };
}

/** A finding as it is told. */
export function findingAnswer({
  sinceMs,
  firstSeenMs,
  seqs: _seqs,
  pids: _pids,
  ...finding
}: KeptFinding): FindingAnswer {
  return {
    ...finding,
    since: new Date(sinceMs).toISOString(),
    firstSeenAt: new Date(firstSeenMs).toISOString(),
  };
}
