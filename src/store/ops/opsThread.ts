/** The thread that has ops.db open, without its messaging: one call in, one answer out. */
import { classifyWriteFailure } from "../sqlite.ts";
import { AuditTable } from "./auditTable.ts";
import type { OpsAnswer, OpsCall, OpsRequest } from "./opsDesk.ts";

export class OpsThread {
  #table: AuditTable | null = null;
  #path = "";

  receive({ id, request }: OpsCall): OpsAnswer {
    try {
      return { kind: "done", id, value: this.#run(request) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { kind: "failed", id, failure: classifyWriteFailure(error), message };
    }
  }

  #run(request: OpsRequest): unknown {
    switch (request.kind) {
      case "open":
        this.#path = request.path;
        return null;
      case "write":
        return this.#open().insert(request.act, request.outcome);
      case "end":
        this.#open().end(request.entry, request.outcome, request.detail);
        return null;
      case "page":
        return this.#open().page(request.beforeId, request.limit, request.action);
      case "close":
        this.#table?.[Symbol.dispose]();
        this.#table = null;
        return null;
    }
  }

  #open(): AuditTable {
    this.#table ??= new AuditTable(this.#path);
    return this.#table;
  }
}
