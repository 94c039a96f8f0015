/**
 * What followers of the feed still have to hear of a change of the rules: kept in the journal's meta from the turn in
 * which the new rules were taken until every profile was told, so that a restart goes on where it stopped.
 */
import type { Rules } from "../model/rules.ts";

export interface Untold {
  /** Folder of the profiles as they were before; null when it is gone: then every value is told. */
  readonly folder: string | null;
  /** The rules before. */
  readonly rules: Rules;
  /** Profiles up to this number were told. */
  readonly afterPid: number;
  /** When the new rules were taken, milliseconds; windows are compared at this instant. */
  readonly atMs: number;
}

const metaName = "untoldRules";

interface Memory {
  getMeta(name: string): string | null;
  setMeta(name: string, value: string): void;
}

/** Null when there is nothing left to tell. */
export function readUntold(journal: Memory): Untold | null {
  const text = journal.getMeta(metaName);
  // Written below alone.
  return text === null || text === "" ? null : (JSON.parse(text) as Untold);
}

export function writeUntold(journal: Memory, untold: Untold | null): void {
  journal.setMeta(metaName, untold === null ? "" : JSON.stringify(untold));
}
