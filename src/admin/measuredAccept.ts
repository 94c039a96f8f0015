/** Counts what goes to the writer and how long it takes until it is on disk and readable. */
import type { Clock } from "../lib/clock.ts";
import type { Latency, Tally } from "../lib/metrics.ts";
import type { Accept, Answer, Frame } from "../store/accept.ts";
import type { GroupMessage } from "../store/messages.ts";
import type { SourceCounts } from "./api/sourceCounts.ts";

/** When the newest group was on disk; its requests are answered right after it is told. */
export class GroupTimes {
  committedAtMs = 0;
  #spentMs = 0;

  /** To be called with every group. Its time stamp is that of its begin. */
  note({ committedAtMs, counts }: GroupMessage): void {
    const spentMs = counts.foldMs + counts.commitMs;
    this.committedAtMs = committedAtMs + Math.max(0, spentMs - this.#spentMs);
    this.#spentMs = spentMs;
  }
}

export interface MeasureSinks {
  readonly submissions: Tally;
  readonly committed: Latency;
  readonly visible: Latency;
  readonly sources: SourceCounts;
}

/** Wraps the way in. Live requests are timed; imports would only tell how long the file is. */
export function measured(accept: Accept, groups: GroupTimes, sinks: MeasureSinks, clock: Clock): Accept {
  const note = (frame: Frame, answer: Answer): void => {
    sinks.submissions.add(frame.call, answer.kind === "unavailable" ? answer.code : answer.kind, 1);
    sinks.sources.note(frame, answer);
    if (frame.lane === "import" || answer.kind !== "accepted") return;
    sinks.committed.note(groups.committedAtMs - frame.receivedAtMs);
    sinks.visible.note(clock.nowMs() - frame.receivedAtMs);
  };
  return {
    submit: async (frame) => {
      const answer = await accept.submit(frame);
      note(frame, answer);
      return answer;
    },
  };
}
