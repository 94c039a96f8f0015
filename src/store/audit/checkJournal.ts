/** The two looks at damage of a run: sealed blocks of the journal, and a sample of profiles against their events. */
import { draft, type Draft } from "../../model/audit/finding.ts";
import type { JournalReader } from "../journalReader.ts";
import type { ReadOnlyStore } from "../readOnlyStore.ts";
import { rowKind } from "../row.ts";
import type { AuditDeps } from "./auditDeps.ts";
import { compareFrom } from "./foldSample.ts";
import type { OpsReading } from "./opsReading.ts";
import { checkSeal, lastSeqOf } from "./sealing.ts";

/** What was looked at. */
export interface SealsChecked {
  readonly blocks: number;
  readonly problems: number;
}

export interface FoldsChecked {
  readonly compared: number;
  readonly different: number;
}

const problemsTold = 5;
const pageRows = 2_000;

/** Looks at the blocks that were looked at longest ago. */
export async function checkSeals(
  reader: JournalReader,
  ops: OpsReading,
  job: {
    readonly blocks: number;
    readonly nowMs: number;
    readonly counted: { readonly seq: number; readonly erasure: number };
  },
  deps: AuditDeps,
): Promise<{ readonly drafts: Draft[]; readonly checked: number[]; readonly report: SealsChecked }> {
  const problems: string[] = [];
  const seqs: number[] = [];
  const checked: number[] = [];
  const last = ops.lastSeal();
  const head = reader.head();
  if (last !== null && lastSeqOf(last.block) > head)
    problems.push(`the journal ends at row ${head}, but rows up to ${lastSeqOf(last.block)} were sealed`);
  const blocks = ops.blocksToCheck(job.blocks);
  for (const [index, block] of blocks.entries()) {
    deps.signal.throwIfAborted();
    const found = checkBlock(reader, ops, block, job.counted);
    problems.push(...found.problems);
    seqs.push(...found.seqs);
    checked.push(block);
    deps.onProgress(0.1 + (0.3 * index) / blocks.length);
    await deps.breathe();
  }
  const report = { blocks: checked.length, problems: problems.length };
  if (problems.length === 0) return { drafts: [], checked, report };
  const told = problems.slice(0, problemsTold);
  const more = problems.length - told.length;
  const found = draft({
    about: ["journal"],
    kind: "checksum",
    severity: "critical",
    sentence: `The journal is not what it was when it was sealed: ${told.join("; ")}${more > 0 ? `; and ${more} more` : ""}.`,
    advice:
      "Stop changes by hand to journal.db, run `freshet verify`, look at the disk, and restore a backup beside it to compare. Rows that were written since are not concerned.",
    value: problems.length,
    expected: 0,
    sinceMs: job.nowMs,
    seqs: seqs.slice(0, 10),
  });
  return { drafts: [found], checked, report };
}

function checkBlock(
  reader: JournalReader,
  ops: OpsReading,
  block: number,
  counted: { readonly seq: number; readonly erasure: number },
): { readonly problems: string[]; readonly seqs: number[] } {
  const kept = ops.seal(block);
  if (kept === null) return { problems: [], seqs: [] };
  const before = block === 0 ? null : (ops.seal(block - 1)?.digest ?? null);
  const found = checkSeal(reader, kept, before, newestErasure(reader, counted));
  if (found.problems.length === 0) return found;
  // Somebody may have been erased between the two looks.
  return checkSeal(reader, kept, before, newestErasure(reader, counted));
}

/** Seq of the newest erasure: the one that was counted, or one of the rows since. */
function newestErasure(
  reader: JournalReader,
  { seq, erasure }: { readonly seq: number; readonly erasure: number },
): number {
  let newest = erasure;
  for (let after = seq; ;) {
    const rows = reader.changes(after, Number.MAX_SAFE_INTEGER, pageRows);
    for (const row of rows) if (row.kind === rowKind.erase) newest = row.seq;
    const last = rows.at(-1);
    if (last === undefined) return newest;
    after = last.seq;
  }
}

/** Profiles between two breaths. */
const foldsAtOnce = 5;

/** Compares a sample, evenly spread from a random start. */
export async function checkFolds(
  store: ReadOnlyStore,
  sample: number,
  seed: number,
  nowMs: number,
  deps: AuditDeps,
): Promise<{ readonly drafts: Draft[]; readonly report: FoldsChecked }> {
  const { stored, journal, watermark } = store;
  const different: { readonly pid: number; readonly why: string }[] = [];
  let count = 0;
  if (stored === null) return { drafts: [], report: { compared: 0, different: 0 } };
  const step = Math.max(1, Math.floor(watermark / Math.max(1, sample)));
  for (let index = 0; index < Math.min(sample, watermark); index += 1) {
    deps.signal.throwIfAborted();
    const from = Math.floor((index + seed) * step) % Math.max(1, watermark);
    const { definitions } = store.profiles;
    const compared = compareFrom(from, { ...deps, reader: journal, store: stored, definitions });
    if (compared.kind !== "passed") count += 1;
    if (compared.kind === "different") different.push(compared);
    if (index % foldsAtOnce === 0) await deps.breathe();
  }
  const report = { compared: count, different: different.length };
  const [first] = different;
  if (first === undefined) return { drafts: [], report };
  const found = draft({
    about: ["profiles"],
    kind: "fold",
    severity: "critical",
    sentence: `${different.length} of ${count} profiles of a sample are not what their events give: of profile ${first.pid}, ${first.why}.`,
    advice:
      "Run `freshet verify` to see how many there are; `freshet rebuild` makes all profiles anew from the journal, beside the service.",
    value: different.length,
    expected: 0,
    sinceMs: nowMs,
    pids: different.map(({ pid }) => pid).slice(0, 10),
  });
  return { drafts: [found], report };
}
