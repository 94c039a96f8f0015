/**
 * Changing the rules while the river flows. Profiles of the new rules are rebuilt beside the ones in use, by another
 * thread, up to some row; here, on the writer's thread, they then catch up with what came since, a slice between two
 * groups, until they have seen all. Then they take the others' place in one turn. Until that turn nothing of them shows.
 */
import type { Restore } from "./accept.ts";
import { foldWaiting, ReplayNotPossible } from "./catchUp.ts";
import { commitFolded, openFolded, restoreMap, type Folded } from "./folded.ts";
import type { Journal } from "./journal.ts";
import type { Rules } from "../model/rules.ts";
import { bodyBytes, isFoldable, type EventRow } from "./row.ts";
import { epochsFor, instantAfter, type Epochs } from "./segmentEpochs.ts";
import { definitionsWith } from "./segmentLists.ts";

export class NextProfiles {
  readonly rules: Rules;
  /** Name of their folder inside the data folder. */
  readonly name: string;
  readonly folded: Folded;
  /** Since when its segments are what they are. */
  readonly epochs: Epochs;
  readonly #journal: Journal;
  readonly #restore: Restore;

  /** Opens a rebuilt folder; `path` is where the folder of that name lies. */
  constructor(
    name: string,
    path: string,
    rules: Rules,
    use: { readonly journal: Journal; readonly restore: Restore; readonly hotProfiles: number },
  ) {
    this.name = name;
    this.rules = rules;
    this.#journal = use.journal;
    this.#restore = use.restore;
    this.folded = openFolded(path, use.hotProfiles, definitionsWith(use.journal, rules));
    const { watermark } = this.folded;
    const atMs = instantAfter(use.journal.row(watermark));
    this.epochs = epochsFor(use.journal, rules, watermark, atMs);
  }

  /**
   * Folds a slice of rows that they have not seen; true once they have seen all up to `head`. Throws
   * ReplayNotPossible when something happened since that only a rebuild repeats rightly.
   */
  catchUp(maxRows: number, head: number): boolean {
    const { folded } = this;
    const rows = this.#journal.rowsAfter(folded.watermark, maxRows);
    const last = rows.at(-1);
    if (last !== undefined) {
      if (rows.some(waits)) throw new ReplayNotPossible("events wait for a rebuild of the profiles in use");
      const { hot, projector } = folded;
      foldWaiting(rows, {
        journal: this.#journal,
        hot,
        projector,
        memberships: folded.memberships,
        epochs: this.epochs,
        restore: this.#restore,
        committedAtMs: last.committed_at_ms,
        nextSeq: () => {
          throw new Error("profiles that catch up beside others write no rows");
        },
        transaction: (work) => this.#whole(work),
      });
      commitFolded(folded, this.#journal.id, last.seq, bodyBytes(rows));
    }
    folded.caughtUp = folded.watermark >= head;
    return folded.caughtUp;
  }

  /** Lets go of the folder; its files stay. */
  async close(): Promise<void> {
    await this.folded.store.close();
  }

  /** What fails leaves nothing half folded. */
  #whole(work: () => void): void {
    const { hot, projector } = this.folded;
    const pending = [...projector.pendingRefolds];
    try {
      work();
    } catch (error) {
      hot.discard();
      restoreMap(projector.pendingRefolds, pending);
      throw error;
    }
  }
}

function waits(row: EventRow): boolean {
  return row.pid === null && isFoldable(row);
}
