/**
 * The computed traits that a data folder is used with. The journal remembers their definitions, so that commands which
 * open the folder without a configuration read and fold it alike; profiles say which ones they were folded with.
 */
import type { Definition, Definitions } from "../model/definition.ts";

/** Definitions as configured; `stored`: those that the folder was last served with. */
export type ChosenDefinitions = readonly Definition[] | "stored";

const metaName = "computedTraits";

/** The part of the journal that remembers definitions. */
interface Memory {
  getMeta(name: string): string | null;
  setMeta(name: string, value: string): void;
}

/** The definitions to use; new ones are remembered. */
export function useDefinitions(journal: Memory, chosen: ChosenDefinitions): readonly Definition[] {
  const known = journal.getMeta(metaName);
  if (chosen === "stored") return definitionsIn(known);
  const text = JSON.stringify(chosen);
  if (text !== (known ?? "[]")) journal.setMeta(metaName, text);
  return chosen;
}

/** What the journal remembers; null: nothing. */
export function definitionsIn(text: string | null): readonly Definition[] {
  // Written by useDefinitions alone.
  return text === null ? [] : (JSON.parse(text) as readonly Definition[]);
}

/** A short name of the evidence that these definitions ask for; profiles of another name must be folded anew. */
export function evidenceName({ size, fingerprint }: Definitions): string {
  return size === 0 ? "" : Bun.hash.wyhash(fingerprint).toString(36);
}
