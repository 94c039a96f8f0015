/** The journal's own acts, run by the writer between two groups. */
import type { Clock } from "../lib/clock.ts";
import type { EventType } from "../model/event.ts";
import type { EventError } from "../errors.ts";
import type { Restore } from "./accept.ts";
import type { openMessageIds } from "./dedup/openMessageIds.ts";
import { noteConfig } from "./configVersions.ts";
import { eraseProfile, resolve, type Erased } from "./erase.ts";
import type { Journal } from "./journal.ts";
import { insertKey, listKeys, revokeKey } from "./keys.ts";
import { ownerOf } from "./messageIds.ts";
import type { ControlRequest, FromWriter } from "./messages.ts";
import type { RulesExchange } from "./rulesExchange.ts";
import { definitionsWith, keepLists } from "./segmentLists.ts";
import { usePlan } from "./usedDefinitions.ts";
import type { SplitAnswer } from "./splits.ts";
import type { Writer } from "./writer.ts";

export interface ControlContext {
  readonly writer: Writer;
  readonly journal: Journal;
  readonly messageIds: ReturnType<typeof openMessageIds>;
  readonly clock: Clock;
  readonly restore: Restore;
  readonly post: (message: FromWriter) => void;
  readonly rules: RulesExchange | null;
  readonly startRebuild: (why: string) => Promise<void>;
  readonly moveProfiles: () => Promise<void>;
}

const truncateAttempts = 20;

/** Journals beyond this size are not written anew by a compaction. */
const maxRewrittenBytes = 2 * 1024 ** 3;
const truncatePauseMs = 50;

/** Runs one act; the value goes back to who asked. Throws what should be said to them. */
export async function runControl(context: ControlContext, request: ControlRequest): Promise<unknown> {
  const { writer, journal, clock } = context;
  switch (request.act) {
    case "createKey":
      writer.act(() => insertKey(journal, request.key));
      return listKeys(journal);
    case "revokeKey": {
      const revoked = writer.act(() => revokeKey(journal, request.id, clock.nowMs()));
      return { revoked, keys: listKeys(journal) };
    }
    case "listKeys":
      return listKeys(journal);
    case "locate":
      return locate(context, request.messageId);
    case "erase":
      return erase(context, request);
    case "split":
      return split(context, request);
    case "replayQuarantine":
      return replay(context, request.id, request.body);
    case "rebuild":
      await context.startRebuild("a rebuild was asked for");
      return true;
    case "compact":
      return compact(context);
    case "holdLinks":
      if (context.rules !== null) context.rules.holdsLinks = request.holds;
      return { head: writer.head };
    case "checkRules":
      writer.act(() => keepLists(journal, request.rules, request.lists));
      definitionsWith(journal, request.rules);
      return true;
    case "tellRules":
      context.rules?.tell(request.changes, request.untold);
      context.post(writer.announce());
      return true;
    case "noteConfig":
      writer.act(() => noteConfig(journal.database, request.version));
      return true;
    case "usePlan":
      writer.usePlan(usePlan(journal, request.plan));
      return true;
    case "settle":
      while (writer.settle() || writer.passTime()) context.post(writer.announce());
      return { head: writer.head, visible: writer.visible, mode: writer.mode };
  }
}

function locate(context: ControlContext, messageId: string): number[] {
  const sources = context.journal.database.query<{ id: number }, []>("SELECT id FROM sources").all();
  return sources
    .flatMap(({ id }) => [ownerOf(id, "live"), ownerOf(id, "test")])
    .map((owner) => context.messageIds.find(owner, messageId))
    .filter((seq) => seq !== null);
}

function split(
  { writer, post }: ControlContext,
  { pair, isLifting }: Extract<ControlRequest, { act: "split" }>,
): SplitAnswer {
  const answer = writer.splits.slice(writer, pair, isLifting);
  if (answer.kind === "done") post(writer.announce());
  return answer;
}

async function erase(
  context: ControlContext,
  request: Extract<ControlRequest, { act: "erase" }>,
): Promise<Erased | null> {
  const { writer, journal, clock, restore } = context;
  if (writer.mode !== "live") throw new Error("profiles are being rebuilt; erase again when that is done");
  while (writer.settle()) continue;
  writer.restartRefold();
  const erased = writer.act((folded) => {
    const profile =
      folded === null ? undefined : resolve(folded, request.namespace, request.type, request.value);
    if (folded === null || profile === undefined) return null;
    return eraseProfile(profile, {
      journal,
      folded,
      messageIds: context.messageIds,
      restore,
      nextSeq: () => writer.nextSeq(),
      nowMs: clock.nowMs(),
    });
  });
  writer.splits.reload();
  context.post(writer.announce());
  if (erased?.needsRebuild === true) await context.startRebuild("an erasure freed an e-mail address of many");
  return erased;
}

