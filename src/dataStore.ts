/** Opens data folders with everything they need: threads, the check after an unclean stop, operations. */
import type { Enrichment } from "./model/facts.ts";
import { JournalReader } from "./store/journalReader.ts";
import {
  callerOf,
  storeOperations,
  type ErasedProfile,
  type StoreOperationsDeps,
} from "./admin/storeOperations.ts";
import { readOperations } from "./admin/readOperations.ts";
import { DiskFailed, type CallOperation, type Operations } from "./admin/operation.ts";
import { renderChange } from "./esp/changeView.ts";
import { askedHash } from "./esp/content/serveBlock.ts";
import { everything, renderProfile } from "./esp/profileView.ts";
import { restore } from "./ingest/judge.ts";
import { systemClock, type Clock } from "./lib/clock.ts";
import { systemIds, type Ids } from "./lib/id.ts";
import { catchUpWithPeople } from "./esp/deliver/peopleFollower.ts";
import type { ChangeLog } from "./store/changeLog.ts";
import { folderPaths } from "./store/folder.ts";
import { OpsDesk } from "./store/ops/opsDesk.ts";
import type { GroupMessage, KeyRow } from "./store/messages.ts";
import { findAtIn, type FindAt } from "./store/profileAt.ts";
import type { Profiles } from "./store/profiles.ts";
import { openReadOnlyStore } from "./store/readOnlyStore.ts";
import { openStore } from "./store/store.ts";
import type { Store } from "./store/storeApi.ts";
import type { ChosenPlan, ChosenRules } from "./store/usedDefinitions.ts";
import type { LinkLimits } from "./store/writerLink.ts";
import { openExpression } from "./expressionProcess.ts";
import { ownProgram } from "./ownProgram.ts";
import { version } from "./version.ts";

/** Decoded profiles that the writer keeps at hand, per generation: about 100 MB at 2 KB each. */
const hotProfiles = 25_000;
/** Command-line work on a folder of its own waits for each answer, so its queue stays short. */
const ownLimits: LinkLimits = { maxRequests: 64, maxBytes: 64 * 1024 * 1024 };
/** The hidden command that reads all profiles in a process of its own (cli/checkProfiles.ts). */
const checkCommand = "check-profiles";
const checkTimeoutMs = 600_000;

export interface DataStoreOptions {
  readonly folder: string;
  readonly limits: LinkLimits;
  readonly rules: ChosenRules;
  /** True: rules of the last run stay in use where changing them can be done at work (LiveConfig does). */
  readonly keepsRules?: boolean;
  /** Content of the lists that chosen rules name, by its hash; absent: none. */
  readonly lists?: ReadonlyMap<string, Uint8Array>;
  readonly plan: ChosenPlan;
  /** Absent: nothing is found out about events, no address kept. */
  readonly enrichment?: Enrichment;
  readonly crashAt: string | null;
  readonly clock: Clock;
  readonly notice: (level: "info" | "warn" | "error", sentence: string) => void;
  readonly onFatal: (exitCode: number, sentence: string) => void;
  readonly onGroup?: (group: GroupMessage) => void;
}

/** Opens a folder for writing, under its lock. Throws FolderRefused. */
export function openDataStore(options: DataStoreOptions): Promise<Store> {
  return openStore({
    ...options,
    hotProfiles,
    startWriter: () => new Worker(new URL("./workers/writer.ts", import.meta.url)),
    startMaintenance: () => new Worker(new URL("./workers/maintenance.ts", import.meta.url)),
    checkProfiles,
  });
}

/** Opens ops.db of a folder whose lock is held; nothing is started before it is used. */
export function openOps(folder: string, onFatal: DataStoreOptions["onFatal"]): OpsDesk {
  return new OpsDesk({
    path: folderPaths(folder).ops,
    start: () => new Worker(new URL("./workers/ops.ts", import.meta.url)),
    onDiskFailed: (sentence) => onFatal(74, sentence),
  });
}

