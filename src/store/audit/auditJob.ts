/**
 * The audit's two pieces of work, on a thread of its own and read-only: counting what came since the last time, and a
 * run, which judges what was counted, seals, profiles and folds. Both go in slices and breathe between two of them, so
 * that writer and readers have the machine. What they find is handed over to be kept.
 */
import { FactsJudge } from "../../model/audit/judgeFacts.ts";
import { dayMs } from "../../model/audit/dayTally.ts";
import { findingOf, type Draft, type Finding } from "../../model/audit/finding.ts";
import { judgeDays, weeksBack } from "../../model/audit/judgeDays.ts";
import type { AuditRules } from "../../model/audit/rules.ts";
import { judgeScan, sayable, type ScanCell } from "../../model/audit/traitCells.ts";
import { folderPaths } from "../folder.ts";
import { JournalReader } from "../journalReader.ts";
import { openReadOnlyStore, type ReadOnlyStore } from "../readOnlyStore.ts";
import type { AuditDeps } from "./auditDeps.ts";
import { checkFolds, checkSeals, type FoldsChecked, type SealsChecked } from "./checkJournal.ts";
import { OpsReading } from "./opsReading.ts";
import { eventsFor, profilesFor, valueWords } from "./samples.ts";
import { newestBlock, seal } from "./sealing.ts";
import { RowTally } from "./tallyRows.ts";
import type { ScanRow, Sealed, Tallied } from "./tallied.ts";
import { TraitScan } from "./traitScan.ts";

export type AuditJob =
  | {
      readonly kind: "auditTally";
      readonly folder: string;
      readonly rules: AuditRules;
      readonly fromSeq: number;
    }
  | {
      readonly kind: "auditRun";
      readonly folder: string;
      readonly rules: AuditRules;
      readonly nowMs: number;
      /** Where profiles are picked for the fold sample; a number from 0 to below 1. */
      readonly seed: number;
      /** Whether every profile is read. */
      readonly scans: boolean;
      /** Sealed blocks that are looked at again. */
      readonly blocks: number;
      /** The newest row that was counted, and the newest erasure among those. */
      readonly counted: { readonly seq: number; readonly erasure: number };
    };

/** What was counted. */
export interface AuditTallied extends Tallied {
  readonly kind: "tallied";
  readonly head: number;
}

/** What came of one cross-check. */
export interface CrossChecked {
  readonly name: string;
  readonly compared: number;
  readonly different: number;
  readonly onlyLeft: number;
  readonly onlyRight: number;
  /** Hashes of the keys that differ. */
  readonly keys: readonly string[];
}

/** What a run looked at; kept with it. */
export interface AuditReport {
  /** Findings beyond those that a run tells. */
  readonly left: number;
  readonly profiles: number | null;
  readonly seals: SealsChecked;
  readonly folds: FoldsChecked;
  readonly crossChecks: readonly CrossChecked[];
}

export interface AuditRan {
  readonly kind: "ran";
  readonly findings: readonly Finding[];
  readonly scans: readonly ScanRow[];
  /** Blocks that were looked at. */
  readonly checked: readonly number[];
  readonly report: AuditReport;
}

/** Rows that are counted before something is kept. */
const rowsAtOnce = 200_000;
/** Blocks that are sealed before something is kept. */
const blocksAtOnce = 64;
const factsAtOnce = 2_000;
const profilesAtOnce = 200;
/** More in one run are read by nobody. */
const maxFindings = 200;

export async function runAudit(job: AuditJob, deps: AuditDeps): Promise<AuditTallied | AuditRan> {
  return job.kind === "auditTally" ? tally(job, deps) : run(job, deps);
}

async function tally(
  { folder, rules, fromSeq }: Extract<AuditJob, { kind: "auditTally" }>,
  deps: AuditDeps,
): Promise<AuditTallied> {
  const paths = folderPaths(folder);
  using reader = new JournalReader(paths.journal);
  using ops = new OpsReading(paths.ops);
  const head = reader.head();
  const toSeq = Math.min(head, fromSeq + rowsAtOnce);
  const rows = new RowTally({
    reader,
    restore: deps.restore,
    crossChecks: rules.crossChecks,
    cell: (key) => ops.cell(key),
  });
  rows.prime(fromSeq);
  for (let at = fromSeq; at < toSeq;) {
    deps.signal.throwIfAborted();
    at = rows.slice(at, toSeq);
    deps.onProgress((at - fromSeq) / Math.max(1, head - fromSeq));
    await deps.breathe();
  }
  const seals = await sealMore(reader, ops, head, deps);
  const { erasure } = rows;
  return { kind: "tallied", fromSeq, toSeq, head, erasure, cells: rows.cells(), facts: rows.facts(), seals };
}

async function sealMore(
  reader: JournalReader,
  ops: OpsReading,
  head: number,
  deps: AuditDeps,
): Promise<Sealed[]> {
  const seals: Sealed[] = [];
  let last: Sealed | null = ops.lastSeal();
  while (seals.length < blocksAtOnce && (last?.block ?? -1) < newestBlock(head)) {
    deps.signal.throwIfAborted();
    const next: Sealed = seal(reader, (last?.block ?? -1) + 1, last?.digest ?? null);
    seals.push(next);
    last = next;
    await deps.breathe();
  }
  return seals;
}

