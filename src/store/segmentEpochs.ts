/**
 * Since when each segment has been defined as it is now. What rows told before of a segment of that name was told under
 * another definition: whoever repeats them passes it over, and decides everybody anew as of the instant of the new one.
 * While profiles of new rules are made beside the ones in use, rows go on telling under the old ones for a while: in
 * these it is decided row by row. Kept by the journal.
 */
import type { Rules } from "../model/rules.ts";
import { segmentTexts } from "../model/segmentText.ts";

/** From when on a segment is what it is. */
export interface SegmentEpoch {
  readonly name: string;
  /** Of what the segment rests on. */
  readonly hash: string;
  /** It was decided for everybody after this row. */
  readonly afterSeq: number;
  /** As of this instant, milliseconds. */
  readonly atMs: number;
  /** Rows after this one tell of it; null: none does yet. */
  readonly toldAfterSeq: number | null;
}

/** Where the journal's `meta` keeps them. */
const epochsMeta = "segmentEpochs";

/** Since when everything is told under the rules. */
export type Epochs = ReadonlyMap<string, SegmentEpoch>;

interface Memory {
  getMeta(name: string): string | null;
  setMeta(name: string, value: string): void;
  /** Seq of the newest row that was folded; 0: none. */
  lastFolded(): number;
}

/** Notes which segments are new or others than before, when a server starts; before the rules themselves are noted. */
export function useEpochs(journal: Memory, rules: Rules, nowMs: number): void {
  // Rows that wait are folded with the new rules.
  const lastSeq = journal.lastFolded();
  const epochs = epochsFor(journal, rules, lastSeq, nowMs);
  writeEpochs(journal, new Map([...epochs].map(([name, epoch]) => [name, told(epoch, lastSeq)])));
}

/** Notes that all rows after `lastSeq` tell under the rules of these epochs. */
export function takeEpochs(journal: Memory, epochs: Epochs, lastSeq: number): void {
  writeEpochs(journal, new Map([...epochs].map(([name, epoch]) => [name, told(epoch, lastSeq)])));
}

/** The epochs of rules that begin after a row, as of an instant; segments that stay what they are keep theirs. */
export function epochsFor(
  journal: Pick<Memory, "getMeta">,
  rules: Rules,
  afterSeq: number,
  atMs: number,
): Epochs {
  const former = readEpochs(journal);
  return new Map(
    [...segmentTexts(rules)].map(([name, text]) => {
      const hash = Bun.hash.wyhash(text).toString(36);
      const known = former.get(name);
      return [name, known?.hash === hash ? known : { name, hash, afterSeq, atMs, toldAfterSeq: null }];
    }),
  );
}

/** Of segments that were decided for everybody after that row: those whose turns it tells, and those that it decides. */
export function isTold(epochs: Epochs, segment: string, seq: number): "told" | "decided" | "before" {
  const epoch = epochs.get(segment);
  if (epoch === undefined || seq <= epoch.afterSeq) return "before";
  return epoch.toldAfterSeq !== null && seq > epoch.toldAfterSeq ? "told" : "decided";
}

/** Those that the journal knows. */
export function readEpochs(journal: Pick<Memory, "getMeta">): Epochs {
  const text = journal.getMeta(epochsMeta);
  // Written below alone.
  const list = text === null ? [] : (JSON.parse(text) as SegmentEpoch[]);
  return new Map(list.map((epoch) => [epoch.name, epoch]));
}

/** The instant after a row as of which something is decided; 0 before the first. */
export function instantAfter(row: { readonly committed_at_ms: number } | null): number {
  return row?.committed_at_ms ?? 0;
}

function writeEpochs(journal: Memory, epochs: Epochs): void {
  const text = JSON.stringify([...epochs.values()]);
  if (text !== (journal.getMeta(epochsMeta) ?? "[]")) journal.setMeta(epochsMeta, text);
}

function told(epoch: SegmentEpoch, lastSeq: number): SegmentEpoch {
  return epoch.toldAfterSeq === null ? { ...epoch, toldAfterSeq: lastSeq } : epoch;
}
