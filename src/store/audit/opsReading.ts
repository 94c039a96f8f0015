/** What audits have kept, read on a connection of one's own by the audit's thread. */
import { secretName, type EventCell } from "../../model/audit/cells.ts";
import type { CellKey } from "../../model/audit/dayTally.ts";
import { wholeSource } from "../../model/audit/dayTally.ts";
import type { DayHistory } from "../../model/audit/judgeDays.ts";
import { openDatabase, type Database } from "../sqlite.ts";
import type { KeptSeal } from "./sealing.ts";
import type { ScanRow, TellableFact } from "./tallied.ts";

const selectCell = "SELECT cell FROM audit_cells WHERE day = ? AND source = ? AND event = ?";
const selectSeal =
  "SELECT block, rows, digest, leaves, checked_at_ms AS checkedAtMs FROM audit_seals WHERE block = ?";

/** Two sides of one fact; null where one did not come. */
export interface PairedFact {
  readonly key: string;
  readonly left: TellableFact | null;
  readonly right: TellableFact | null;
}

export class OpsReading implements Disposable {
  readonly #database: Database;

  constructor(path: string) {
    this.#database = openDatabase(path, { mode: "read", cacheBytes: 8 * 1024 * 1024 });
  }

  cell({ day, source, event }: CellKey): EventCell | null {
    const row = this.#database
      .query<{ cell: string }, [number, string, string]>(selectCell)
      .get(day, source, event);
    // Written by the tally alone.
    return row === null ? null : (JSON.parse(row.cell) as EventCell);
  }

  /** Cells as the judges look at them; those of a few days are held in memory. */
  history(today: number, lookBackDays: number): DayHistory {
    const kinds = this.#database
      .query<{ source: string; event: string; first: number }, [number]>(
        "SELECT source, event, min(day) AS first FROM audit_cells WHERE day >= ? GROUP BY source, event LIMIT 5000",
      )
      .all(today - lookBackDays);
    const firsts = new Map(
      this.#database
        .query<{ source: string; first: number }, [string]>(
          "SELECT source, min(day) AS first FROM audit_cells WHERE event = ? GROUP BY source",
        )
        .all(wholeSource)
        .map(({ source, first }) => [source, first]),
    );
    return {
      sources: [...new Set(kinds.map(({ source }) => source))],
      events: (source) =>
        kinds
          .filter((kind) => kind.source === source && kind.event !== wholeSource)
          .map(({ event }) => event),
      firstDay: (source) => firsts.get(source) ?? today,
      cell: (day, source, event) =>
        this.cell({ day, source, event }) ?? this.cell({ day, source, event: secretName(event) }),
    };
  }

  seal(block: number): KeptSeal | null {
    return this.#database.query<KeptSeal, [number]>(selectSeal).get(block);
  }

  lastSeal(): KeptSeal | null {
    const last = this.#database
      .query<{ block: number | null }, []>("SELECT max(block) AS block FROM audit_seals")
      .get()?.block;
    return last === null || last === undefined ? null : this.seal(last);
  }

  /** Blocks in the order in which they were looked at last, the longest ago first. */
  blocksToCheck(limit: number): number[] {
    return this.#database
      .query<{ block: number }, [number]>(
        "SELECT block FROM audit_seals ORDER BY checked_at_ms, block LIMIT ?",
      )
      .all(limit)
      .map(({ block }) => block);
  }

  /** Facts of a check of which a side came between two instants, paired, in the order of their keys after `afterKey`. */
  facts(name: string, afterKey: string, limit: number): PairedFact[] {
    const rows = this.#database
      .query<TellableFact, [string, string, number]>(
        "SELECT name, key, side, number, digest, seq, at_ms AS atMs FROM audit_facts WHERE name = ? AND key > ? ORDER BY key, side LIMIT ?",
      )
      .all(name, afterKey, limit * 2);
    const pairs = new Map<string, TellableFact[]>();
    for (const row of rows) pairs.set(row.key, [...(pairs.get(row.key) ?? []), row]);
    // The last key may have another side behind the limit.
    const keys = rows.length < limit * 2 ? [...pairs.keys()] : [...pairs.keys()].slice(0, -1);
    return keys.map((key) => ({
      key,
      left: pairs.get(key)?.find(({ side }) => side === 0) ?? null,
      right: pairs.get(key)?.find(({ side }) => side === 1) ?? null,
    }));
  }

  /** The newest scan of a scope before a day; null: there is none. */
  scanBefore(day: number, scope: string): ScanRow | null {
    return this.#database
      .query<ScanRow, [number, string]>(
        "SELECT day, scope, at_ms AS atMs, cell FROM audit_scans WHERE day < ? AND scope = ? ORDER BY day DESC LIMIT 1",
      )
      .get(day, scope);
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
