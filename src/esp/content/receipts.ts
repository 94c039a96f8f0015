/**
 * Receipts: each answer of content leaves one, on disk within a fifth of a second. They are gathered in memory and
 * written many at a time, since an e-mail must not wait for a disk; what memory has no room for is counted as lost,
 * never passed over in silence.
 */
import type { Timers } from "../../lib/timers.ts";
import type { PeopleAct } from "../../store/ops/deliveries.ts";
import type { OpsDesk } from "../../store/ops/opsDesk.ts";
import {
  firstIdAt,
  type BlockText,
  type Inheritance,
  type ReceiptRetention,
  type ReceiptRow,
} from "../../store/ops/receiptTable.ts";
import type { Block } from "./block.ts";

/** A receipt before it has its id. */
export type ReceiptDraft = Omit<ReceiptRow, "id" | "block" | "blockVersion">;

export interface ReceiptsOptions {
  readonly ops: Pick<OpsDesk, "ask">;
  readonly timers: Timers;
  readonly retention: ReceiptRetention;
  /** Told when receipts are lost, and once they are written again. */
  readonly notice: (level: "info" | "error", sentence: string) => void;
}

/** From the first answer that waits until it is written. */
const gatherMs = 100;
/** Answers in memory, at about 600 bytes each. */
const maxWaiting = 100_000;
/** Answers in one message to the thread. */
const maxAtOnce = 5_000;
/** Merges that receipts still to be written may be of; beyond it they are found under the profile as it was alone. */
const maxHeirs = 100_000;
/** A merge is remembered over so many writes at least, which are two seconds, and until nothing waits. */
const heirsForWrites = 20;

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const idDigits = 11;

/** A receipt on its way to the thread that writes it. */
interface Waiting {
  readonly profileId: string | null;
  /** The row as JSON. */
  readonly text: string;
}

export class Receipts {
  readonly #options: ReceiptsOptions;
  #waiting: Waiting[] = [];
  /** Texts of blocks that the thread has not seen in this run. */
  #blocks: BlockText[] = [];
  #toldBlocks = new WeakSet<Block>();
  /** Profiles that became part of another one lately, and of which: since the last time some were forgotten, and before. */
  #heirs = new Map<string, string>();
  #olderHeirs = new Map<string, string>();
  #writesSinceForgotten = 0;
  #lastId = 0;
  #timer: Disposable | null = null;
  #writing: Promise<void> | null = null;
  #written = 0;
  #lost = 0;
  #isLosing = false;

  constructor(options: ReceiptsOptions) {
    this.#options = options;
  }

  /** Goes on behind the receipts of earlier runs, also where the clock was set back; to be called before the first. */
  async start(): Promise<void> {
    try {
      this.#lastId = await this.#options.ops.ask("receipts", "newestId");
    } catch (error) {
      this.#options.notice("error", `receipts of earlier runs can't be read: ${told(error)}`);
    }
  }

