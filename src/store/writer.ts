/**
 * The writer: the one thread that changes anything. It takes what has come in as one group and, in this order,
 *   judges and folds it in memory → appends events and changes in one SQLite transaction, on disk when it returns →
 *   puts the changed profiles and the watermark into LMDB → answers.
 * A failed transaction discards the folded state; a failed LMDB write leaves the journal right, so the writer goes
 * on in mode `appending`: rows wait unfolded (pid NULL) until a rebuilt folder is adopted and caught up.
 */
import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import type { CrashPoint } from "../lib/crashPoint.ts";
import type { Ids } from "../lib/id.ts";
import { eventError } from "../errors.ts";
import type { Answer, Frame, Judge, Judged, Rejected, Restore, Verdict } from "./accept.ts";
import { CatchUp } from "./catchUp.ts";
import { syncFile } from "./folder.ts";
import { HotProfiles } from "./hot.ts";
import type { Journal } from "./journal.ts";
import { openProfileStore, profilesFormat, type ProfileStore } from "./lmdb.ts";
import type { GroupMessage, WriterCounts, WriterMode } from "./messages.ts";
import type { MessageIds } from "./messageIds.ts";
import { Projector } from "./projector.ts";
import { Refold, type RefoldContext } from "./refold.ts";
import { checksumOf, flagsOf, rowFlags, rowKind } from "./row.ts";
import { classifyWriteFailure } from "./sqlite.ts";

export interface WriterOptions {
  readonly journal: Journal;
  readonly messageIds: MessageIds;
  readonly judge: Judge;
  readonly restore: Restore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly hotProfiles: number;
  readonly crash: CrashPoint;
  readonly notice: (level: "info" | "warn" | "error", message: string) => void;
}

/** A frame waiting for its group. */
export interface QueuedFrame {
  readonly id: number;
  readonly frame: Frame;
}

/** The journal can't be trusted any more (a failed fsync or I/O error): the process must end with exit code 74. */
export class JournalFailed extends Error {}

/** A longer tail is rebuilt beside the service instead of being caught up before it starts. */
const maxTailRows = 100_000;

/** Journal rows that a re-attribution reads between two groups. */
const refoldRows = 500;

/** Quarantine is trimmed once in this many refused pieces. */
const trimEvery = 1_000;

