/** Audits and freshness over the admin API. */
import { Refusal } from "../../errors.ts";
import { distinctCount } from "../../model/audit/distinct.ts";
import { foundProperty, isSecret, type EventCell } from "../../model/audit/cells.ts";
import { dayMs } from "../../model/audit/dayTally.ts";
import { distinctOf, type ScanCell } from "../../model/audit/traitCells.ts";
import type { AuditRun } from "../../store/audit/auditRoom.ts";
import { findingAnswer, runAnswer } from "../audits/auditAnswers.ts";
import { freshnessBoard, ranges, type BoardRange } from "../audits/freshnessBoard.ts";
import type { WatchDeps } from "../audits/watchDeps.ts";
import { findingDetail } from "./auditDetail.ts";
import type {
  AuditRunAnswer,
  AuditsAnswer,
  DayAnswer,
  DaysAnswer,
  FindingDetailAnswer,
  FreshnessAnswer,
  TraitDaysAnswer,
  TraitRowAnswer,
} from "./auditWire.ts";
import type { AdminDeps, Asked } from "./adminContext.ts";
import { audited } from "./audited.ts";

const runsShown = 50;
const daysShown = 35;
const newest = Number.MAX_SAFE_INTEGER;

export async function auditsView({ watching, clock }: AdminDeps): Promise<AuditsAnswer> {
  const { audits, ops } = watching;
  const today = Math.floor(clock.nowMs() / dayMs);
  const [runs, seals, kinds, scans] = await Promise.all([
    ops.ask("audits", "runs", newest, runsShown),
    ops.ask("audits", "seals"),
    ops.ask("audits", "kinds", today - daysShown),
    ops.ask("audits", "lastScans"),
  ]);
  const [last] = runs;
  const findings = last === undefined ? [] : await ops.ask("audits", "findings", last.id);
  const whole = scans.find(({ scope }) => scope === "");
  return {
    progress: audits.progress,
    everyMs: audits.rules.everyMs,
    latest: last === undefined ? null : { run: runAnswer(last), findings: findings.map(findingAnswer) },
    runs: runs.map(runAnswer),
    seals: { blocks: seals.blocks, rows: seals.rows, oldestCheckAt: at(seals.oldestCheckMs) },
    kinds: kinds.filter(({ event }) => !isSecret(event)),
    traits: whole === undefined ? [] : traitRows(JSON.parse(whole.cell) as ScanCell),
    segments: scans
      .filter(({ scope }) => scope !== "")
      .map(({ scope, cell }) => ({ segment: scope, profiles: (JSON.parse(cell) as ScanCell).profiles })),
    scannedAt: at(whole?.atMs ?? null),
  };
}

export async function auditRunView(id: number, { watching }: AdminDeps): Promise<AuditRunAnswer> {
  const run = await runOf(id, watching);
  const findings = await watching.ops.ask("audits", "findings", id);
  return { run: runAnswer(run), findings: findings.map(findingAnswer) };
}

export async function findingView(
  runId: number,
  key: string,
  { watching, store }: AdminDeps,
): Promise<FindingDetailAnswer> {
  const run = await runOf(runId, watching);
  const findings = await watching.ops.ask("audits", "findings", runId);
  const finding = findings.find((known) => known.key === key);
  if (finding === undefined) throw new Refusal("invalid_request", { detail: "The run has no such finding." });
  return {
    finding: findingAnswer(finding),
    ...(await findingDetail(finding, run, watching, store.profiles)),
  };
}

export async function daysView(
  source: string,
  event: string,
  property: string | null,
  { watching, clock }: AdminDeps,
): Promise<DaysAnswer> {
  const fromDay = Math.floor(clock.nowMs() / dayMs) - daysShown;
  const kept = await watching.ops.ask("audits", "series", source, event, fromDay);
  // Written by the tally alone.
  const cells = kept.map(({ day, cell }) => ({ day, cell: JSON.parse(cell) as EventCell }));
  const properties = new Set(cells.flatMap(({ cell }) => Object.keys(cell.properties)));
  return {
    source,
    event,
    days: cells.map(({ day, cell }) => dayAnswer(day, cell, property)),
    properties: [...properties].filter((name) => !isSecret(name)).sort(),
  };
}

export async function traitDaysView(
  trait: string,
  segment: string,
  { watching, clock }: AdminDeps,
): Promise<TraitDaysAnswer> {
  const fromDay = Math.floor(clock.nowMs() / dayMs) - daysShown;
  const scans = await watching.ops.ask("audits", "scans", segment, fromDay);
  return {
    trait,
    days: scans.map(({ atMs, cell }) => {
      const scan = JSON.parse(cell) as ScanCell;
      const row = traitRows(scan).find((known) => known.trait === trait);
      return { at: new Date(atMs).toISOString(), coverage: row?.coverage ?? 0, stale: row?.stale ?? null };
    }),
  };
}

/** Begins a run; told by `audits` while it is under way. */
export async function beginAudit({ visitor }: Asked, deps: AdminDeps): Promise<{ readonly begun: true }> {
  const { audits } = deps.watching;
  await audited({ action: "audits.run", target: null }, visitor, deps, () => {
    // Whoever asked looks at the progress; a run that fails says so in the log.
    audits.run(visitor.actor ?? "admin").catch(deps.watching.onFailed);
    return Promise.resolve();
  });
  return { begun: true };
}

export function freshnessView(
  range: string | null,
  { watching, clock }: AdminDeps,
): Promise<FreshnessAnswer> {
  const chosen = range ?? "1d";
  if (!Object.hasOwn(ranges, chosen))
    throw new Refusal("invalid_request", { detail: `range takes ${Object.keys(ranges).join(", ")}.` });
  return freshnessBoard(watching, chosen as BoardRange, clock.nowMs());
}

async function runOf(id: number, { ops }: WatchDeps): Promise<AuditRun> {
  const [run] = await ops.ask("audits", "runs", id + 1, 1);
  if (run?.id !== id) throw new Refusal("invalid_request", { detail: "There is no run of that number." });
  return run;
}

function traitRows({ profiles, traits }: ScanCell): TraitRowAnswer[] {
  return Object.entries(traits)
    .map(([trait, cell]) => ({
      trait,
      present: cell.present,
      profiles,
      coverage: percent(cell.present, profiles),
      stale: cell.maxAgeMs === null ? null : percent(cell.stale, cell.present),
      maxAgeMs: cell.maxAgeMs,
      types: shares(cell.types, cell.present),
      distinct: distinctOf(cell),
      ages: cell.ages,
    }))
    .sort((left, right) => left.trait.localeCompare(right.trait));
}

function dayAnswer(day: number, cell: EventCell, property: string | null): DayAnswer {
  const asked = property === null ? undefined : foundProperty(cell, property);
  return {
    at: new Date(day * dayMs).toISOString(),
    count: cell.count,
    hours: cell.hours,
    duplicates: percent(cell.duplicates, cell.looked),
    people: distinctCount(cell.people),
    property:
      property === null
        ? null
        : {
            missing: percent(cell.looked - (asked?.present ?? 0), cell.looked),
            distinct: distinctCount(asked?.distinct ?? []),
            types: shares(asked?.types ?? {}, asked?.present ?? 0),
          },
  };
}

function shares(counts: Readonly<Record<string, number>>, of: number): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, percent(count, of)]));
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * 1_000) / 10;
}

function at(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString();
}