/** Takes what ops.db holds of a person away, who is erased from the journal already. */
export async function eraseFromOps(
  ops: OpsDesk,
  { profileId, identifiers }: ErasedProfile,
  changes: ChangeLog,
): Promise<void> {
  const asked = identifiers.map(({ type, value }) => askedHash(`${type}:${value}`));
  await ops.ask("triggers", "eraseProfile", profileId);
  await ops.ask("receipts", "eraseProfile", profileId, asked);
  await catchUpWithPeople({ ops, changes, clock: systemClock });
}

export interface OperationsDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly configuredKeys: readonly KeyRow[];
  readonly onKeysChanged: () => void;
  readonly onErased: StoreOperationsDeps["onErased"];
  /** Operations of a running server alone. */
  readonly further?: Operations;
}

/** Everything an operator can do with an open store. */
export function operationsOf(store: Store, folder: string, deps: OperationsDeps): CallOperation {
  return callerOf({
    ...deps.further,
    ...storeOperations({
      ...deps,
      store,
      journalPath: folderPaths(folder).journal,
      findAt: findAtOf(store.profiles, folder),
      renderProfile: (profile) => renderProfile(profile, everything, deps.clock.nowMs()),
      renderChange,
      version,
      openExpression,
      sleep: (durationMs) => Bun.sleep(durationMs),
    }),
  });
}

/** Reads of the past over the profiles of a folder. */
export function findAtOf(profiles: Profiles, folder: string): FindAt {
  return findAtIn({ profiles, restore, openJournal: () => new JournalReader(folderPaths(folder).journal) });
}

/** A folder opened by a command for itself. */
export interface OpenedFolder {
  readonly call: CallOperation;
  close(): Promise<void>;
}

/** Opens a folder that nobody serves, to write in it. Throws FolderRefused. */
export async function openForWriting(folder: string, tell: (line: string) => void): Promise<OpenedFolder> {
  const failed = Promise.withResolvers<never>();
  // Without a listener a failure between two calls would end the process in the middle of a sentence.
  failed.promise.catch(() => {});
  const store = await openDataStore({
    folder,
    limits: ownLimits,
    rules: "stored",
    plan: "stored",
    crashAt: null,
    clock: systemClock,
    notice: (level, sentence) => {
      if (level !== "info") tell(sentence);
    },
    onFatal: (exitCode, sentence) =>
      failed.reject(exitCode === 74 ? new DiskFailed(sentence) : new Error(sentence)),
  });
  const ops = openOps(folder, (_exitCode, sentence) => failed.reject(new DiskFailed(sentence)));
  const call = operationsOf(store, folder, {
    clock: systemClock,
    ids: systemIds,
    configuredKeys: [],
    onKeysChanged: () => {},
    onErased: (erased) => eraseFromOps(ops, erased, store.changes),
  });
  return {
    call: (name, params, outlet) => Promise.race([call(name, params, outlet), failed.promise]),
    close: async () => {
      await ops.close();
      await store.close();
    },
  };
}

/** Opens a folder that nobody serves, to read it. Throws FolderRefused. */
export function openForReading(folder: string, tell: (line: string) => void): OpenedFolder {
  const store = openReadOnlyStore(folder);
  if (store.watermark < store.head)
    tell(`profiles reach seq ${store.watermark} of ${store.head}; they catch up when the server runs`);
  const reading = readOperations({
    profiles: store.profiles,
    findAt: findAtOf(store.profiles, folder),
    keys: () => store.keys(),
    configuredKeys: [],
    openJournal: () => new JournalReader(folderPaths(folder).journal),
    nowMs: () => systemClock.nowMs(),
    renderProfile: (profile) => renderProfile(profile, everything, systemClock.nowMs()),
  });
  return {
    call: callerOf({
      ...reading,
      verify: (_params, outlet) => store.verify(restore, (share) => outlet.progress(share)),
    }),
    close: () => store.close(),
  };
}

/** Reads all profiles in another process; false if that process could not. */
async function checkProfiles(folder: string): Promise<boolean> {
  const child = Bun.spawn([...ownProgram(), checkCommand, folder], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    timeout: checkTimeoutMs,
  });
  return (await child.exited) === 0;
}
