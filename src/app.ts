/** The whole server: opens the store, makes the first keys, serves. Run · drain · close. */
import { auditedCall } from "./admin/api/audited.ts";
import type { CallOperation } from "./admin/operation.ts";
import {
  configuredKeys,
  ensureFirstKeys,
  operatorKeyRows,
  storeOperatorKeys,
  type ShownKeys,
} from "./admin/firstKeys.ts";
import { VisibleTimes } from "./admin/audits/visibleTimes.ts";
import { GroupTimes } from "./admin/measuredAccept.ts";
import { serveSocket, usableSocketPath, type SocketServer } from "./admin/socketServer.ts";
import type { ServeSettings } from "./config/settings.ts";
import { contentOperations } from "./contentOperations.ts";
import { openContent, type Content } from "./contentWiring.ts";
import { configOperations, planOperations } from "./configOperations.ts";
import { openCredentials } from "./credentialsWiring.ts";
import { LiveConfig } from "./liveConfig.ts";
import { eraseFromOps, findAtOf, openDataStore, openOps, operationsOf } from "./dataStore.ts";
import type { DemoKeys } from "./demoKeys.ts";
import { deliveryOperations } from "./deliveryOperations.ts";
import type { Deliveries } from "./esp/deliver/deliveries.ts";
import { DeliveryWatch } from "./esp/deliver/deliveryWatch.ts";
import { openDeliveries } from "./deliveryWiring.ts";
import type { TriggerFollower } from "./esp/trigger/triggerFollower.ts";
import { triggerOperations } from "./triggerOperations.ts";
import { openTriggers } from "./triggerWiring.ts";
import { keysInForce } from "./keysInForce.ts";
import type { Clock } from "./lib/clock.ts";
import { warmUp } from "./lib/http.ts";
import type { Ids } from "./lib/id.ts";
import type { Log } from "./lib/log.ts";
import type { Timers } from "./lib/timers.ts";
import { receiptOperations } from "./receiptOperations.ts";
import { serve, type Serving } from "./serving.ts";
import { vendorOperations } from "./vendorOperations.ts";
import { tokenOperations } from "./tokenOperations.ts";
import { folderPaths } from "./store/folder.ts";
import { noteHolder } from "./store/holder.ts";
import type { AuditLog } from "./store/ops/audit.ts";
import { auditOver } from "./store/ops/auditOver.ts";
import type { OpsDesk } from "./store/ops/opsDesk.ts";
import type { Store } from "./store/storeApi.ts";
import { openWatching, type Watching } from "./watching.ts";

export interface AppDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly timers: Timers;
  readonly log: Log;
  /** Reads flags, environment and configuration file again, or this text in its place. Throws ConfigError. */
  readonly load: (text?: string) => ServeSettings;
  /** The journal failed: the process must end with this exit code, at once. */
  readonly onFatal: (exitCode: number) => void;
}

/** A running server. */
export interface App {
  /** `http://127.0.0.1:8787` */
  readonly origin: string;
  /** Keys that this start made, to be shown once. */
  readonly shownKeys: ShownKeys;
  /** Reads the configuration again and takes it into use; how that went is said in the log. */
  reload(): void;
  /** Refuses what is new, lets what is under way finish, ends streams, closes the store. Resolves when all is on disk. */
  close(): Promise<void>;
}

/** Of the time a shutdown may take, the part that requests under way are waited for. */
const waitingShare = 0.6;
const pollMs = 10;
const warmUpTimeoutMs = 2_000;
/** Definitions that changed since the last run are taken into use before the start is over where the journal is no longer. */
const quickRows = 20_000;

