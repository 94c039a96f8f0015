/** The audit log over ops.db. */
import type { AuditLog } from "./audit.ts";
import type { OpsDesk } from "./opsDesk.ts";

/** The audit log that stands in ops.db. */
export function auditOver(ops: Pick<OpsDesk, "ask">): AuditLog {
  return {
    write: (act, outcome) => ops.ask("audit", "insert", act, outcome),
    end: (id, outcome, detail) => ops.ask("audit", "end", id, outcome, detail),
    page: (beforeId, limit, action) =>
      ops.ask("audit", "page", beforeId ?? Number.MAX_SAFE_INTEGER, limit, action),
  };
}
