/** What becomes of a row of the queue once it was tried; inside the queue's transaction. */
import { unreachable } from "../../lib/assert.ts";
import type { Database } from "../sqlite.ts";
import { codeOfState, laneOfCode } from "./deliveryCodes.ts";
import { buryRow, toQueue } from "./deadLetterTable.ts";
import { eraseKnown, mergeKnown } from "./knownProfiles.ts";
import { refValues } from "./deliveryRows.ts";
import { heldOut, settleSend, takeUpPassedOver } from "./triggerTable.ts";
import type { Acknowledgement, AttemptNote, DeliveryRef, Settlement } from "./deliveries.ts";

const where = "destination = ? AND profile = ? AND kind = ? AND item = ?";
const selectRow = `SELECT seq, lane, last_ms, gone, payload FROM delivery WHERE ${where}`;
const deleteRow = `DELETE FROM delivery WHERE ${where}`;
/** Newer changes came meanwhile, or more of it is to be sent. */
const again = `UPDATE delivery SET state = 0, due_ms = ?, attempts = 0, failing_since_ms = NULL, first_seq = seq, since_ms = last_ms, job = NULL, job_position = NULL, then_known = NULL WHERE ${where}`;
const more = `UPDATE delivery SET state = 0, due_ms = ?, attempts = 0, failing_since_ms = NULL, job = NULL, job_position = NULL, then_known = NULL WHERE ${where}`;
const sleep = `UPDATE delivery SET state = ${codeOfState("asleep")}, lane = 2, due_ms = ?1, since_ms = ?1, last_ms = ?1, attempts = 0, failing_since_ms = NULL, job = NULL, job_position = NULL, then_known = NULL WHERE destination = ? AND profile = ? AND kind = ? AND item = ?`;
const later = `UPDATE delivery SET state = 0, due_ms = ?, attempts = attempts + ?, failing_since_ms = coalesce(failing_since_ms, ?), job = NULL, job_position = NULL, then_known = NULL WHERE ${where}`;
const free = `UPDATE delivery SET state = 0, job = NULL, job_position = NULL, then_known = NULL WHERE ${where} AND state <> ${codeOfState("asleep")}`;
const wait = `UPDATE delivery SET state = ${codeOfState("job")}, job = ?, job_position = ?, then_known = ? WHERE ${where}`;
const acknowledge =
  "UPDATE acknowledged SET fields = ?, version = ?, acked_ms = ? WHERE destination = ? AND profile = ?";
const insertAttempt =
  "INSERT INTO delivery_attempt (destination, profile, at_ms, operation, outcome, status, reason, duration_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
const trimAttempts = "DELETE FROM delivery_attempt WHERE id <= ?";

const insertJob =
  "INSERT OR IGNORE INTO delivery_job (destination, job, operation, started_ms, due_ms, attempts) VALUES (?, ?, ?, ?, ?, 0)";
const dropLetter = "DELETE FROM dead_letter WHERE destination = ? AND profile = ? AND kind = 0";

/** What a row that waits for a job keeps of its send. */
export interface StoredThen {
  readonly seq: number;
  readonly after: Acknowledgement | null;
}

const maxAttemptRows = 200_000;
const trimEvery = 500;

interface StoredRow {
  readonly seq: number;
  readonly lane: number;
  readonly last_ms: number;
  readonly gone: string | null;
  readonly payload: string | null;
}