/** Starts everything, with the demo where it has keys. Throws FolderRefused or CannotListen, with nothing left open. */
export async function startApp(
  settings: ServeSettings,
  deps: AppDeps,
  demoKeys: DemoKeys | null,
): Promise<App> {
  const groups = new GroupTimes();
  const visible = new VisibleTimes();
  const onFatal = (exitCode: number, why: string) => {
    deps.log.error("the journal failed, nothing more is accepted", { exitCode, why });
    deps.onFatal(exitCode);
  };
  const store = await openDataStore({
    folder: settings.dataFolder,
    limits: { maxRequests: settings.limits.maxInFlightRequests, maxBytes: settings.limits.maxInFlightBytes },
    rules: settings.rules,
    keepsRules: true,
    lists: settings.lists,
    plan: settings.plan,
    enrichment: settings.enrichment,
    crashAt: settings.crashAt,
    clock: deps.clock,
    notice: (level, why) => deps.log[level]("word from the store", { why }),
    onFatal,
    onGroup: (group) => {
      groups.note(group);
      if (group.mode === "live") visible.note(group.visible, deps.clock.nowMs());
    },
  });
  const ops = openOps(settings.dataFolder, onFatal);
  const content = await openContent(settings, { ...deps, ops, profiles: store.profiles });
  try {
    return await startServing(
      { store, ops, audit: auditOver(ops), content, groups, visible, demoKeys },
      settings,
      deps,
    );
  } catch (error) {
    await content.close();
    await ops.close();
    await store.close();
    throw error;
  }
}

/** What is open, and what can be done with it. */
interface Opened {
  readonly store: Store;
  readonly ops: OpsDesk;
  readonly audit: AuditLog;
  readonly content: Content;
  readonly groups: GroupTimes;
  readonly visible: VisibleTimes;
  readonly demoKeys: DemoKeys | null;
}

async function startServing(opened: Opened, settings: ServeSettings, deps: AppDeps): Promise<App> {
  const { store, ops, content, demoKeys } = opened;
  const configured = [...configuredKeys(settings.sources, deps.clock), ...(demoKeys?.rows ?? [])];
  const keys = keysInForce(() => store.admin.listKeys(), configured);
  const findAt = findAtOf(store.profiles, settings.dataFolder);
  const watching = openWatching(settings, { ...deps, ...opened });
  const onDelivered = (seq: number, durationMs: number) => watching.watch.delivered(seq, durationMs);
  const deliveries = openDeliveries(settings, {
    ...deps,
    ops,
    store,
    onDelivered,
    onPeopleActs: (acts) => content.receipts.follow(acts),
  });
  const destinations = new DeliveryWatch({
    ...deps,
    ops,
    deliveries,
    changes: store.changes,
    profiles: store.profiles,
  });
  const triggers = openTriggers({ ...deps, rules: settings.triggers, ops, store, deliveries, content });
  const config = new LiveConfig(
    {
      ...deps,
      admin: store.admin,
      isQuick: () => isQuick(store),
      useWaysOut: async (next) => {
        await deliveries.use(next.destinations);
        await triggers.use(next.triggers);
      },
      useWatching: (next) => watching.use(next),
    },
    { ...settings, rules: store.admin.rulesInUse() },
  );
  const credentials = openCredentials(settings, { ...deps, store, keys });
  const publicUrl = (): string => settings.publicUrls[0] ?? serving.origin;
  const call = operationsOf(store, settings.dataFolder, {
    ...deps,
    configuredKeys: configured,
    onKeysChanged: () => keys.refresh(),
    onErased: async (erased) => {
      content.lastGood.clear();
      for (const { engine } of content.shelf?.blocks ?? []) engine.memory.clear();
      // What waits to be written is of before.
      await content.receipts.flush();
      await eraseFromOps(ops, erased, store.changes);
      deliveries.nudge();
    },
    further: {
      ...contentOperations({
        shelf: content.shelf,
        profiles: store.profiles,
        changes: store.changes,
        clock: deps.clock,
        ids: deps.ids,
        deliveries,
        ops,
        findAt,
      }),
      ...tokenOperations({
        ...deps,
        store,
        credentials,
        keyIds: () => [...store.admin.listKeys(), ...configured].map(({ id }) => id),
        publicUrl,
      }),
      ...receiptOperations({ ops, profiles: store.profiles, findAt }),
      ...vendorOperations({ shelf: content.shelf, publicUrl }),
      ...triggerOperations({ ops, profiles: store.profiles, rules: () => triggers.rules, clock: deps.clock }),
      ...deliveryOperations(
        { deliveries, ops, changes: store.changes, clock: deps.clock },
        store.profiles,
        destinations,
      ),
      ...configOperations(config, store.admin, settings.configPath),
      ...planOperations(store.admin, deps.clock),
      ...watching.operations,
    },
  });
  const serving = serve(settings, { ...deps, ...opened, keys, credentials, call, watching, destinations });
  try {
    const shownKeys = await keysOfStart(store, settings, deps, demoKeys);
    keys.refresh();
    warnOfRevoked(store, settings, deps);
    await config.started(settings);
    serving.door.open();
    serving.follow();
    noteHolder(settings.dataFolder, { pid: process.pid, address: serving.origin });
    const socket = openSocket(call, opened.audit, settings, deps);
    await deliveries.use(settings.destinations);
    await triggers.use(settings.triggers);
    triggers.start();
    if (settings.watchesConfig) {
      config.watch();
      content.watch();
    }
    await warmUp(serving.origin, warmUpTimeoutMs);
    return {
      origin: serving.origin,
      shownKeys,
      reload: () => void config.applyAndSay("signal"),
      close: () =>
        close(
          { ...opened, serving, socket, config, watching, deliveries, destinations, triggers },
          settings,
          deps,
        ),
    };
  } catch (error) {
    await watching.close();
    await triggers.stop();
    destinations[Symbol.dispose]();
    await deliveries.close();
    await serving.stop();
    throw error;
  }
}

