/** The operations on audits, for the command line. */
import type { OpsDesk } from "../../store/ops/opsDesk.ts";
import { findingAnswer, runAnswer } from "./auditAnswers.ts";
import { OperationFailed, type Operations } from "../operation.ts";
import type { Audits } from "./audits.ts";

export interface AuditOperationsDeps {
  readonly audits: Audits;
  readonly ops: Pick<OpsDesk, "ask">;
}

export function auditOperations({ audits, ops }: AuditOperationsDeps): Operations {
  return {
    "audits.run": async (_params, outlet) => {
      const { run, findings } = await audits.run("command", (share) => outlet.progress(share));
      return { run: runAnswer(run), findings: findings.map(findingAnswer) };
    },
    "audits.list": async ({ limit }) => {
      const runs = await ops.ask("audits", "runs", Number.MAX_SAFE_INTEGER, limit);
      return runs.map(runAnswer);
    },
    "audits.show": async ({ id }) => {
      const before = id === null ? Number.MAX_SAFE_INTEGER : id + 1;
      const [run] = await ops.ask("audits", "runs", before, 1);
      if (run === undefined || (id !== null && run.id !== id))
        throw new OperationFailed(id === null ? "there was no audit yet" : `there is no audit ${id}`);
      const findings = await ops.ask("audits", "findings", run.id);
      return { run: runAnswer(run), findings: findings.map(findingAnswer) };
    },
  };
}
