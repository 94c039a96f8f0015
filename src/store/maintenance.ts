/** Long work beside the service, on a thread of its own: rebuild, verification, backup. Pure of messaging. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { touchedBy } from "../model/rulesDiff.ts";
import type { Rules } from "../model/rules.ts";
import type { PlanChecked } from "../model/planChecked.ts";
import { checkPlan, type CheckPlanJob } from "./checkPlan.ts";
import type { AuditDeps } from "./audit/auditDeps.ts";
import { runAudit, type AuditJob, type AuditRan, type AuditTallied } from "./audit/auditJob.ts";
import { compareRules, type RuleChanges } from "./compareRules.ts";
import { folderPaths, nextProfilesName, syncFile, syncFolder } from "./folder.ts";
import { JournalReader } from "./journalReader.ts";
import { openProfileStore } from "./lmdb.ts";
import { rebuildProfiles, type RebuiltProfiles } from "./rebuild.ts";
import { epochsFor, instantAfter } from "./segmentEpochs.ts";
import { definitionsWith } from "./segmentLists.ts";
import { copyDatabase } from "./sqlite.ts";
import type { Untold } from "./untold.ts";
import { verifyFolder, type VerifyReport } from "./verify.ts";

export type MaintenanceJob =
  | AuditJob
  | {
      readonly kind: "rebuild";
      /** True: profiles are in use meanwhile, and nobody waits for the new ones. */
      readonly isBeside: boolean;
      readonly folder: string;
      readonly upTo: number;
      readonly hotProfiles: number;
      readonly rules: Rules;
    }
  | {
      readonly kind: "verify";
      readonly folder: string;
      readonly profilesFolder: string | null;
      readonly hotProfiles: number;
      readonly rules: Rules;
    }
  | {
      readonly kind: "compareRules";
      readonly folder: string;
      /** Name of the profiles in use. */
      readonly profiles: string;
      readonly rules: Rules;
      readonly untold: Untold;
      readonly limit: number;
    }
  | CheckPlanJob
  | { readonly kind: "backup"; readonly folder: string; readonly target: string };

export type MaintenanceDeps = AuditDeps;

/** What a rebuild made: the folder's name inside the data folder, and what it holds. */
export interface Rebuilt extends RebuiltProfiles {
  readonly folder: string;
}

/** Runs one job to its end. Throws when it can't be done. */
export async function runMaintenance(
  job: MaintenanceJob,
  deps: MaintenanceDeps,
): Promise<
  Rebuilt | VerifyReport | RuleChanges | PlanChecked | AuditTallied | AuditRan | { readonly path: string }
> {
  switch (job.kind) {
    case "auditTally":
    case "auditRun":
      return runAudit(job, deps);
    case "rebuild":
      return rebuild(job, deps);
    case "verify":
      return verifyFolder(job, deps);
    case "compareRules":
      return compare(job);
    case "checkPlan":
      return checkPlan(job, deps);
    case "backup":
      return backup(job);
  }
}

async function rebuild(
  job: Extract<MaintenanceJob, { kind: "rebuild" }>,
  deps: MaintenanceDeps,
): Promise<Rebuilt> {
  const name = nextProfilesName(job.folder);
  const path = folderPaths(job.folder).profiles(name);
  using reader = new JournalReader(folderPaths(job.folder).journal);
  const store = openProfileStore(path, { readOnly: false });
  try {
    const { upTo, hotProfiles } = job;
    const definitions = definitionsWith(reader, job.rules);
    const epochs = epochsFor(reader, job.rules, upTo, instantAfter(reader.row(upTo)));
    const options = { ...deps, reader, store, upTo, hotProfiles, definitions, epochs };
    return { folder: name, ...rebuildProfiles(options) };
  } catch (error) {
    rmSync(path, { recursive: true, force: true });
    throw error;
  } finally {
    await store.close();
  }
}

/** One page of what a change of the rules changed. */
async function compare(job: Extract<MaintenanceJob, { kind: "compareRules" }>): Promise<RuleChanges> {
  const { folder, profiles, rules, untold, limit } = job;
  using journal = new JournalReader(folderPaths(folder).journal);
  const pathOf = (name: string) => folderPaths(folder).profiles(name);
  const former =
    untold.folder !== null && existsSync(pathOf(untold.folder))
      ? openProfileStore(pathOf(untold.folder), { readOnly: true })
      : null;
  const current = openProfileStore(pathOf(profiles), { readOnly: true });
  try {
    return compareRules(
      {
        before: { store: former, definitions: definitionsWith(journal, untold.rules) },
        after: { store: current, definitions: definitionsWith(journal, rules) },
        touched: touchedBy(untold.rules, rules),
        tMs: untold.atMs,
      },
      untold.afterPid,
      limit,
    );
  } finally {
    await current.close();
    await former?.close();
  }
}

/** A consistent copy of the journal and the audit log while they are written; profiles are rebuilt on restore. */
function backup(job: Extract<MaintenanceJob, { kind: "backup" }>): { readonly path: string } {
  mkdirSync(job.target, { recursive: true, mode: 0o700 });
  const path = join(job.target, "journal.db");
  if (existsSync(path)) throw new Error(`there is a backup at ${path} already; choose an empty folder`);
  const { journal, ops } = folderPaths(job.folder);
  const opsCopy = join(job.target, "ops.db");
  // The journal comes last: a folder that holds one holds a whole backup.
  if (existsSync(ops)) copyInto(ops, opsCopy);
  try {
    copyInto(journal, path);
  } catch (error) {
    rmSync(opsCopy, { force: true });
    throw error;
  }
  syncFolder(job.target);
  return { path };
}

function copyInto(from: string, to: string): void {
  const partial = `${to}.partial`;
  rmSync(partial, { force: true });
  copyDatabase(from, partial, to);
  syncFile(to);
}
