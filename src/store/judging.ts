/** What becomes of a request where our own code or the disk fails. */
import { eventError } from "../errors.ts";
import { errorText } from "../lib/describeError.ts";
import type { Definitions } from "../model/definition.ts";
import type { Ids } from "../lib/id.ts";
import type { Answer, Frame, Judge, Verdict } from "./accept.ts";
import { guardVerdict } from "./guardVerdict.ts";
import { classifyWriteFailure } from "./sqlite.ts";

/** The journal can't be trusted any more (a failed fsync or I/O error): the process must end with exit code 74. */
export class JournalFailed extends Error {}

export interface JudgingDeps {
  readonly judge: Judge;
  readonly ids: Ids;
  readonly definitions: Pick<Definitions, "identity">;
  readonly notice: (level: "error", message: string) => void;
}

/** One request's verdict. Input on which our own code breaks is kept in the quarantine, and the river flows on. */
export function judgeSafely(frame: Frame, { judge, ids, definitions, notice }: JudgingDeps): Verdict {
  try {
    return guardVerdict(
      judge(frame, () => ids.uuid()),
      definitions.identity,
    );
  } catch (error) {
    notice("error", `a request could not be judged: ${errorText(error)}`);
    return { kind: "refused", error: eventError("internal"), status: 500 };
  }
}

/** The answer to requests that the disk did not take. */
export function unstored(error: unknown): Extract<Answer, { kind: "unavailable" }> {
  const code = classifyWriteFailure(error) === "full" ? "disk_full" : "overloaded";
  return { kind: "unavailable", code, retryAfterSeconds: 5 };
}
