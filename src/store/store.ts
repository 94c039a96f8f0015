/**
 * The store as the rest of the program sees it: one door in, the change log and the profiles out, and the acts of
 * an operator. The writer and the maintenance work run on threads of their own; this side only passes messages.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { errorText } from "../lib/describeError.ts";
import { compileRules, noRules } from "../model/rules.ts";
import type { Namespace } from "../model/event.ts";
import type { Accept } from "./accept.ts";
import type { ChangeLog } from "./changeLog.ts";
import { ChangeLogReader } from "./changeLogReader.ts";
import type { Erased } from "./erase.ts";
import { folderPaths, lockFolder, markClosed, markOpened } from "./folder.ts";
import { checkJournal, checkOps, FolderRefused } from "./folderRefused.ts";
import type { Replayed } from "./control.ts";
import { JournalReader } from "./journalReader.ts";
import { openProfileStore, type ProfileStore } from "./lmdb.ts";
import { MaintenanceDesk, MaintenanceFailed } from "./maintenanceDesk.ts";
import type { ControlRequest, FromWriter, GroupMessage, KeyRow, ToWriter, WriterCounts } from "./messages.ts";
import { profileIds } from "./profileId.ts";
import type { Profiles } from "./profiles.ts";
import { profilesBeginWell } from "./profilesHeader.ts";
import { ProfilesReader } from "./profilesReader.ts";
import { quarantinePages, type QuarantinePages } from "./quarantinePages.ts";
import type { ChosenPlan, ChosenRules } from "./usedDefinitions.ts";
import type { VerifyJob, VerifyReport } from "./verify.ts";
import { WriterLink, type LinkLimits } from "./writerLink.ts";

export interface StoreOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly startWriter: () => Worker;
  readonly startMaintenance: () => Worker;
  readonly limits: LinkLimits;
  /** Decoded profiles held by the writer, per generation (two are held). */
  readonly hotProfiles: number;
  /** The computed traits that profiles have. */
  readonly rules: ChosenRules;
  readonly plan: ChosenPlan;
  /** Hidden setting for crash tests. */
  readonly crashAt: string | null;
  /** Opens and reads a profile folder in a process of its own, since a damaged file can end the process; false if it did. */
  readonly checkProfiles: (folder: string) => Promise<boolean>;
  readonly notice: (level: "info" | "warn" | "error", message: string) => void;
  /** The journal failed: the process must end with this exit code. */
  readonly onFatal: (exitCode: number, message: string) => void;
  /** Called for every group on disk and readable, before its requests are answered. */
  readonly onGroup?: (group: GroupMessage) => void;
}

export interface StoreStatus {
  readonly mode: "live" | "rebuilding" | "closed";
  /** Share of a rebuild that is done, 0 to 1; null when none runs. */
  readonly progress: number | null;
  readonly head: number;
  readonly visible: number;
  readonly inFlightRequests: number;
  readonly inFlightBytes: number;
  readonly journalBytes: number;
  readonly profilesBytes: number;
  readonly counts: WriterCounts | null;
}

/** Acts of an operator. Each throws an Error with a sentence when it can't be done. */
export interface StoreAdmin extends QuarantinePages {
  createKey(key: KeyRow): Promise<void>;
  listKeys(): readonly KeyRow[];
  revokeKey(id: string): Promise<boolean>;
  /** Erases the profile an identifier leads to; null if none does. Call compact() after the last one. */
  erase(namespace: Namespace, type: string, value: string): Promise<Erased | null>;
  /** Takes deleted text out of the files. */
  compact(): Promise<void>;
  /** Takes a piece through the same door again, with its own messageId. */
  replayQuarantine(id: number): Promise<Replayed>;
  backup(targetFolder: string): Promise<{ readonly path: string }>;
  /** Throws the profiles away and rebuilds them beside the service; resolves when it has begun. */
  rebuild(): Promise<void>;
  verify(onProgress: (share: number) => void): Promise<VerifyReport>;
  /** Finishes re-attributions that are pending; for tests and before comparisons. */
  settle(): Promise<unknown>;
}

export interface Store {
  readonly accept: Accept;
  readonly changes: ChangeLog;
  readonly profiles: Profiles;
  readonly admin: StoreAdmin;
  readonly journalId: string;
  /** The id that a followed source has reached; null for one that was never followed. */
  lastEventId(source: string): string | null;
  status(): StoreStatus;
  /** Refuses new events; what was submitted is still answered. */
  drain(): void;
  /** Commits what is under way and lets go of the folder. */
  close(): Promise<void>;
}

/** Opens a data folder for writing. Throws FolderRefused when it is locked, newer or damaged. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const lock = lockFolder(options.folder);
  try {
    const paths = folderPaths(options.folder);
    checkJournal(paths.journal);
    checkOps(paths.ops);
    return await new OpenedStore(options, lock).open();
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/** Pause before a failed rebuild is tried again. */
const rebuildRetryMs = 10_000;

type Opened = Extract<FromWriter, { kind: "opened" }>;

/** What belongs together once the journal is open. */
interface Readers {
  readonly journal: JournalReader;
  readonly changes: ChangeLogReader;
  readonly profiles: ProfilesReader;
}

