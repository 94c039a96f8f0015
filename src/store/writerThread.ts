/**
 * The writer thread's loop: collects what arrives while a group is on its way to disk, and takes it as the next
 * group. Live frames go before imports; between groups it runs the journal's own acts, folds rows that waited, and
 * re-attributes what late links left open.
 */
import { crashAt, noCrash, type CrashPoint } from "../lib/crashPoint.ts";
import { errorText } from "../lib/describeError.ts";
import type { Ids } from "../lib/id.ts";
import type { Judge, Restore } from "./accept.ts";
import { ReplayNotPossible } from "./catchUp.ts";
import { runControl, type ControlContext } from "./control.ts";
import { DueAlarm, type DueAlarmDeps } from "./dueAlarm.ts";
import { framesIn } from "./framesIn.ts";
import { folderPaths, nextProfilesName, removeStrayProfiles } from "./folder.ts";
import { refusalOf } from "./folderRefused.ts";
import { Journal } from "./journal.ts";
import { listKeys } from "./keys.ts";
import { type FrameContext, type FramesMessage, type ToWriter, type WriterSettings } from "./messages.ts";
import { openMessageIds } from "./dedup/openMessageIds.ts";
import { RulesExchange } from "./rulesExchange.ts";
import { classifyWriteFailure } from "./sqlite.ts";
import { definitionsWith } from "./segmentLists.ts";
import { readUntold } from "./untold.ts";
import { rulesOfLastRun, usePlan, useRules } from "./usedDefinitions.ts";
import { JournalFailed } from "./judging.ts";
import { Writer } from "./writer.ts";
import type { QueuedFrame } from "./writerOptions.ts";

export interface WriterThreadDeps extends DueAlarmDeps {
  readonly judge: Judge;
  readonly restore: Restore;
  readonly ids: Ids;
  /** In place of the hidden setting; for tests on one thread. */
  readonly crash?: CrashPoint;
  /** Runs `turn` once what has arrived by now is received. */
  readonly schedule: (turn: () => void) => void;
}

const maxGroupFrames = 512;
const maxGroupBytes = 2 * 1024 * 1024;
/** One group in so many is an import while live frames wait, so that imports are slow, not starved. */
const importShare = 8;
const catchUpRows = 500;
/** Under steady traffic, one slice of re-attribution in so many groups. */
const settleShare = 8;

export class WriterThread {
  readonly #deps: WriterThreadDeps;
  readonly #contexts: FrameContext[] = [];
  readonly #live: QueuedFrame[] = [];
  readonly #imports: QueuedFrame[] = [];
  readonly #acts: { readonly id: number; readonly run: () => unknown }[] = [];
  #writer: Writer | null = null;
  #folder = "";
  #messageIds: ReturnType<typeof openMessageIds> | null = null;
  #rules: RulesExchange | null = null;
  #scheduled = false;
  #busy = false;
  #closing = false;
  #groups = 0;
  readonly #alarm: DueAlarm;
  #crash: CrashPoint = noCrash;

  constructor(deps: WriterThreadDeps) {
    this.#deps = deps;
    this.#alarm = new DueAlarm(deps, () => this.#wake());
  }

