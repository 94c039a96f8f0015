/**
 * The writer: the one thread that changes anything. It takes what has come in as one group and, in this order,
 *   judges and folds it in memory → appends events and changes in one SQLite transaction, on disk when it returns →
 *   puts the changed profiles and the watermark into LMDB → answers.
 * A failed transaction discards the folded state; a failed LMDB write leaves the journal right, so the writer goes
 * on in mode `appending`: rows wait unfolded (pid NULL) until a rebuilt folder is adopted and caught up.
 */
import { join } from "node:path";
import { errorText } from "../lib/describeError.ts";
import type { Definitions } from "../model/definition.ts";
import type { TrackingPlan } from "../model/planCheck.ts";
import type { Answer, Judged, Verdict } from "./accept.ts";
import { foldWaiting } from "./catchUp.ts";
import { copyProfiles } from "./copyProfiles.ts";
import { syncFile } from "./folder.ts";
import { commitFolded, openFolded, problemOf, restoreMap, type Folded } from "./folded.ts";
import { FoldFailed, Group } from "./group.ts";
import type { HotProfiles } from "./hot.ts";
import type { Journal } from "./journal.ts";
import type { GroupMessage, WriterCounts, WriterMode } from "./messages.ts";
import { JournalFailed, judgeSafely, unstored } from "./judging.ts";
import { LimitNotice } from "./limitNotice.ts";
import { passTime, type TimeContext } from "./passTime.ts";
import type { QueuedFrame, WriterOptions } from "./writerOptions.ts";
import { QuarantineBound } from "./quarantineBound.ts";
import type { SplitContext } from "./split.ts";
import { Refolds } from "./refolds.ts";
import { bodyBytes } from "./row.ts";
import { Splits } from "./splits.ts";
import { readEpochs } from "./segmentEpochs.ts";
import { classifyWriteFailure } from "./sqlite.ts";
import { WriterTally } from "./writerTally.ts";