class OpenedStore {
  readonly #options: StoreOptions;
  readonly #lock: Disposable;
  readonly #writer: Worker;
  readonly #link: WriterLink;
  readonly #maintenance: MaintenanceDesk;
  #readers: Readers | null = null;
  #profiles: ProfileStore | null = null;
  #keys: readonly KeyRow[] = [];
  /** What profiles are folded with, for work beside the writer. */
  #folding: Pick<VerifyJob, "hotProfiles" | "rules"> = { hotProfiles: 0, rules: noRules };
  #progress: number | null = null;
  #head = 0;
  #visible = 0;
  #counts: WriterCounts | null = null;
  #closed = false;
  readonly #opened = Promise.withResolvers<Opened>();
  readonly #closedByWriter = Promise.withResolvers<void>();

  constructor(options: StoreOptions, lock: Disposable) {
    this.#options = options;
    this.#lock = lock;
    this.#writer = options.startWriter();
    this.#link = new WriterLink(
      (message) => this.#send(message),
      options.limits,
      (flush) => setImmediate(flush),
    );
    this.#maintenance = new MaintenanceDesk(options.startMaintenance);
    this.#writer.onmessage = (event: MessageEvent<FromWriter>) => this.#receive(event.data);
    this.#writer.onerror = (event) => options.onFatal(1, `the writer thread failed: ${event.message}`);
  }

  async open(): Promise<Store> {
    const { folder, hotProfiles, rules, plan, crashAt } = this.#options;
    const profilesTrusted = await this.#profilesTrusted();
    this.#send({ kind: "open", settings: { folder, profilesTrusted, hotProfiles, rules, plan, crashAt } });
    const opened = await this.#opened.promise;
    const ids = profileIds(opened.journalId);
    const journal = new JournalReader(folderPaths(folder).journal);
    const changes = new ChangeLogReader(journal, ids, opened.visible, opened.head);
    const locate = (messageId: string) => this.#ask<number[]>({ act: "locate", messageId });
    const profiles = new ProfilesReader(journal, ids, compileRules(opened.rules), locate);
    this.#readers = { journal, changes, profiles };
    this.#keys = opened.keys;
    this.#folding = { hotProfiles, rules: opened.rules };
    this.#head = opened.head;
    this.#visible = opened.visible;
    if (opened.profilesFolder !== null) this.#useProfiles(opened.profilesFolder, opened.visible);
    return {
      accept: this.#link,
      changes,
      profiles,
      admin: this.#admin(),
      journalId: opened.journalId,
      lastEventId: (source) => journal.lastEventId(source),
      status: () => this.#status(),
      drain: () => this.#link.drain(),
      close: () => this.#close(),
    };
  }

  async #profilesTrusted(): Promise<boolean> {
    const { folder, checkProfiles, notice } = this.#options;
    const last = markOpened(folder);
    if (last === "first" || (last === "clean" && profilesBeginWell(folder))) return true;
    if (last === "unclean-other-boot") {
      notice("warn", "the machine stopped while Freshet ran: profiles are rebuilt from the journal");
      return false;
    }
    const sound = await checkProfiles(folder);
    if (!sound) notice("error", "the profiles are damaged and will be rebuilt from the journal");
    return sound;
  }

  #receive(message: FromWriter): void {
    switch (message.kind) {
      case "group":
        this.#onGroup(message);
        return;
      case "opened":
        this.#opened.resolve(message);
        return;
      case "openFailed":
        this.#opened.reject(new FolderRefused(message.reason, message.message));
        return;
      case "result":
      case "failed":
        this.#link.answer(message);
        return;
      case "rebuildNeeded":
        this.#rebuild(message.upTo, message.why).catch((error: unknown) =>
          this.#options.onFatal(1, describe(error)),
        );
        return;
      case "live":
        this.#progress = null;
        this.#useProfiles(message.folder, message.visible);
        this.#readers?.changes.advance(message.visible);
        return;
      case "notice":
        this.#options.notice(message.level, message.message);
        return;
      case "fatal":
        this.#options.onFatal(message.exitCode, message.message);
        return;
      case "closed":
        this.#closedByWriter.resolve();
        return;
    }
  }

  #onGroup(group: GroupMessage): void {
    this.#head = group.head;
    this.#counts = group.counts;
    this.#readers?.changes.note(group.head);
    // From this group on profiles fall behind what is answered, so they are not read until they are back.
    if (group.mode === "appending" && this.#profiles !== null) this.#useProfiles(null, this.#visible);
    if (group.mode === "live" || group.visible > this.#visible) {
      this.#visible = group.visible;
      this.#readers?.profiles.advance(group.visible, group.changedPids);
      this.#readers?.changes.advance(group.visible);
    }
    this.#options.onGroup?.(group);
    this.#link.settle(group);
  }

  async #rebuild(upTo: number, why: string): Promise<void> {
    this.#options.notice("warn", `rebuilding profiles from the journal: ${why}`);
    this.#useProfiles(null, this.#visible);
    this.#progress = 0;
    try {
      const job = {
        kind: "rebuild",
        folder: this.#options.folder,
        upTo,
        ...this.#folding,
      } as const;
      const rebuilt = await this.#maintenance.run(job, (share) => {
        this.#progress = share;
      });
      if (this.#closed || !("folder" in rebuilt)) return;
      for (const seq of rebuilt.passed)
        this.#options.notice("error", `row ${seq} could not be folded and was passed; run verify`);
      this.#send({ kind: "adopt", folder: rebuilt.folder });
    } catch (error) {
      if (this.#closed) return;
      this.#options.notice(
        "error",
        `the rebuild failed: ${describe(error)}; events are still taken, the rebuild is tried again`,
      );
      await Bun.sleep(rebuildRetryMs);
      if (!this.#closed) await this.#rebuild(this.#head, "the last try failed");
    }
  }

  #useProfiles(folder: string | null, visible: number): void {
    const former = this.#profiles;
    this.#profiles = folder === null ? null : openProfileStore(folder, { readOnly: true });
    this.#readers?.profiles.use(this.#profiles, visible);
    former?.close().catch((error: unknown) => this.#options.notice("warn", describe(error)));
  }

  #status(): StoreStatus {
    const inFlight = this.#link.inFlight;
    const paths = folderPaths(this.#options.folder);
    return {
      mode: this.#closed ? "closed" : this.#profiles === null ? "rebuilding" : "live",
      progress: this.#progress,
      head: this.#head,
      visible: this.#visible,
      inFlightRequests: inFlight.requests,
      inFlightBytes: inFlight.bytes,
      journalBytes: sizeOf(paths.journal) + sizeOf(`${paths.journal}-wal`),
      profilesBytes: this.#profiles?.sizeBytes() ?? 0,
      counts: this.#counts,
    };
  }

  #admin(): StoreAdmin {
    return {
      createKey: async (key) => {
        this.#keys = await this.#ask<KeyRow[]>({ act: "createKey", key });
      },
      listKeys: () => this.#keys,
      revokeKey: async (id) => {
        const { revoked, keys } = await this.#ask<{ revoked: boolean; keys: KeyRow[] }>({
          act: "revokeKey",
          id,
        });
        this.#keys = keys;
        return revoked;
      },
      erase: async (namespace, type, value) => {
        const erased = await this.#ask<Erased | null>(this.#eraseRequest(namespace, type, value));
        this.#readers?.changes.forgetShared();
        return erased;
      },
      compact: async () => {
        await this.#ask({ act: "compact" });
      },
      ...quarantinePages(() => this.#readers?.journal ?? null),
      replayQuarantine: (id) => this.#ask({ act: "replayQuarantine", id }),
      backup: async (target) => {
        const result = await this.#maintenance.run(
          { kind: "backup", folder: this.#options.folder, target },
          () => {},
        );
        if (!("path" in result)) throw new Error("the backup gave no file");
        return result;
      },
      rebuild: async () => {
        await this.#ask({ act: "rebuild" });
      },
      verify: async (onProgress) => {
        await this.#ask({ act: "settle" });
        const { folder } = this.#options;
        const profilesFolder = this.#profiles?.folder ?? null;
        const result = await this.#maintenance.run(
          { kind: "verify", folder, profilesFolder, ...this.#folding },
          onProgress,
        );
        if (!("problems" in result)) throw new Error("the verification gave no report");
        return result;
      },
      settle: () => this.#ask({ act: "settle" }),
    };
  }

  /** profile_id and email_sha256 are looked up here; the writer knows the other types. */
  #eraseRequest(namespace: Namespace, type: string, value: string): ControlRequest {
    if (type === "profile_id" || type === "email_sha256") {
      const found = this.#readers?.profiles.find(namespace, type, value);
      const identifier = found?.kind === "found" ? found.profile.identifiers[0] : undefined;
      if (identifier !== undefined)
        return { act: "erase", namespace, type: identifier.type, value: identifier.value };
    }
    return { act: "erase", namespace, type, value };
  }

  async #ask<T>(request: ControlRequest): Promise<T> {
    return (await this.#link.ask(request)) as T;
  }

  #send(message: ToWriter): void {
    this.#writer.postMessage(message, message.kind === "frames" ? [message.buffer] : []);
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#link.drain();
    this.#closed = true;
    this.#maintenance.close();
    await this.#link.idle();
    // Readers go first: only the last connection to close moves the write-ahead log into the database.
    this.#readers?.profiles.use(null, this.#visible);
    this.#readers?.changes[Symbol.dispose]();
    this.#readers?.journal[Symbol.dispose]();
    await this.#profiles?.close();
    this.#send({ kind: "close" });
    await this.#closedByWriter.promise;
    markClosed(this.#options.folder);
    this.#writer.terminate();
    this.#lock[Symbol.dispose]();
  }
}

function sizeOf(path: string): number {
  return statSync(join(path), { throwIfNoEntry: false })?.size ?? 0;
}

/** What may be logged of an exception: its message may hold input. */
function describe(error: unknown): string {
  return error instanceof MaintenanceFailed ? error.summary : errorText(error);
}
