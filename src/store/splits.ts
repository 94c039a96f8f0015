/** Undos on their way, and the pairs that are apart. */
import { Forbidden, type Pair } from "./forbidden.ts";
import type { Folded } from "./folded.ts";
import type { Journal } from "./journal.ts";
import { Split, type SplitContext, type SplitDone } from "./split.ts";

/** What a slice of an undo, or of its lifting, came to. */
export type SplitAnswer =
  /** Not all events are read yet: ask again. */
  | { readonly kind: "going" }
  | ({ readonly kind: "done" } & SplitDone)
  /** No event ties the two directly. */
  | { readonly kind: "notTied" }
  | { readonly kind: "undoneBefore" }
  | { readonly kind: "notUndone" };

/** The part of the writer that a split works with. */
interface SplittingWriter {
  /** Null while profiles are rebuilt. */
  readonly refoldContext: SplitContext | null;
  settle(): boolean;
  restartRefold(): void;
  act<T>(work: (folded: Folded | null) => T): T;
}

/** Journal rows that are read between two groups. */
const sliceRows = 250;

export class Splits {
  readonly forbidden = new Forbidden();
  readonly #running = new Map<string, Split>();
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
    this.reload();
  }

  /** Forgets what was gathered, since rows may have changed, and reads the pairs again. */
  reload(): void {
    this.#running.clear();
    this.forbidden.load(this.#journal);
  }

  /** One slice of an undo or its lifting. Throws when there are no profiles to work on. */
  slice(writer: SplittingWriter, pair: Pair, isLifting: boolean): SplitAnswer {
    if (isLifting !== this.forbidden.has(pair)) return { kind: isLifting ? "notUndone" : "undoneBefore" };
    while (writer.settle()) continue;
    const context = writer.refoldContext;
    if (context === null) throw new Error("profiles are being rebuilt; try again when that is done");
    const name = JSON.stringify([pair, isLifting]);
    const split = this.#running.get(name) ?? new Split(pair, isLifting);
    this.#running.set(name, split);
    if (!split.gather(sliceRows, context)) return { kind: "going" };
    this.#running.delete(name);
    if (!isLifting && split.ties(context) === 0) return { kind: "notTied" };
    const done = writer.act(() => split.finish(context));
    writer.restartRefold();
    this.reload();
    return { kind: "done", ...done };
  }
}
