/**
 * The store as the rest of the program sees it: one door in, the change log and the profiles out, and the acts of
 * an operator. The writer and the maintenance work run on threads of their own; this side only passes messages.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { errorText } from "../lib/describeError.ts";
import { noRules } from "../model/rules.ts";
import { audiencesOf } from "./audiences.ts";
import { ChangeLogReader } from "./changeLogReader.ts";
import { folderPaths, lockFolder, markClosed } from "./folder.ts";
import { checkJournal, checkOps, FolderRefused } from "./folderRefused.ts";
import { JournalReader } from "./journalReader.ts";
import { openProfileStore, type ProfileStore } from "./lmdb.ts";
import { MaintenanceDesk, MaintenanceFailed } from "./maintenanceDesk.ts";
import type {
  ControlRequest,
  FromWriter,
  GroupMessage,
  KeyRow,
  ToWriter,
  WriterCounts,
  WriterSettings,
} from "./messages.ts";
import { profileIds } from "./profileId.ts";
import { ProfilesReader } from "./profilesReader.ts";
import { profilesTrusted } from "./profilesTrust.ts";
import { nameOf, RuleChange } from "./ruleChange.ts";
import { definitionsWith } from "./segmentLists.ts";
import { storeAdmin } from "./storeAdmin.ts";
import type { Store, StoreAdmin, StoreStatus } from "./storeApi.ts";
import type { VerifyJob } from "./verify.ts";
import { WriterLink, type LinkLimits } from "./writerLink.ts";

export interface StoreOptions extends Omit<WriterSettings, "profilesTrusted"> {
  readonly clock: Clock;
  readonly startWriter: () => Worker;
  readonly startMaintenance: () => Worker;
  readonly limits: LinkLimits;
  /** Opens and reads a profile folder in a process of its own, since a damaged file can end the process; false if it did. */
  readonly checkProfiles: (folder: string) => Promise<boolean>;
  readonly notice: (level: "info" | "warn" | "error", message: string) => void;
  /** The journal failed: the process must end with this exit code. */
  readonly onFatal: (exitCode: number, message: string) => void;
  /** Called for every group on disk and readable, before its requests are answered. */
  readonly onGroup?: (group: GroupMessage) => void;
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
  #rules: RuleChange | null = null;
  #rulesProgress: number | null = null;
  #progress: number | null = null;
  #head = 0;
  #visible = 0;
  #counts: WriterCounts | null = null;
  #closed = false;
  readonly #opened = Promise.withResolvers<Opened>();
  readonly #closedByWriter = Promise.withResolvers<void>();
  #live = Promise.withResolvers<void>();

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
    const { folder, hotProfiles, rules, keepsRules, lists, plan, enrichment, crashAt } = this.#options;
    const isTrusted = await profilesTrusted(this.#options);
    this.#send({
      kind: "open",
      settings: {
        folder,
        profilesTrusted: isTrusted,
        hotProfiles,
        rules,
        keepsRules,
        lists,
        plan,
        enrichment,
        crashAt,
      },
    });
    const opened = await this.#opened.promise;
    const ids = profileIds(opened.journalId);
    const journal = new JournalReader(folderPaths(folder).journal);
    const changes = new ChangeLogReader(journal, ids, opened.visible, opened.head);
    const locate = (messageId: string) => this.#ask<number[]>({ act: "locate", messageId });
    const profiles = new ProfilesReader(journal, ids, definitionsWith(journal, opened.rules), locate);
    this.#readers = { journal, changes, profiles };
    this.#keys = opened.keys;
    this.#rules = this.#ruleChange(opened);
    this.#head = opened.head;
    this.#visible = opened.visible;
    if (opened.profilesFolder !== null) this.#useProfiles(opened.profilesFolder, opened.visible);
    return {
      accept: this.#link,
      changes,
      profiles,
      audiences: audiencesOf(journal, profiles),
      admin: this.#admin(),
      journalId: opened.journalId,
      lastEventId: (source) => journal.lastEventId(source),
      status: () => this.#status(),
      drain: () => this.#link.drain(),
      close: () => this.#close(),
    };
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
      case "rulesTaken":
      case "rulesNotTaken":
        this.#rules?.receive(message);
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
        isBeside: false,
        folder: this.#options.folder,
        upTo,
        ...this.#folding(),
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
    if (folder !== null) this.#nowLive();
  }

  /** Resolves once profiles are in use, or never will be. */
  async #untilLive(): Promise<void> {
    while (this.#profiles === null && !this.#closed) await this.#live.promise;
  }

  #nowLive(): void {
    this.#live.resolve();
    this.#live = Promise.withResolvers<void>();
  }

  #status(): StoreStatus {
    const inFlight = this.#link.inFlight;
    const paths = folderPaths(this.#options.folder);
    return {
      mode: this.#closed ? "closed" : this.#profiles === null ? "rebuilding" : "live",
      progress: this.#progress,
      rulesProgress: this.#rulesProgress,
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
    const { folder, clock } = this.#options;
    return storeAdmin({
      folder,
      clock,
      link: this.#link,
      maintenance: this.#maintenance,
      journal: () => this.#readers?.journal ?? null,
      forgetShared: () => this.#readers?.changes.forgetShared(),
      keys: () => this.#keys,
      onKeys: (keys) => {
        this.#keys = keys;
      },
      find: (namespace, type, value) => this.#readers?.profiles.find(namespace, type, value) ?? null,
      profilesFolder: () => this.#profiles?.folder ?? null,
      rules: () => this.#rules,
      folding: () => this.#folding(),
    });
  }

  /** What profiles are folded with, for work beside the writer. */
  #folding(): Pick<VerifyJob, "hotProfiles" | "rules"> {
    return { hotProfiles: this.#options.hotProfiles, rules: this.#rules?.rules ?? noRules };
  }

  #ruleChange({ rules, untold, profilesFolder }: Opened): RuleChange {
    const { folder, hotProfiles } = this.#options;
    const change = new RuleChange(
      {
        folder,
        hotProfiles,
        maintenance: this.#maintenance,
        ask: (request) => this.#ask(request),
        send: (message) => this.#send(message),
        untilLive: () => this.#untilLive(),
        clock: this.#options.clock,
        isBusy: () => this.#link.inFlight.requests > 0,
        onTaken: (taken) => {
          if (this.#readers !== null)
            this.#readers.profiles.useRules(definitionsWith(this.#readers.journal, taken.rules));
          this.#useProfiles(taken.folder, taken.visible);
        },
        onProgress: (share) => {
          this.#rulesProgress = share;
        },
      },
      rules,
    );
    if (untold !== null && profilesFolder !== null)
      change
        .resume(untold, nameOf(profilesFolder))
        .catch((error: unknown) => this.#options.notice("error", describe(error)));
    return change;
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
    this.#rules?.close();
    this.#nowLive();
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