function isQuick(store: Store): boolean {
  const { mode, head } = store.status();
  return mode === "live" && head <= quickRows;
}

/** The demo has keys of its own and stores none but the operator's. */
async function keysOfStart(
  { admin }: Store,
  settings: ServeSettings,
  deps: AppDeps,
  demoKeys: DemoKeys | null,
): Promise<ShownKeys> {
  const operator = { ...settings.firstKeys, sources: settings.sources };
  if (demoKeys === null) return ensureFirstKeys(admin, operator, deps);
  await storeOperatorKeys(admin, operator, deps.clock);
  return demoKeys.shown;
}

/** A key that the environment sets but an operator revoked would otherwise be refused without anybody knowing why. */
function warnOfRevoked(store: Store, { firstKeys }: ServeSettings, { clock, log }: AppDeps): void {
  const ids = operatorKeyRows(firstKeys, clock).map(({ id }) => id);
  for (const { id, revokedAtMs } of store.admin.listKeys()) {
    if (revokedAtMs !== null && ids.includes(id))
      log.warn("a key that a variable sets is revoked: it is not in force", { keyId: id });
  }
}

function openSocket(
  call: CallOperation,
  audit: AuditLog,
  settings: ServeSettings,
  deps: AppDeps,
): SocketServer | null {
  const { dataFolder } = settings;
  const path = usableSocketPath(folderPaths(dataFolder).socket);
  if (path === null) {
    deps.log.warn("the data folder's path is too long for a socket: commands can't speak with this server", {
      folder: dataFolder,
    });
    return null;
  }
  const recorded = auditedCall(
    call,
    { actor: "socket", address: null },
    { ...deps, audit, onLost: () => deps.log.error("an act could not be written into the audit log") },
  );
  return serveSocket(path, recorded, deps.log);
}

/** What runs beside what is open. */
interface Running {
  readonly serving: Serving;
  readonly socket: SocketServer | null;
  readonly config: LiveConfig;
  readonly watching: Watching;
  readonly deliveries: Deliveries;
  readonly destinations: DeliveryWatch;
  readonly triggers: TriggerFollower;
}

async function close(
  {
    serving,
    socket,
    store,
    ops,
    content,
    config,
    watching,
    deliveries,
    destinations,
    triggers,
  }: Opened & Running,
  settings: ServeSettings,
  { clock }: AppDeps,
): Promise<void> {
  const deadlineMs = clock.monotonicMs() + settings.limits.drainTimeoutMs * waitingShare;
  config[Symbol.dispose]();
  serving.door.drain();
  store.drain();
  const ended = serving.endStreams();
  await socket?.close();
  await triggers.stop();
  destinations[Symbol.dispose]();
  await deliveries.close();
  while (serving.door.inFlight.requests > 0 && clock.monotonicMs() < deadlineMs) await Bun.sleep(pollMs);
  // Whoever still comes is told to come back, until nothing is left to be written.
  await ended;
  await content.close();
  await watching.close();
  await ops.close();
  await store.close();
  await serving.stop();
}
