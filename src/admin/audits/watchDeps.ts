/** What the admin API works with about audits and freshness. */
import type { JournalReader } from "../../store/journalReader.ts";
import type { OpsDesk } from "../../store/ops/opsDesk.ts";
import type { Audits } from "./audits.ts";
import type { FreshnessBoardDeps } from "./freshnessBoard.ts";

export interface WatchDeps extends FreshnessBoardDeps {
  readonly audits: Audits;
  readonly ops: Pick<OpsDesk, "ask">;
  /** A connection of its own; disposed by the reader. */
  readonly openJournal: () => JournalReader;
  /** A run that somebody asked for could not be done. */
  readonly onFailed: (error: unknown) => void;
}