  /** Leaves a receipt; gives its name, such as `rcp_0CR9V8T2K01`. */
  note(block: Block, draft: ReceiptDraft): string {
    const id = Math.max(this.#lastId + 1, firstIdAt(draft.atMs));
    this.#lastId = id;
    if (this.#waiting.length >= maxWaiting) {
      this.#lose(1, "more are waiting than memory has room for");
      return receiptName(id);
    }
    if (!this.#toldBlocks.has(block)) {
      this.#toldBlocks.add(block);
      this.#blocks.push(block.text);
    }
    const row: ReceiptRow = { ...draft, id, block: block.name, blockVersion: block.version };
    this.#waiting.push({ profileId: draft.profileId, text: JSON.stringify(row) });
    if (this.#timer === null && this.#writing === null) this.#gather();
    return receiptName(id);
  }

  /**
   * Hears of merges and undos before they are taken in on disk, where only the receipts that are written already are
   * found: those that wait, or were given from the profile as it still was, follow by this.
   */
  follow(acts: readonly PeopleAct[]): void {
    for (const act of acts)
      if (act.kind === "undo") {
        this.#heirs.delete(act.profile);
        this.#olderHeirs.delete(act.profile);
      } else if (act.kind === "merge")
        for (const from of act.from) if (this.#heirs.size < maxHeirs) this.#heirs.set(from, act.into);
  }

  /** Answers so far: on disk, on their way there, and lost. */
  get counts(): { readonly written: number; readonly waiting: number; readonly lost: number } {
    return { written: this.#written, waiting: this.#waiting.length, lost: this.#lost };
  }

  /** Writes what waits; resolves when it is on disk or lost. */
  async flush(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    while (this.#writing !== null || this.#waiting.length > 0) {
      this.#writing ??= this.#write();
      await this.#writing;
    }
  }

  #gather(): void {
    this.#timer = this.#options.timers.after(gatherMs, () => {
      this.#timer = null;
      this.#writing ??= this.#write();
    });
  }

  async #write(): Promise<void> {
    const rows = this.#waiting.splice(0, maxAtOnce);
    const blocks = this.#blocks.splice(0);
    const heirs = this.#inheritancesOf(rows);
    try {
      const receipts = `[${rows.map(({ text }) => text).join(",")}]`;
      await this.#options.ops.ask("receipts", "write", receipts, blocks, heirs, this.#options.retention);
      this.#written += rows.length;
      if (this.#isLosing) this.#options.notice("info", "receipts are written again");
      this.#isLosing = false;
    } catch (error) {
      // The block's text is sent again with the next answers.
      this.#toldBlocks = new WeakSet();
      this.#lose(rows.length, told(error));
    }
    this.#writing = null;
    if (this.#waiting.length === 0) this.#forgetHeirs();
    if (this.#waiting.length > 0 && this.#timer === null) this.#gather();
  }

  #inheritancesOf(rows: readonly Waiting[]): readonly Inheritance[] {
    if (this.#heirs.size + this.#olderHeirs.size === 0) return [];
    const profiles = new Set(rows.map(({ profileId }) => profileId));
    return [...profiles].flatMap((profile) => {
      const heir = profile === null ? null : this.#heirOf(profile);
      return profile === null || heir === null ? [] : [{ profile, heir }];
    });
  }

  #forgetHeirs(): void {
    this.#writesSinceForgotten += 1;
    if (this.#writesSinceForgotten < heirsForWrites) return;
    this.#writesSinceForgotten = 0;
    this.#olderHeirs = this.#heirs;
    this.#heirs = new Map();
  }

  /** Whose part a profile is now; null: nobody's. Whom it became part of may be part of another one. */
  #heirOf(profile: string): string | null {
    let heir: string | null = null;
    for (let step = 0; step < maxHeirs; step += 1) {
      const next: string | undefined =
        this.#heirs.get(heir ?? profile) ?? this.#olderHeirs.get(heir ?? profile);
      if (next === undefined) break;
      heir = next;
    }
    return heir;
  }

  #lose(count: number, why: string): void {
    this.#lost += count;
    if (this.#isLosing) return;
    this.#isLosing = true;
    this.#options.notice("error", `receipts of content are lost: ${why}`);
  }
}

function told(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** All pairs of digits: a name is made for every answer. */
const pairs = Array.from(alphabet).flatMap((high) => Array.from(alphabet, (low) => high + low));
const pairBase = pairs.length;

/** The name of a receipt, which sorts by time. */
export function receiptName(id: number): string {
  let rest = id;
  let text = "";
  for (let digits = 2; digits < idDigits; digits += 2) {
    text = `${pairs[rest % pairBase] ?? ""}${text}`;
    rest = Math.floor(rest / pairBase);
  }
  return `rcp_${alphabet[rest % 32] ?? ""}${text}`;
}

/** The id behind a name; null for anything that is none. */
export function receiptId(name: string): number | null {
  if (!/^rcp_[0-9A-HJKMNP-TV-Z]{11}$/.test(name)) return null;
  let id = 0;
  for (const character of name.slice(4)) id = id * 32 + alphabet.indexOf(character);
  return Number.isSafeInteger(id) ? id : null;
}
