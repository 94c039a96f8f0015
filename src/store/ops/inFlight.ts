/**
 * Rows that somebody works on: in memory alone, under a deadline, since whoever had them is gone after a restart. They
 * stand in a table so that the queue passes over them where it looks: read and put aside, they would cost as much as those
 * that are taken, for each of several that work at once.
 */
import type { Database } from "../sqlite.ts";
import { codeOfKind } from "./deliveryCodes.ts";
import { refValues } from "./deliveryRows.ts";
import type { DeliveryRef } from "./deliveries.ts";

type Ref = Omit<DeliveryRef, "seq">;

const makeTable = `
CREATE TEMP TABLE IF NOT EXISTS in_flight (
  destination INTEGER NOT NULL,
  profile TEXT NOT NULL,
  kind INTEGER NOT NULL,
  item TEXT NOT NULL,
  PRIMARY KEY (destination, profile, kind, item)
) STRICT, WITHOUT ROWID`;
const insert = "INSERT OR IGNORE INTO in_flight (destination, profile, kind, item) VALUES (?, ?, ?, ?)";
const remove = "DELETE FROM in_flight WHERE destination = ? AND profile = ? AND kind = ? AND item = ?";
const removeAll = "DELETE FROM in_flight WHERE destination = ?";

/** Condition on a row `d` of the queue. */
export const isNotInFlight =
  "NOT EXISTS (SELECT 1 FROM in_flight f WHERE f.destination = d.destination AND f.profile = d.profile AND f.kind = d.kind AND f.item = d.item)";

export class InFlight {
  readonly #database: Database;
  /** Monotonic times at which the rows are nobody's any more; the first end first. */
  readonly #ends = new Map<
    string,
    { readonly destination: number; readonly ref: Ref; readonly untilMs: number }
  >();

  constructor(database: Database) {
    this.#database = database;
    database.run(makeTable);
  }

  add(destination: number, refs: readonly Ref[], untilMs: number): void {
    this.#database.transaction(() => {
      const statement = this.#database.query(insert);
      for (const ref of refs) {
        statement.run(...refValues(destination, ref));
        this.#ends.set(nameOf(destination, ref), { destination, ref, untilMs });
      }
    })();
  }

  remove(destination: number, refs: readonly Ref[]): void {
    this.#database.transaction(() => {
      const statement = this.#database.query(remove);
      for (const ref of refs)
        if (this.#ends.delete(nameOf(destination, ref))) statement.run(...refValues(destination, ref));
    })();
  }

  removeAll(destination: number): void {
    this.#database.query(removeAll).run(destination);
    for (const [name, { destination: of }] of this.#ends) if (of === destination) this.#ends.delete(name);
  }

  /** Lets go of those whose time is over. */
  removeLate(monotonicMs: number): void {
    for (const { destination, ref, untilMs } of this.#ends.values()) {
      if (untilMs > monotonicMs) return;
      this.remove(destination, [ref]);
    }
  }
}

function nameOf(destination: number, ref: Ref): string {
  return `${destination}/${codeOfKind(ref.kind)}/${ref.profile}/${ref.item}`;
}
