/** How work that was begun from the page stands. */
import type { JobAnswer } from "../../src/admin/api/adminWire.ts";
import { Data } from "./pieces.tsx";

export function JobState({
  job,
  label,
}: {
  readonly job: JobAnswer<string, unknown>;
  readonly label: string;
}) {
  return (
    <div class="job">
      {job.endedAt === null ? (
        <label>
          {label}
          <progress max={1} value={job.progress} />
        </label>
      ) : null}
      <p role="status" class={job.isGood === false ? "failure lines" : "lines"}>
        {job.sentence === null ? (
          "Under way. It goes on when you leave this page."
        ) : (
          <Data>{job.sentence}</Data>
        )}
      </p>
    </div>
  );
}