/** Writes what became of one row. */
export function settleOne(
  database: Database,
  destination: number,
  settlement: Settlement,
  nowMs: number,
): void {
  const { ref, note } = settlement;
  const place = refValues(destination, ref);
  const row = database.query<StoredRow, typeof place>(selectRow).get(...place);
  if (note !== undefined) writeAttempt(database, destination, ref.profile, note, nowMs);
  if (ref.kind === "send") {
    noteSend(database, settlement, nowMs);
    if (settlement.kind === "done" && row !== null)
      takeUpPassedOver(database, ref.item, { destination, lane: laneOfCode(row.lane) }, nowMs);
  }
  if (row === null) return;
  if (row.gone !== null) return settleGone(database, destination, ref, row.gone, nowMs);
  switch (settlement.kind) {
    case "done":
      if (settlement.acknowledgement !== null)
        writeAcknowledged(database, destination, ref.profile, settlement.acknowledgement, nowMs);
      if (settlement.more) database.query(more).run(nowMs, ...place);
      else if (row.seq !== ref.seq) database.query(again).run(nowMs, ...place);
      else if (settlement.againAtMs !== null) database.query(sleep).run(settlement.againAtMs, ...place);
      else database.query(deleteRow).run(...place);
      // What is there as a whole has no dead letter any more.
      if (ref.kind === "profile" && !settlement.more)
        database.query(dropLetter).run(destination, ref.profile);
      return;
    case "retry":
      database
        .query(later)
        .run(
          settlement.dueMs,
          settlement.counts ? 1 : 0,
          settlement.counts ? settlement.nowMs : null,
          ...place,
        );
      return;
    case "dead":
      buryRow(database, destination, { ...ref, lane: row.lane, payload: row.payload }, settlement.letter);
      // What changed since was never tried.
      if (row.seq === ref.seq) database.query(deleteRow).run(...place);
      else database.query(again).run(nowMs, ...place);
      return;
    case "job": {
      const kept: StoredThen = { seq: ref.seq, after: settlement.after };
      database.query(wait).run(settlement.job, settlement.position, JSON.stringify(kept), ...place);
      database
        .query(insertJob)
        .run(destination, settlement.job, settlement.operation, nowMs, settlement.dueMs);
      return;
    }
    case "moved":
      database.query(deleteRow).run(...place);
      toQueue(
        database,
        destination,
        { ...ref, profile: settlement.to, lane: "behavioural", atMs: row.last_ms, payload: row.payload },
        nowMs,
      );
      return;
    case "free":
      database.query(free).run(...place);
      return;
    default:
      unreachable(settlement);
  }
}

/** Whoever set the message off is told in the same transaction. */
function noteSend(database: Database, settlement: Settlement, nowMs: number): void {
  const { item } = settlement.ref;
  if (settlement.kind === "dead") {
    const { why, reason: said } = settlement.letter;
    settleSend(database, item, why === "uncertain" ? "uncertain" : "dead", said, nowMs);
  }
  // Until it is known, a person may have got it.
  if (settlement.kind === "retry" && settlement.isOpen === true)
    settleSend(database, item, "uncertain", settlement.note?.reason ?? null, nowMs);
  if (settlement.kind !== "done") return;
  const reason = settlement.note?.reason ?? null;
  if (settlement.note?.outcome !== "skipped") settleSend(database, item, "sent", reason, nowMs);
  else if (reason === heldOut) settleSend(database, item, "held_out", null, nowMs);
  else settleSend(database, item, "skipped", reason, nowMs);
}

/**
 * Its profile merged or was erased while the row was out. What was written down of it since, before it went out, is
 * taken in as the rest was: what it may have made there is made right.
 */
function settleGone(
  database: Database,
  destination: number,
  ref: DeliveryRef,
  into: string,
  nowMs: number,
): void {
  database.query(deleteRow).run(...refValues(destination, ref));
  if (into === "") {
    eraseKnown(database, destination, ref.profile, { seq: ref.seq, atMs: nowMs }, nowMs);
    return;
  }
  mergeKnown(database, destination, ref.profile, into);
  const row = { profile: into, kind: "profile", item: "", lane: "behavioural", seq: ref.seq } as const;
  toQueue(database, destination, { ...row, atMs: nowMs, payload: null }, nowMs);
}

function writeAcknowledged(
  database: Database,
  destination: number,
  profile: string,
  { fields, version }: Acknowledgement,
  nowMs: number,
): void {
  database.query(acknowledge).run(fields, version, nowMs, destination, profile);
}

function writeAttempt(
  database: Database,
  destination: number,
  profile: string,
  { operation, outcome, status, reason, durationMs }: AttemptNote,
  nowMs: number,
): void {
  const values = [destination, profile, nowMs, operation, outcome, status, reason, Math.round(durationMs)];
  const id = Number(database.query(insertAttempt).run(...values).lastInsertRowid);
  if (id % trimEvery === 0) database.query(trimAttempts).run(id - maxAttemptRows);
}
