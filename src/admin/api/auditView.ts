/** The audit log, a page at a time. */
import { numberOf } from "../../esp/query.ts";
import type { AuditLog } from "../../store/ops/audit.ts";
import { notUnderstood } from "./adminContext.ts";
import type { AuditAnswer } from "./adminWire.ts";

/** A page of what operators did, newest first. */
export async function auditView(query: URLSearchParams, audit: AuditLog): Promise<AuditAnswer> {
  const limit = numberOf(query, "limit", 100, 1, 1_000);
  const entries = await audit.page(beforeOf(query), limit, query.get("action"));
  return {
    entries: entries.map(({ atMs, ...entry }) => ({ ...entry, at: new Date(atMs).toISOString() })),
    nextCursor: entries.length < limit ? null : String(entries.at(-1)?.id ?? 0),
  };
}

/** The id behind which a page begins; null: the newest. Throws Refusal invalid_request. */
export function beforeOf(query: URLSearchParams): number | null {
  const text = query.get("cursor");
  if (text === null) return null;
  if (!/^\d{1,15}$/.test(text)) throw notUnderstood("Use a cursor exactly as it was given to you.");
  return Number(text);
}
