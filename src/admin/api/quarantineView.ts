/** The quarantine as the page shows it, and what became of pieces that were sent again. */
import { errorCatalogue, Refusal, type ErrorCode } from "../../errors.ts";
import type { QuarantineGroup, QuarantineRow } from "../../store/journalReader.ts";
import type { Replayed } from "../../store/control.ts";
import type { GroupAnswer, PieceAnswer, PieceLine, ReplayResult } from "./adminWire.ts";

/** The number behind a quarantineId. Throws Refusal invalid_request. */
export function pieceNumber(quarantineId: string): number {
  const digits = /^qrn_(\d{1,15})$/.exec(quarantineId)?.[1];
  if (digits === undefined)
    throw new Refusal("invalid_request", { detail: "A quarantineId is written qrn_ and a number." });
  return Number(digits);
}

export function groupAnswer({ code, source, count, oldestAtMs, newestAtMs }: QuarantineGroup): GroupAnswer {
  const { message, hint } = entryOf(code);
  return {
    code,
    message,
    hint,
    source,
    count,
    oldestAt: new Date(oldestAtMs).toISOString(),
    newestAt: new Date(newestAtMs).toISOString(),
  };
}

export function pieceLine(row: QuarantineRow): PieceLine {
  return {
    quarantineId: `qrn_${row.id}`,
    code: row.code,
    message: row.message,
    source: row.source,
    namespace: row.namespace,
    call: row.call,
    messageId: row.message_id,
    receivedAt: new Date(row.received_at_ms).toISOString(),
    replayedAt: row.replayed_at_ms === null ? null : new Date(row.replayed_at_ms).toISOString(),
    bytes: row.body.length,
  };
}

export function pieceAnswer(row: QuarantineRow): PieceAnswer {
  return { ...pieceLine(row), hint: entryOf(row.code).hint, raw: Buffer.from(row.body).toString("utf8") };
}

export function replayResult(id: number, replayed: Replayed): ReplayResult {
  const error = replayed.kind === "refused" ? replayed.error : null;
  return {
    quarantineId: `qrn_${id}`,
    outcome: replayed.kind,
    code: error?.code ?? null,
    message: error?.message ?? null,
  };
}

function entryOf(code: string): { readonly message: string; readonly hint: string } {
  return Object.hasOwn(errorCatalogue, code)
    ? errorCatalogue[code as ErrorCode]
    : { message: "The event was refused.", hint: "Open it to see what came." };
}