/** What became of a piece of the quarantine that was sent again. */
export type Replayed =
  | { readonly kind: "accepted" }
  /** Refused again; it stays where it is. */
  | { readonly kind: "refused"; readonly error: EventError }
  /** The journal has the event since it came; what failed was to apply it. */
  | { readonly kind: "stored" }
  | { readonly kind: "replayed" }
  | { readonly kind: "missing" };

interface ReplayedRow {
  readonly code: string;
  readonly source: string;
  readonly namespace: "live" | "test";
  readonly trusted: number;
  readonly call: string;
  readonly received_at_ms: number;
  readonly replayed_at_ms: number | null;
  readonly body: Uint8Array;
}

const selectPiece =
  "SELECT code, source, namespace, trusted, call, received_at_ms, replayed_at_ms, body FROM quarantine WHERE id = ?";

/**
 * Takes a quarantined piece, or what it was mended to, through the same door again, with its own messageId; marks it
 * replayed if it was accepted. The piece itself stays as it came.
 */
function replay(context: ControlContext, id: number, mended?: Uint8Array): Replayed {
  const { writer, journal, clock } = context;
  const row = journal.database.query<ReplayedRow, [number]>(selectPiece).get(id);
  if (row === null) return { kind: "missing" };
  if (row.replayed_at_ms !== null) return { kind: "replayed" };
  if (row.code === "fold_failed") return { kind: "stored" };
  const body = identified(mended ?? row.body, `${journal.id}-qrn_${id}`);
  const isMany = row.call === "batch" || row.call === "import" || row.call === "stream";
  const call = isMany ? typeOfBody(body) : (row.call as EventType);
  const frame = {
    call,
    source: row.source,
    namespace: row.namespace,
    trusted: row.trusted === 1,
    receivedAtMs: row.received_at_ms,
    lane: "live" as const,
    body,
  };
  const newestBefore = newestPiece(journal);
  const message = writer.run([{ id: -1, frame }]);
  const answer = message.answers[0]?.[1] ?? ({ kind: "accepted", rejected: [] } as const);
  if (answer.kind === "unavailable")
    throw new Error("the journal takes nothing at the moment; replay again later");
  writer.act(() => {
    const { database } = journal;
    if (answer.kind === "accepted")
      database.query("UPDATE quarantine SET replayed_at_ms = ? WHERE id = ?").run(clock.nowMs(), id);
    // Refused once more, it was also quarantined once more: one piece stays one piece.
    else database.query("DELETE FROM quarantine WHERE id > ?").run(newestBefore);
  });
  context.post({ ...message, accepted: new Float64Array(0), answers: [] });
  return answer.kind === "accepted" ? { kind: "accepted" } : { kind: "refused", error: answer.error };
}

function newestPiece(journal: Journal): number {
  return (
    journal.database.query<{ id: number | null }, []>("SELECT max(id) AS id FROM quarantine").get()?.id ?? 0
  );
}

/**
 * An event that came without a messageId gets one that names its piece: a stop between taking it and marking the piece
 * would otherwise let it in twice. The rest stays as it came, whatever is wrong with it.
 */
function identified(body: Uint8Array, messageId: string): Uint8Array {
  const text = Buffer.from(body).toString("utf8");
  // What is no UTF-8 would be made some.
  const value = Buffer.from(text).equals(body) ? parsed(text) : null;
  if (typeof value !== "object" || value === null || Array.isArray(value) || "batch" in value) return body;
  if (!("messageId" in value))
    return Object.keys(value).length === 0
      ? body
      : Buffer.from(text.replace("{", () => `{"messageId":${JSON.stringify(messageId)},`));
  if (value.messageId !== null && value.messageId !== "") return body;
  return Buffer.from(JSON.stringify({ ...value, messageId }));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/** The call of one event out of a batch stands in its own `type`. */
function typeOfBody(body: Uint8Array): EventType | "batch" {
  const value = parsed(Buffer.from(body).toString("utf8"));
  const isEvent = typeof value === "object" && value !== null && "type" in value && !("batch" in value);
  // Not JSON at all: judged again as what it was sent as.
  return isEvent ? (value.type as EventType) : "batch";
}

/**
 * Takes deleted text out of both files: SQLite's pages and write-ahead log, LMDB's freed pages. `secure_delete` clears
 * freed cells and pages, but where SQLite shifts rows between pages a copy can stay in the unused part of one, so the
 * journal is written anew; the writer waits for that (about 6 s a GB), and a very large one is left alone.
 */
async function compact(context: ControlContext): Promise<boolean> {
  const { journal } = context;
  if (journal.bytes() <= maxRewrittenBytes) journal.rewrite();
  else
    context.post({
      kind: "notice",
      level: "warn",
      message:
        "the journal is too large to be written anew while it is in use: unused parts of its pages may still hold erased text; a backup, restored, holds none",
    });
  for (let attempt = 1; !journal.truncateLog(); attempt += 1) {
    if (attempt >= truncateAttempts)
      throw new Error("the write-ahead log is being read and could not be emptied; compact again");
    await Bun.sleep(truncatePauseMs);
  }
  await context.moveProfiles();
  return true;
}