async function run(job: Extract<AuditJob, { kind: "auditRun" }>, deps: AuditDeps): Promise<AuditRan> {
  const { folder, rules, nowMs } = job;
  const store = openReadOnlyStore(folder);
  using ops = new OpsReading(folderPaths(folder).ops);
  const { journal } = store;
  try {
    const history = ops.history(Math.floor(nowMs / dayMs), 7 * weeksBack + 2);
    const drafts = judgeDays(history, nowMs, rules, valueWords(journal, deps.restore));
    deps.onProgress(0.05);
    const facts = await crossCheck(ops, rules, nowMs, deps);
    deps.onProgress(0.1);
    const seals = await checkSeals(journal, ops, job, deps);
    deps.onProgress(0.4);
    const scan = job.scans ? await scanProfiles(store, rules, nowMs, deps) : null;
    const judged = scan === null ? [] : judgeScans(scan, ops, nowMs, rules);
    const folds = await checkFolds(store, rules.foldSample, job.seed, nowMs, deps);
    deps.onProgress(0.95);
    const all = [...seals.drafts, ...folds.drafts, ...facts.drafts, ...drafts, ...judged];
    const findings = await withSamples(all.slice(0, maxFindings), store, rules, nowMs, deps);
    return {
      kind: "ran",
      findings,
      scans: scan === null ? [] : rowsOf(scan, nowMs),
      checked: seals.checked,
      report: {
        left: Math.max(0, all.length - maxFindings),
        profiles: scan?.all.profiles ?? null,
        seals: seals.report,
        folds: folds.report,
        crossChecks: facts.reports,
      },
    };
  } finally {
    await store.close();
  }
}

async function crossCheck(
  ops: OpsReading,
  rules: AuditRules,
  nowMs: number,
  deps: AuditDeps,
): Promise<{ readonly drafts: Draft[]; readonly reports: CrossChecked[] }> {
  const drafts: Draft[] = [];
  const reports: CrossChecked[] = [];
  for (const check of rules.crossChecks) {
    const judge = new FactsJudge(check, nowMs);
    for (let after: string | undefined = ""; after !== undefined;) {
      deps.signal.throwIfAborted();
      const page = ops.facts(check.name, after, factsAtOnce);
      for (const pair of page) judge.take(pair);
      after = page.at(-1)?.key;
      await deps.breathe();
    }
    const found = judge.finding(rules);
    if (found !== null) drafts.push(found);
    const { compared, different, onlyLeft, onlyRight, keys } = judge;
    reports.push({ name: check.name, compared, different, onlyLeft, onlyRight, keys });
  }
  return { drafts, reports };
}

/** Null where profiles can't be read at the moment. */
async function scanProfiles(
  store: ReadOnlyStore,
  rules: AuditRules,
  nowMs: number,
  deps: AuditDeps,
): Promise<TraitScan | null> {
  const { profiles } = store;
  const scan = new TraitScan(rules, nowMs, [...profiles.definitions.segments.byName.keys()]);
  const newest = Math.max(1, store.watermark);
  for (let after: number | null = 0; after !== null;) {
    deps.signal.throwIfAborted();
    store.refresh();
    const page = profiles.page("live", after, profilesAtOnce);
    if (page.kind === "rebuilding") return null;
    for (const profile of page.profiles) scan.take(profile);
    after = page.nextPid;
    deps.onProgress(0.4 + (0.5 * (after ?? newest)) / newest);
    await deps.breathe();
  }
  return scan;
}

/** Each scan against the one of the day before. */
function judgeScans(scan: TraitScan, ops: OpsReading, nowMs: number, rules: AuditRules): Draft[] {
  const today = Math.floor(nowMs / dayMs);
  return [["", scan.all] as const, ...scan.segments].flatMap(([segment, now]) => {
    const kept = ops.scanBefore(today, segment);
    // Written below alone.
    const before = kept === null ? null : (JSON.parse(kept.cell) as ScanCell);
    return judgeScan(
      { segment, now: sayable(now), before, atMs: nowMs, beforeAtMs: kept?.atMs ?? nowMs },
      rules,
    );
  });
}

function rowsOf(scan: TraitScan, atMs: number): ScanRow[] {
  const day = Math.floor(atMs / dayMs);
  return [["", scan.all] as const, ...scan.segments].map(([scope, cell]) => ({
    day,
    scope,
    atMs,
    cell: JSON.stringify(sayable(cell)),
  }));
}

async function withSamples(
  drafts: readonly Draft[],
  store: ReadOnlyStore,
  rules: AuditRules,
  nowMs: number,
  deps: AuditDeps,
): Promise<Finding[]> {
  const seqs = await eventsFor(drafts, store.journal, deps);
  const pids = await profilesFor(drafts, store.profiles, rules, nowMs, deps);
  return drafts.map((draft, index) => {
    const finding = findingOf(draft);
    return {
      ...finding,
      seqs: finding.seqs.length > 0 ? finding.seqs : (seqs[index] ?? []),
      pids: finding.pids.length > 0 ? finding.pids : (pids[index] ?? []),
    };
  });
}
