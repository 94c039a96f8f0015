/** Do two sources tell the same of one fact? Pure: takes pairs in as they are read. */
import { countWords, draft, instantText, percentText, type Draft } from "./finding.ts";
import { isIgnored, type AuditRules, type CrossCheck } from "./rules.ts";

/** One side as it was kept. */
export interface FactTold {
  readonly number: number | null;
  readonly digest: string;
  readonly seq: number;
  readonly atMs: number;
}

export interface FactPair {
  readonly key: string;
  readonly left: FactTold | null;
  readonly right: FactTold | null;
}

/** Only what came within so many days is compared. */
const windowMs = 7 * 86_400_000;
const maxKeys = 200;
/** Differences of which fewer are told one by one elsewhere. */
const fewestDifferent = 3;

export class FactsJudge {
  readonly #check: CrossCheck;
  readonly #nowMs: number;
  /** Facts that both sides told, and those of which one side is due and missing. */
  compared = 0;
  different = 0;
  onlyLeft = 0;
  onlyRight = 0;
  #sumLeft = 0;
  #sumRight = 0;
  #sinceMs = Infinity;
  readonly #seqs: number[] = [];
  /** Hashes of the keys that differ, at most 200. */
  readonly keys: string[] = [];

  constructor(check: CrossCheck, nowMs: number) {
    this.#check = check;
    this.#nowMs = nowMs;
  }

  take({ key, left, right }: FactPair): void {
    const atMs = Math.max(left?.atMs ?? 0, right?.atMs ?? 0);
    if (this.#nowMs - atMs > windowMs) return;
    if (left === null || right === null) {
      // It may still come.
      if (this.#nowMs - atMs < this.#check.withinMs) return;
      this.compared += 1;
      if (left === null) this.onlyRight += 1;
      else this.onlyLeft += 1;
      this.#note(key, atMs, left ?? right);
      return;
    }
    this.compared += 1;
    if (left.number !== null) this.#sumLeft += left.number;
    if (right.number !== null) this.#sumRight += right.number;
    if (this.#isSame(left, right)) return;
    this.different += 1;
    this.#note(key, atMs, right);
  }

  /** What is to be told; null: nothing. */
  finding(rules: AuditRules): Draft | null {
    const { name, left, right, mayDifferPercent } = this.#check;
    const wrong = this.different + this.onlyLeft + this.onlyRight;
    const share = wrong / Math.max(1, this.compared);
    if (wrong < fewestDifferent || share * 100 <= mayDifferPercent) return null;
    const parts = [
      this.different === 0 ? null : `${countWords(this.different)} differ${this.#sums()}`,
      this.onlyLeft === 0 ? null : `${countWords(this.onlyLeft)} came from ${left.source} alone`,
      this.onlyRight === 0 ? null : `${countWords(this.onlyRight)} came from ${right.source} alone`,
    ].filter((part) => part !== null);
    const found = draft({
      about: [name],
      kind: "crossCheck",
      sentence: `Of ${countWords(this.compared)} facts of ${name} in the last seven days ${parts.join(", ")} (${percentText(share)}), since ${instantText(this.#sinceMs)}: ${left.property} of ${left.event} from ${left.source} against ${right.property} of ${right.event} from ${right.source}.`,
      advice: `Look at the rows that differ: one of the two sources counts something that the other does not (shipping, tax, a discount, another currency), or loses events. Traits that sum over both count twice.`,
      value: share * 100,
      expected: mayDifferPercent,
      sinceMs: this.#sinceMs,
      source: right.source,
      event: right.event,
      property: right.property,
      seqs: this.#seqs,
    });
    return isIgnored(found.key, rules.ignore) ? null : found;
  }

  #sums(): string {
    if (this.#sumLeft === 0 || this.#sumRight === 0) return "";
    const { left, right } = this.#check;
    const more = this.#sumRight / this.#sumLeft - 1;
    if (Math.abs(more) < 0.0005) return "";
    return ` (${right.source} ${percentText(Math.abs(more))} ${more < 0 ? "less" : "more"} than ${left.source} in all)`;
  }

  #isSame(left: FactTold, right: FactTold): boolean {
    if (left.number !== null && right.number !== null)
      return Math.abs(left.number - right.number) <= this.#check.tolerance + 1e-9;
    return left.digest === right.digest;
  }

  #note(key: string, atMs: number, told: FactTold | null): void {
    this.#sinceMs = Math.min(this.#sinceMs, atMs);
    if (this.keys.length < maxKeys) this.keys.push(key);
    if (told !== null && this.#seqs.length < 10) this.#seqs.push(told.seq);
  }
}