export class Writer {
  readonly #options: WriterOptions;
  readonly #journal: Journal;
  #profiles: Folded | null = null;
  #head: number;
  #refusedSinceTrim = 0;
  #refold: Refold | null = null;
  readonly #counts = {
    accepted: 0,
    repeated: 0,
    quarantined: 0,
    foldFailed: 0,
    groups: 0,
    commitMs: 0,
    profilesMs: 0,
    foldMs: 0,
  };

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#journal = options.journal;
    this.#head = options.journal.head();
  }

  get mode(): WriterMode {
    return this.#profiles?.caughtUp === true ? "live" : "appending";
  }

  get head(): number {
    return this.#head;
  }

  /** Newest seq whose effect readers may see; 0 while there are no profiles. */
  get visible(): number {
    return this.#profiles?.watermark ?? 0;
  }

  get journal(): Journal {
    return this.#journal;
  }

  get counts(): WriterCounts {
    return { ...this.#counts };
  }

  get profilesFolder(): string | null {
    return this.#profiles?.store.folder ?? null;
  }

  /** Takes a profile folder into use; `catchUp()` must then be called until it says done. */
  adopt(folder: string): void {
    const store = openProfileStore(folder, { readOnly: false });
    const meta = store.readMeta();
    const hot = new HotProfiles(store, this.#options.hotProfiles);
    const projector = new Projector(hot);
    restoreMap(projector.pendingRefolds, meta?.pendingRefolds ?? []);
    this.#profiles = { store, hot, projector, watermark: meta?.watermark ?? 0, caughtUp: false };
  }

  /** Why the adopted folder can't be caught up from here; null if it can. */
  profilesProblem(): string | null {
    const meta = this.#profiles?.store.readMeta() ?? null;
    if (meta === null) return "the profiles are missing or unfinished";
    if (meta.format !== profilesFormat) return "the profiles have another format";
    if (meta.journalId !== this.#journal.id) return "the profiles belong to another journal";
    if (meta.watermark > this.#head) return "the profiles are ahead of the journal";
    return this.#head - meta.watermark > maxTailRows ? "the profiles are far behind the journal" : null;
  }

  /** A compact copy of the profiles in another folder. */
  async copyProfiles(folder: string): Promise<void> {
    await this.#profiles?.store.copyTo(folder);
  }

  /** Lets go of the profile folder: only the journal is written from here on. */
  async abandonProfiles(): Promise<void> {
    const folded = this.#profiles;
    this.#profiles = null;
    this.#refold = null;
    await folded?.store.close();
  }

  /** Folds a slice of rows that LMDB has not seen. True when it has seen all; throws ReplayNotPossible when only a rebuild helps. */
  catchUp(maxRows: number): boolean {
    const folded = this.#profiles;
    if (folded === null) return false;
    if (folded.caughtUp) return true;
    const { hot, projector } = folded;
    const step = new CatchUp(this.#journal, projector, this.#options.restore);
    const rows = this.#journal.rowsAfter(folded.watermark, maxRows);
    const last = rows.at(-1);
    if (last !== undefined) {
      this.#transaction(hot, () => step.fold(rows));
      this.#commitProfiles(folded, last.seq);
    }
    folded.caughtUp = folded.watermark >= this.#head;
    return folded.caughtUp;
  }

  /** Takes a group of frames through all its steps. Throws JournalFailed when the disk lies. */
  run(queue: readonly QueuedFrame[]): GroupMessage {
    const { judge, ids, clock } = this.#options;
    const startedMs = clock.monotonicMs();
    const verdicts = queue.map(({ frame }) => judge(frame, () => ids.uuid()));
    const committedAtMs = clock.nowMs();
    const skip = new Set<Judged>();
    for (;;) {
      try {
        return this.#commitGroup(queue, verdicts, skip, startedMs, committedAtMs);
      } catch (error) {
        if (error instanceof FoldFailed) {
          // The half-folded state is discarded with the transaction; the group runs again without that fold.
          skip.add(error.judged);
          this.#counts.foldFailed += 1;
          this.#options.notice("error", `an event could not be folded and was passed: ${error.message}`);
          continue;
        }
        return this.#refuseGroup(queue, error);
      }
    }
  }

  /** Runs one act of the journal's own in a transaction, then brings LMDB after it. Discards the folded state if it fails. */
  act<T>(work: (folded: Folded | null) => T): T {
    const folded = this.#profiles;
    const value = this.#transaction(folded?.hot ?? null, () => work(folded));
    if (folded?.caughtUp === true) this.#commitProfiles(folded, this.#head);
    return value;
  }

  /** Seq for the next row; only inside `act`. */
  nextSeq(): number {
    this.#head += 1;
    return this.#head;
  }

  /** A slice of attributing anew what late links left open; true if there was something to do. */
  settle(): boolean {
    const folded = this.#profiles;
    if (folded === null || !folded.caughtUp) return false;
    const { pendingRefolds } = folded.projector;
    if (this.#refold === null) {
      const next = pendingRefolds.entries().next();
      if (next.done === true) return false;
      this.#refold = new Refold(next.value[0], next.value[1]);
    }
    const refold = this.#refold;
    const context = this.#refoldContext(folded);
    if (!refold.gather(refoldRows, context)) return true;
    this.#refold = null;
    this.act(() => {
      refold.finish(context);
      pendingRefolds.delete(refold.anonymousKey);
    });
    return true;
  }

  /** Forgets what was gathered for a re-attribution, since an erasure may have removed it; it begins anew. */
  restartRefold(): void {
    this.#refold = null;
  }

  /** What readers must hear after `act`, `settle` or `catchUp`. */
  announce(): GroupMessage {
    return this.#message([], [], this.#options.clock.nowMs());
  }

  /** Puts what LMDB holds on disk; before the folder is marked as left in order. */
  syncProfiles(): void {
    if (this.#profiles !== null) syncFile(join(this.#profiles.store.folder, "data.mdb"));
  }

  /** Closes LMDB; the journal belongs to the caller. */
  async close(): Promise<void> {
    this.syncProfiles();
    await this.abandonProfiles();
  }

  #refoldContext(folded: Folded): RefoldContext {
    const { restore, clock } = this.#options;
    return {
      journal: this.#journal,
      projector: folded.projector,
      hot: folded.hot,
      restore,
      nextSeq: () => this.nextSeq(),
      committedAtMs: clock.nowMs(),
    };
  }

  #commitGroup(
    queue: readonly QueuedFrame[],
    verdicts: readonly Verdict[],
    skip: Set<Judged>,
    startedMs: number,
    committedAtMs: number,
  ): GroupMessage {
    const folded = this.#profiles?.caughtUp === true ? this.#profiles : null;
    const { clock, crash } = this.#options;
    const headBefore = this.#head;
    const accepted: number[] = [];
    const answers: (readonly [number, Answer])[] = [];
    const tally = { accepted: 0, repeated: 0, quarantined: 0 };
    let foldedMs = 0;
    this.#transaction(folded?.hot ?? null, () => {
      for (let at = 0; at < queue.length; at += 1) {
        const queued = queue[at];
        const verdict = verdicts[at];
        if (queued === undefined || verdict === undefined) continue;
        const answer = this.#take(queued.frame, verdict, skip, folded, committedAtMs, tally);
        if (answer === null) accepted.push(queued.id);
        else answers.push([queued.id, answer]);
      }
      foldedMs = clock.monotonicMs();
      crash("beforeJournalCommit");
    });
    crash("afterJournalCommit");
    const committedMs = clock.monotonicMs();
    if (folded !== null && this.#head > headBefore) this.#commitProfiles(folded, this.#head);
    crash("beforeAnswer");
    this.#count(tally, foldedMs - startedMs, committedMs - foldedMs, clock.monotonicMs() - committedMs);
    return this.#message(accepted, answers, committedAtMs);
  }

  /** One frame inside the transaction; null: accepted with nothing to say. */
  #take(
    frame: Frame,
    verdict: Verdict,
    skip: Set<Judged>,
    folded: Folded | null,
    committedAtMs: number,
    tally: Tally,
  ): Answer | null {
    if (verdict.kind === "refused") {
      const quarantineId = this.#quarantine(frame, verdict.error, null, frame.body, tally);
      return {
        kind: "rejected",
        status: verdict.status,
        error: verdict.error,
        rejected: [{ index: 0, messageId: null, quarantineId, error: verdict.error }],
      };
    }
    const rejected: Rejected[] = [];
    for (let index = 0; index < verdict.events.length; index += 1) {
      const judged = verdict.events[index];
      if (judged === undefined) continue;
      if (judged.kind === "event") this.#takeEvent(frame, judged, skip, folded, committedAtMs, tally);
      else
        rejected.push({
          index,
          messageId: judged.messageId,
          quarantineId: this.#quarantine(frame, judged.error, judged.messageId, judged.raw, tally),
          error: judged.error,
        });
    }
    const first = rejected[0];
    if (first === undefined) return null;
    if (rejected.length < verdict.events.length) return { kind: "accepted", rejected };
    return { kind: "rejected", status: 400, error: first.error, rejected };
  }

  #takeEvent(
    frame: Frame,
    judged: Extract<Judged, { kind: "event" }>,
    skip: Set<Judged>,
    folded: Folded | null,
    committedAtMs: number,
    tally: Tally,
  ): void {
    const { event } = judged;
    const source = this.#journal.sourceNumber(event.source);
    const { messageIds } = this.#options;
    if (!judged.minted && messageIds.find(source, event.messageId) !== null) {
      tally.repeated += 1;
      return;
    }
    const seq = this.nextSeq();
    messageIds.add(source, event.messageId, seq);
    tally.accepted += 1;
    let flags = flagsOf(event, frame.lane === "import");
    let pid: number | null = null;
    let prev: number | string | null = null;
    let identifiers: string | null = null;
    let diff: string | null = null;
    let extra = judged.extra;
    if (skip.has(judged)) {
      flags |= rowFlags.foldFailed;
      this.#quarantine(frame, eventError("fold_failed"), event.messageId, judged.raw, tally);
    } else if (folded !== null) {
      const projected = this.#project(folded, judged, seq);
      ({ pid, prev, identifiers, diff } = projected);
      if (projected.refused !== null) extra = withRefused(extra, projected.refused);
    }
    this.#journal.append([
      seq,
      rowKind.event,
      flags,
      source,
      event.name,
      event.messageId,
      event.timestampMs,
      event.receivedAtMs,
      event.index,
      committedAtMs,
      pid,
      prev,
      identifiers,
      diff,
      extra,
      judged.raw,
      checksumOf(seq, judged.raw),
    ]);
  }

  #project(
    folded: Folded,
    judged: Extract<Judged, { kind: "event" }>,
    seq: number,
  ): ReturnType<Projector["project"]> {
    try {
      return folded.projector.project(judged.event, seq);
    } catch (error) {
      throw new FoldFailed(judged, error);
    }
  }

  #quarantine(
    frame: Frame,
    error: ReturnType<typeof eventError>,
    messageId: string | null,
    body: Uint8Array,
    tally: Tally,
  ): string {
    tally.quarantined += 1;
    return `qrn_${this.#journal.quarantine(frame, error, messageId, body)}`;
  }

  /** BEGIN … COMMIT around `work`; on failure everything in memory that belongs to it is taken back. */
  #transaction<T>(hot: HotProfiles | null, work: () => T): T {
    const headBefore = this.#head;
    const pendingBefore = this.#profiles === null ? [] : [...this.#profiles.projector.pendingRefolds];
    try {
      this.#journal.begin();
      const value = work();
      this.#journal.commit();
      this.#options.messageIds.commit();
      return value;
    } catch (error) {
      this.#journal.rollback();
      this.#options.messageIds.rollback();
      this.#head = headBefore;
      hot?.discard();
      if (this.#profiles !== null) restoreMap(this.#profiles.projector.pendingRefolds, pendingBefore);
      throw error;
    }
  }

  #commitProfiles(folded: Folded, watermark: number): void {
    const changed = folded.hot.changed();
    try {
      this.#options.crash("beforeProfilesCommit");
      folded.store.commit(
        folded.hot.batch({
          format: profilesFormat,
          journalId: this.#journal.id,
          watermark,
          pendingRefolds: [...folded.projector.pendingRefolds],
        }),
      );
      folded.hot.settled();
      folded.watermark = watermark;
      for (const pid of changed.pids) this.#changedPids.push(pid);
    } catch (error) {
      // The journal has it; the profiles do not. They are rebuilt beside the running service.
      this.#options.notice("error", `profiles can't be written and will be rebuilt: ${describe(error)}`);
      folded.hot.discard();
      folded.caughtUp = false;
      this.profilesFailed = describe(error);
    }
    this.#options.crash("afterProfilesCommit");
  }

  /** Why profiles can't be written; the owner starts a rebuild and clears it. */
  profilesFailed: string | null = null;

  /** Frames messages taken in so far; told with every group, so that the sender knows when to send more. */
  received = 0;

  #changedPids: number[] = [];

  #message(
    accepted: readonly number[],
    answers: readonly (readonly [number, Answer])[],
    committedAtMs: number,
  ): GroupMessage {
    const message: GroupMessage = {
      kind: "group",
      mode: this.mode,
      accepted: Float64Array.from(accepted),
      answers,
      visible: this.visible,
      head: this.#head,
      changedPids: Float64Array.from(this.#changedPids),
      received: this.received,
      counts: this.counts,
      committedAtMs,
    };
    this.#changedPids = [];
    return message;
  }

  #refuseGroup(queue: readonly QueuedFrame[], error: unknown): GroupMessage {
    const failure = classifyWriteFailure(error);
    if (failure === "io") throw new JournalFailed(describe(error));
    this.#options.notice(
      "error",
      `a group of ${queue.length} requests could not be stored: ${describe(error)}`,
    );
    const answer: Answer = {
      kind: "unavailable",
      code: failure === "full" ? "disk_full" : "overloaded",
      retryAfterSeconds: 5,
    };
    return this.#message(
      [],
      queue.map(({ id }) => [id, answer] as const),
      this.#options.clock.nowMs(),
    );
  }

  #count(tally: Tally, foldMs: number, commitMs: number, profilesMs: number): void {
    const counts = this.#counts;
    counts.accepted += tally.accepted;
    counts.repeated += tally.repeated;
    counts.quarantined += tally.quarantined;
    counts.groups += 1;
    counts.foldMs += foldMs;
    counts.commitMs += commitMs;
    counts.profilesMs += profilesMs;
    this.#refusedSinceTrim += tally.quarantined;
    if (this.#refusedSinceTrim < trimEvery) return;
    this.#refusedSinceTrim = 0;
    const dropped = this.#journal.trimQuarantine();
    if (dropped > 0)
      this.#options.notice("warn", `the quarantine is full: its ${dropped} oldest entries were dropped`);
  }
}

/** The folded side of the writer: LMDB, the hot set over it, and how far it has come. */
export interface Folded {
  readonly store: ProfileStore;
  readonly hot: HotProfiles;
  readonly projector: Projector;
  watermark: number;
  caughtUp: boolean;
}

interface Tally {
  accepted: number;
  repeated: number;
  quarantined: number;
}

class FoldFailed extends Error {
  readonly judged: Judged;

  constructor(judged: Judged, cause: unknown) {
    super(describe(cause));
    this.judged = judged;
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function withRefused(extra: string | null, refused: readonly string[]): string {
  const facts = extra === null ? {} : (JSON.parse(extra) as Record<string, unknown>);
  return JSON.stringify({ ...facts, refused });
}

function restoreMap<K, V>(map: Map<K, V>, entries: Iterable<readonly [K, V]>): void {
  map.clear();
  for (const [key, value] of entries) map.set(key, value);
}
