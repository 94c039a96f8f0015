/** What the writer counts, for the metrics and the operator. */
import type { Tally } from "./group.ts";
import type { WriterCounts } from "./messages.ts";

/** Where a group's time went, milliseconds. */
export interface GroupTimes {
  readonly foldMs: number;
  readonly commitMs: number;
  readonly profilesMs: number;
}

export class WriterTally {
  readonly #counts = {
    accepted: 0,
    repeated: 0,
    quarantined: 0,
    blocked: 0,
    foldFailed: 0,
    ignoredIds: 0,
    overLimit: 0,
    groups: 0,
    commitMs: 0,
    profilesMs: 0,
    foldMs: 0,
  };

  get counts(): WriterCounts {
    return { ...this.#counts };
  }

  group(tally: Tally, times: GroupTimes): void {
    const counts = this.#counts;
    counts.accepted += tally.accepted;
    counts.repeated += tally.repeated;
    counts.quarantined += tally.quarantined;
    counts.blocked += tally.blocked;
    counts.ignoredIds += tally.ignoredIds;
    counts.overLimit += tally.overLimit;
    counts.groups += 1;
    counts.foldMs += times.foldMs;
    counts.commitMs += times.commitMs;
    counts.profilesMs += times.profilesMs;
  }

  /** An event could not be folded and was passed. */
  foldFailed(): void {
    this.#counts.foldFailed += 1;
  }

  /** Rows that waited and went to the quarantine in the end. */
  quarantined(rows: number): void {
    this.#counts.quarantined += rows;
  }
}