export class Writer {
  readonly #options: WriterOptions;
  readonly #journal: Journal;
  #profiles: Folded | null = null;
  #definitions: Definitions;
  #plan: TrackingPlan | null;
  #head: number;
  /** The last group found the disk full. */
  #isFull = false;
  readonly #refolds = new Refolds();
  readonly #tally = new WriterTally();
  readonly #quarantine: QuarantineBound;
  readonly #limits: LimitNotice;
  readonly splits: Splits;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#journal = options.journal;
    this.#definitions = options.definitions;
    this.#plan = options.plan;
    this.#head = options.journal.head();
    this.#quarantine = new QuarantineBound(options.journal, options.notice);
    this.splits = new Splits(options.journal);
    this.#limits = new LimitNotice(options.notice, options.clock, options.journal.id);
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
    return this.#tally.counts;
  }

  get profilesFolder(): string | null {
    return this.#profiles?.store.folder ?? null;
  }

  /** Takes a profile folder into use; `catchUp()` must then be called until it says done. */
  adopt(folder: string): void {
    this.#profiles = openFolded(folder, this.#options.hotProfiles, this.#definitions);
    this.#profiles.projector.forbidden = this.splits.forbidden;
  }

  /** Why the adopted folder can't be caught up from here; null if it can. */
  profilesProblem(): string | null {
    return this.#profiles === null ? null : problemOf(this.#profiles, this.#journal.id, this.#head);
  }

  /** A copy of the profiles in another folder; nothing deleted is left in it. */
  async copyProfiles(folder: string): Promise<void> {
    if (this.#profiles !== null) await copyProfiles(this.#profiles.store, folder);
  }

  /** Lets go of the profile folder: only the journal is written from here on. */
  async abandonProfiles(): Promise<void> {
    const folded = this.#profiles;
    this.#profiles = null;
    this.#refolds.restart();
    await folded?.store.close();
  }

  /** From the next group on. */
  usePlan(plan: TrackingPlan | null): void {
    this.#plan = plan;
  }

  /** Takes profiles of other rules in place of those in use, which are given back; `next` has seen all that they have. */
  exchange(next: Folded): Folded {
    const former = this.#profiles;
    if (former?.caughtUp !== true || next.watermark !== this.#head)
      throw new Error("profiles can be exchanged only for others that have seen the same");
    this.#profiles = next;
    this.#definitions = next.definitions;
    this.#refolds.restart();
    return former;
  }

  /** Folds a slice of rows that LMDB has not seen. True when it has seen all; throws ReplayNotPossible when only a rebuild helps. */
  catchUp(maxRows: number): boolean {
    const folded = this.#profiles;
    if (folded === null) return false;
    if (folded.caughtUp) return true;
    const rows = this.#journal.rowsAfter(folded.watermark, maxRows);
    const last = rows.at(-1);
    if (last !== undefined) {
      const passed = foldWaiting(rows, {
        ...folded,
        journal: this.#journal,
        epochs: readEpochs(this.#journal),
        restore: this.#options.restore,
        committedAtMs: this.#options.clock.nowMs(),
        nextSeq: () => this.nextSeq(),
        transaction: (work) => this.#transaction(folded.hot, work),
      });
      for (const why of passed) this.#foldFailed(why);
      this.#tally.quarantined(passed.length);
      this.#options.crash("afterCatchUpCommit");
      this.#commitProfiles(folded, last.seq, bodyBytes(rows));
    }
    folded.caughtUp = folded.watermark >= this.#head;
    return folded.caughtUp;
  }

  #foldFailed(why: string, what = "an event could not be folded and was passed"): void {
    this.#tally.foldFailed();
    this.#options.notice("error", `${what}: ${why}`);
  }

  #timeContext({ hot, memberships }: Folded, committedAtMs: number): TimeContext {
    const onBroken = (error: unknown) => this.#foldFailed(errorText(error), "segments could not be decided");
    const nextSeq = () => this.nextSeq();
    return { journal: this.#journal, hot, memberships, nextSeq, committedAtMs, onBroken };
  }

  /** Takes a group of frames through all its steps. Throws JournalFailed when the disk lies. */
  run(queue: readonly QueuedFrame[]): GroupMessage {
    const { clock } = this.#options;
    const startedMs = clock.monotonicMs();
    const verdicts = queue.map(({ frame }) => judgeSafely(frame, this.#options));
    const committedAtMs = clock.nowMs();
    const skip = new Set<Judged>();
    for (;;) {
      try {
        const done = this.#commitGroup(queue, verdicts, skip, startedMs, committedAtMs);
        this.#isFull = false;
        return done;
      } catch (error) {
        if (error instanceof FoldFailed) {
          // The half-folded state is discarded with the transaction; the group runs again without that fold.
          skip.add(error.judged);
          this.#foldFailed(error.message);
          continue;
        }
        return this.#refuseGroup(queue, error);
      }
    }
  }

  /** Runs one act of the journal's own in a transaction, then brings LMDB after it. Discards the folded state if it fails. */
  act<T>(work: (folded: Folded | null) => T): T {
    const folded = this.#profiles;
    const { crash } = this.#options;
    const value = this.#transaction(folded?.hot ?? null, () => {
      const result = work(folded);
      crash("beforeActCommit");
      return result;
    });
    crash("afterActCommit");
    if (folded?.caughtUp === true) this.#commitProfiles(folded, this.#head, 0);
    return value;
  }

  /** Seq for the next row; only inside `act`. */
  nextSeq(): number {
    this.#head += 1;
    return this.#head;
  }

  /** The profiles in use; null while there are none that have seen all. */
  get inUse(): Folded | null {
    return this.#profiles?.caughtUp === true ? this.#profiles : null;
  }

  /** Tells what fell due by now, a bounded number of profiles; false if nothing did. Throws when it can't be stored. */
  passTime(): boolean {
    const folded = this.inUse;
    const committedAtMs = this.#options.clock.nowMs();
    if (folded === null || folded.nextDueMs === null || folded.nextDueMs > committedAtMs) return false;
    const takenBytes = this.#transaction(folded.hot, () => {
      const bytes = passTime(folded.store, this.#timeContext(folded, committedAtMs));
      this.#options.crash("beforeTimeCommit");
      return bytes;
    });
    this.#options.crash("afterTimeCommit");
    this.#commitProfiles(folded, this.#head, takenBytes);
    return true;
  }

  /** A slice of attributing anew what late links left open; true if there was something to do. */
  settle(): boolean {
    const context = this.refoldContext;
    const act = (work: () => void) => {
      this.act(work);
      this.splits.reload();
    };
    return context !== null && this.#refolds.settle(context, act);
  }

  /** Forgets what was gathered for a re-attribution, since rows may have changed; it begins anew. */
  restartRefold(): void {
    this.#refolds.restart();
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

  /** What works on profiles between groups; null while they are rebuilt. */
  get refoldContext(): SplitContext | null {
    const folded = this.#profiles;
    const { restore, clock, journal } = this.#options;
    if (folded?.caughtUp !== true) return null;
    return { ...folded, journal, restore, nextSeq: () => this.nextSeq(), committedAtMs: clock.nowMs() };
  }

  #commitGroup(
    queue: readonly QueuedFrame[],
    verdicts: readonly Verdict[],
    skip: Set<Judged>,
    startedMs: number,
    committedAtMs: number,
  ): GroupMessage {
    const folded = this.#profiles?.caughtUp === true ? this.#profiles : null;
    const { clock, crash, journal, messageIds } = this.#options;
    const headBefore = this.#head;
    const accepted: number[] = [];
    const answers: (readonly [number, Answer])[] = [];
    const group = new Group({
      journal,
      messageIds,
      folded,
      plan: this.#plan,
      consent: this.#definitions.consent,
      traitRules: this.#definitions,
      skip,
      nextSeq: () => this.nextSeq(),
      committedAtMs,
      onOverLimit: (pid, beyond) => this.#limits.note(pid, beyond),
      time: folded && this.#timeContext(folded, committedAtMs),
    });
    let foldedMs = 0;
    this.#transaction(folded?.hot ?? null, () => {
      for (let at = 0; at < queue.length; at += 1) {
        const queued = queue[at];
        const verdict = verdicts[at];
        if (queued === undefined || verdict === undefined) continue;
        const answer = group.take(queued.frame, verdict);
        if (answer === null) accepted.push(queued.id);
        else answers.push([queued.id, answer]);
      }
      group.finish();
      foldedMs = clock.monotonicMs();
      crash("beforeJournalCommit");
    });
    crash("afterJournalCommit");
    const committedMs = clock.monotonicMs();
    if (folded !== null && this.#head > headBefore)
      this.#commitProfiles(
        folded,
        this.#head,
        queue.reduce((sum, { frame }) => sum + frame.body.length, 0),
      );
    crash("beforeAnswer");
    this.#tally.group(group.tally, {
      foldMs: foldedMs - startedMs,
      commitMs: committedMs - foldedMs,
      profilesMs: clock.monotonicMs() - committedMs,
    });
    this.#quarantine.grewBy(group.tally.quarantined);
    return this.#message(accepted, answers, committedAtMs);
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

  #commitProfiles(folded: Folded, watermark: number, takenBytes: number): void {
    this.#options.crash("beforeProfilesCommit");
    try {
      const pids = commitFolded(folded, this.#journal.id, watermark, takenBytes);
      for (const pid of pids) this.#changedPids.push(pid);
    } catch (error) {
      // The journal has it; the profiles do not. They are rebuilt beside the running service.
      this.#options.notice("error", `profiles can't be written and will be rebuilt: ${errorText(error)}`);
      folded.hot.discard();
      folded.caughtUp = false;
      this.profilesFailed = errorText(error);
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
    if (classifyWriteFailure(error) === "io") throw new JournalFailed(errorText(error));
    // Once is enough while the disk is full: the log may lie on it.
    if (!this.#isFull)
      this.#options.notice("error", `requests can't be stored and are refused: ${errorText(error)}`);
    const answer = unstored(error);
    this.#isFull = answer.code === "disk_full";
    const answers = queue.map(({ id }) => [id, answer] as const);
    return this.#message([], answers, this.#options.clock.nowMs());
  }
}