  receive(message: ToWriter): void {
    switch (message.kind) {
      case "open":
        this.#open(message.settings);
        return;
      case "context":
        this.#contexts[message.index] = message.context;
        return;
      case "frames":
        if (this.#writer !== null) this.#writer.received += 1;
        this.#enqueue(message);
        break;
      case "control":
        this.#acts.push({ id: message.id, run: () => this.#control(message.request) });
        break;
      case "takeRules":
        this.#acts.push({ id: -1, run: () => this.#rules?.prepare(message.folder, message.rules) });
        break;
      case "adopt":
        this.#acts.push({ id: -1, run: () => this.#adopt(message.folder) });
        break;
      case "close":
        this.#closing = true;
        break;
    }
    this.#wake();
  }

  #enqueue(message: FramesMessage): void {
    for (const queued of framesIn(message, this.#contexts))
      (queued.frame.lane === "import" ? this.#imports : this.#live).push(queued);
  }

  #wake(): void {
    if (this.#scheduled || this.#busy) return;
    this.#scheduled = true;
    this.#deps.schedule(() => {
      this.#scheduled = false;
      this.#turn().catch((error: unknown) => this.#fail(error));
    });
  }

  async #turn(): Promise<void> {
    if (this.#writer === null) return;
    this.#busy = true;
    const more = await this.#step(this.#writer);
    this.#busy = false;
    if (more) this.#wake();
    else this.#alarm.set(this.#closing ? null : (this.#writer?.inUse?.nextDueMs ?? null));
  }

  /** The journal can't be trusted, or our own code broke: the process must end, and says why. */
  #fail(error: unknown): void {
    const exitCode = error instanceof JournalFailed || classifyWriteFailure(error) === "io" ? 74 : 1;
    this.#deps.post({
      kind: "fatal",
      exitCode,
      message: error instanceof JournalFailed ? error.message : errorText(error),
    });
  }

  /** One piece of work; true if there may be more. */
  async #step(writer: Writer): Promise<boolean> {
    const act = this.#acts.shift();
    if (act !== undefined) {
      await this.#runAct(act);
      return true;
    }
    const hasPassed = !this.#closing && this.#alarm.pass(writer);
    const group = this.#nextGroup();
    if (group.length > 0) {
      this.#deps.post(writer.run(group));
      this.#messageIds?.tend();
    }
    if (hasPassed || group.length > 0) {
      await this.#afterGroup(writer);
      return true;
    }
    if (writer.mode === "appending" && writer.profilesFolder !== null && writer.profilesFailed === null)
      return this.#catchUp(writer);
    if (await this.#rules?.advance()) return true;
    if (this.#rules?.holdsLinks !== true && writer.settle()) {
      this.#deps.post(writer.announce());
      return true;
    }
    if (this.#closing) await this.#close(writer);
    return false;
  }

  async #afterGroup(writer: Writer): Promise<void> {
    await this.#rules?.advance();
    if (writer.profilesFailed !== null) {
      const why = writer.profilesFailed;
      writer.profilesFailed = null;
      this.#acts.push({ id: -1, run: () => this.#startRebuild(why) });
    } else if (writer.mode === "appending" && writer.profilesFolder !== null) {
      // While live traffic goes on, waiting rows are folded a slice at a time, faster than new ones come.
      this.#catchUp(writer);
    } else if (this.#groups % settleShare === 0 && this.#rules?.holdsLinks !== true && writer.settle()) {
      // Otherwise readers would not hear of it before the next group.
      this.#deps.post(writer.announce());
    }
  }

  #nextGroup(): QueuedFrame[] {
    this.#groups += 1;
    const importsFirst =
      this.#imports.length > 0 && (this.#live.length === 0 || this.#groups % importShare === 0);
    return takeGroup(importsFirst ? this.#imports : this.#live);
  }

  async #runAct(act: { readonly id: number; readonly run: () => unknown }): Promise<void> {
    try {
      const value = await act.run();
      if (act.id >= 0) this.#deps.post({ kind: "result", id: act.id, value });
    } catch (error) {
      if (error instanceof JournalFailed || classifyWriteFailure(error) === "io") throw error;
      const message = error instanceof Error ? error.message : String(error);
      if (act.id >= 0) this.#deps.post({ kind: "failed", id: act.id, message });
      else this.#deps.post({ kind: "notice", level: "error", message: errorText(error) });
    }
  }

  #control(request: Parameters<typeof runControl>[1]): unknown {
    const writer = this.#writer;
    if (writer === null || this.#messageIds === null) throw new Error("the writer is not open");
    const context: ControlContext = {
      writer,
      journal: writer.journal,
      messageIds: this.#messageIds,
      clock: this.#deps.clock,
      restore: this.#deps.restore,
      post: this.#deps.post,
      rules: this.#rules,
      startRebuild: (why) => this.#startRebuild(why),
      moveProfiles: () => this.#moveProfiles(),
    };
    return runControl(context, request);
  }

  #open(settings: WriterSettings): void {
    const { post, ids, clock } = this.#deps;
    this.#folder = settings.folder;
    const notice = (level: "info" | "warn" | "error", message: string) =>
      post({ kind: "notice", level, message });
    let rebuildFrom: string | null = null;
    this.#crash = this.#deps.crash ?? (settings.crashAt === null ? noCrash : crashAt(settings.crashAt));
    try {
      const journal = new Journal(folderPaths(settings.folder).journal, ids);
      this.#messageIds = openMessageIds(folderPaths(settings.folder).messageIds, journal, notice);
      const rules =
        (settings.keepsRules === true ? rulesOfLastRun(journal, settings.rules, settings.lists) : null) ??
        useRules(journal, settings.rules, clock.nowMs(), settings.lists);
      const writer = new Writer({
        journal,
        messageIds: this.#messageIds,
        judge: this.#deps.judge,
        restore: this.#deps.restore,
        definitions: definitionsWith(journal, rules),
        plan: usePlan(journal, settings.plan),
        clock,
        ids,
        hotProfiles: settings.hotProfiles,
        crash: this.#crash,
        notice,
      });
      this.#writer = writer;
      this.#rules = new RulesExchange({
        writer,
        folder: this.#folder,
        restore: this.#deps.restore,
        hotProfiles: settings.hotProfiles,
        clock,
        crash: this.#crash,
        post,
      });
      rebuildFrom = this.#openProfiles(writer, settings.profilesTrusted);
      const { profilesFolder } = writer;
      post({
        kind: "opened",
        journalId: journal.id,
        epoch: journal.epoch,
        head: writer.head,
        visible: writer.visible,
        profilesFolder: writer.mode === "live" ? profilesFolder : null,
        keys: listKeys(journal),
        rules,
        rebuildFrom,
        untold: this.#rules.untold(),
      });
      if (rebuildFrom !== null) this.#acts.push({ id: -1, run: () => this.#startRebuild(rebuildFrom ?? "") });
      this.#wake();
    } catch (error) {
      const { reason, message } = refusalOf(error);
      post({ kind: "openFailed", reason, message });
    }
  }

  /** Takes the profile folder into use if it can be trusted and caught up; else says why a rebuild is needed. */
  #openProfiles(writer: Writer, trusted: boolean): string | null {
    const name = writer.journal.getMeta("profilesFolder");
    // Profiles of no event are made anew, under the same name.
    removeStrayProfiles(
      this.#folder,
      trusted && writer.head > 0 ? [name, readUntold(writer.journal)?.folder ?? null] : [],
    );
    if (writer.head === 0) {
      this.#useFresh(writer);
      return null;
    }
    if (name === null) return "there are no profiles yet";
    if (!trusted) return "the profiles may have lost writes (the machine stopped, or a check failed)";
    const folder = folderPaths(this.#folder).profiles(name);
    try {
      writer.adopt(folder);
    } catch (error) {
      return `the profiles can't be opened: ${errorText(error)}`;
    }
    const problem = writer.profilesProblem();
    if (problem !== null) return problem;
    try {
      while (!writer.catchUp(catchUpRows)) continue;
      return null;
    } catch (error) {
      if (error instanceof ReplayNotPossible) return error.message;
      throw error;
    }
  }

  #useFresh(writer: Writer): void {
    const name = nextProfilesName(this.#folder);
    writer.adopt(folderPaths(this.#folder).profiles(name));
    writer.journal.setMeta("profilesFolder", name);
    writer.catchUp(1);
  }

  async #startRebuild(why: string): Promise<void> {
    const writer = this.#writer;
    if (writer === null) return;
    await this.#rules?.giveUp("the profiles in use are rebuilt");
    await writer.abandonProfiles();
    this.#deps.post({ kind: "rebuildNeeded", upTo: writer.head, why });
    this.#deps.post(writer.announce());
  }

  #adopt(folder: string): void {
    const writer = this.#writer;
    if (writer === null) return;
    writer.adopt(folderPaths(this.#folder).profiles(folder));
    this.#crash("beforeProfilesAdopted");
    writer.journal.setMeta("profilesFolder", folder);
    this.#crash("afterProfilesAdopted");
    this.#catchUp(writer);
  }

  #catchUp(writer: Writer): boolean {
    try {
      if (!writer.catchUp(catchUpRows)) return true;
    } catch (error) {
      if (!(error instanceof ReplayNotPossible)) throw error;
      this.#acts.push({ id: -1, run: () => this.#startRebuild(error.message) });
      return true;
    }
    this.#announceLive(writer);
    return true;
  }

  #announceLive(writer: Writer): void {
    const folder = writer.profilesFolder;
    if (folder === null) return;
    this.#rules?.sweep();
    this.#deps.post({ kind: "live", folder, visible: writer.visible });
  }

  /** Copies the profiles compactly into a new folder and goes on there: what was deleted is gone from the disk. */
  async #moveProfiles(): Promise<void> {
    const writer = this.#writer;
    if (writer === null || writer.mode !== "live" || writer.profilesFolder === null) return;
    const name = nextProfilesName(this.#folder);
    const target = folderPaths(this.#folder).profiles(name);
    await writer.copyProfiles(target);
    this.#crash("afterProfilesCopied");
    await writer.abandonProfiles();
    this.#adopt(name);
  }

  async #close(writer: Writer): Promise<void> {
    await this.#rules?.giveUp("the server stops");
    this.#alarm.set(null);
    await writer.close();
    this.#messageIds?.close();
    writer.journal[Symbol.dispose]();
    this.#writer = null;
    this.#deps.post({ kind: "closed" });
  }
}

/** Takes frames from the front until the group is full. */
function takeGroup(queue: QueuedFrame[]): QueuedFrame[] {
  let bytes = 0;
  let count = 0;
  for (const { frame } of queue) {
    if (count > 0 && (count >= maxGroupFrames || bytes + frame.body.length > maxGroupBytes)) break;
    bytes += frame.body.length;
    count += 1;
  }
  return queue.splice(0, count);
}
