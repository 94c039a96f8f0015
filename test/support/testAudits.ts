/** Audits over a store in a test: its maintenance thread inline, its ops.db on a thread as in production. */
import { Audits } from "../../src/admin/audits/audits.ts";
import { auditSettings, type AuditSettings } from "../../src/config/audits.ts";
import { seededIds } from "../../src/lib/id.ts";
import type { AuditRules } from "../../src/model/audit/rules.ts";
import { MaintenanceDesk } from "../../src/store/maintenanceDesk.ts";
import { folderPaths } from "../../src/store/folder.ts";
import { OpsDesk } from "../../src/store/ops/opsDesk.ts";
import { inlineMaintenance } from "./inlineThreads.ts";
import { ManualTimers } from "./manualTimers.ts";
import type { TestStore } from "./openTestStore.ts";

export interface TestAudits extends AsyncDisposable {
  readonly audits: Audits;
  readonly ops: OpsDesk;
  readonly timers: ManualTimers;
}

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Opens audits of a test store; `await using` closes them. */
export function openTestAudits(
  { store, folder, clock }: Pick<TestStore, "store" | "folder" | "clock">,
  rules: Partial<AuditRules> = {},
  alert: AuditSettings["alert"] = "warning",
): TestAudits {
  const ops = new OpsDesk({
    path: folderPaths(folder).ops,
    start: () => new Worker(new URL("../../src/workers/ops.ts", import.meta.url)),
    onDiskFailed: () => {},
  });
  const timers = new ManualTimers();
  const settings = { rules: { ...auditSettings(undefined).rules, ...rules }, alert };
  const audits = new Audits(
    {
      folder,
      journal: () => ({
        journalId: store.journalId,
        epoch: store.changes.epoch,
        head: store.status().head,
      }),
      maintenance: new MaintenanceDesk(() => inlineMaintenance({})),
      ops,
      clock,
      timers,
      ids: seededIds(3),
      log: silent,
    },
    settings,
  );
  return {
    audits,
    ops,
    timers,
    [Symbol.asyncDispose]: async () => {
      audits[Symbol.dispose]();
      await ops.close();
    },
  };
}
