/** Taking people apart and joining them again, as the main thread asks the writer for it: slice by slice. */
import type { Pair } from "./forbidden.ts";
import type { ControlRequest } from "./messages.ts";
import type { SplitAnswer } from "./splits.ts";

export interface SplitActs {
  /** Takes apart what events that tie the pair joined, and forbids the pair. */
  undo(pair: Pair): Promise<SplitAnswer>;
  /** Lets what ties the pair count again. */
  liftUndo(pair: Pair): Promise<SplitAnswer>;
}

/** `onDone`: rows of the journal were written anew. */
export function splitActs(
  link: { ask(request: ControlRequest): Promise<unknown> },
  onDone: () => void,
): SplitActs {
  const split = async (pair: Pair, isLifting: boolean) => {
    let answer: SplitAnswer = { kind: "going" };
    // The writer takes events between two slices.
    while (answer.kind === "going")
      answer = (await link.ask({ act: "split", pair, isLifting })) as SplitAnswer;
    onDone();
    return answer;
  };
  return { undo: (pair) => split(pair, false), liftUndo: (pair) => split(pair, true) };
}
