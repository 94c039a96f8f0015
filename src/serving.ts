/** The port and everything behind it: front door, routes, feed. */
import type { Server } from "bun";
import { publicFolder } from "../public/bundle.ts";
import { Alerts } from "./admin/alerts/alerts.ts";
import { destinationConditions } from "./admin/alerts/destinationConditions.ts";
import { healthReading } from "./admin/alerts/healthReading.ts";
import { Frames } from "./admin/api/frames.ts";
import { FedTimes } from "./admin/fedTimes.ts";
import { isLocalRequest } from "./admin/localRequest.ts";
import { measured, type GroupTimes } from "./admin/measuredAccept.ts";
import type { CallOperation } from "./admin/operation.ts";
import { anyHostPaths } from "./admin/paths.ts";
import { publicAnswers } from "./admin/publicAnswers.ts";
import { adminDeps } from "./adminWiring.ts";
import type { Limits, ServeSettings } from "./config/settings.ts";
import type { Content } from "./contentWiring.ts";
import type { Credentials } from "./credentialsWiring.ts";
import type { DemoKeys } from "./demoKeys.ts";
import { demoMailbox } from "./demoMailbox.ts";
import { mailRate, tokenRate } from "./demoRoutes.ts";
import { errorAnswers } from "./errorAnswers.ts";
import { presentedKey } from "./esp/authorise.ts";
import { Callers } from "./esp/credentials/callers.ts";
import type { DeliveryWatch } from "./esp/deliver/deliveryWatch.ts";
import { FeedHub } from "./esp/feedHub.ts";
import { FeedTokens } from "./esp/feedTokens.ts";
import { feedSocketHandlers, type FeedSocketData } from "./esp/webSocket.ts";
import { openFileCount, watchCrowd } from "./fileLimit.ts";
import { frontDoor, type FrontDoor } from "./frontDoor.ts";
import { startGauges, type Gauges } from "./gauges.ts";
import { findAtOf } from "./dataStore.ts";
import { hostRules } from "./hostRules.ts";
import { RateLimiter } from "./ingest/rateLimit.ts";
import { Followers } from "./ingest/followers.ts";
import { EventStreams } from "./ingest/streams.ts";
import { streamPath } from "./ingest/streamRoutes.ts";
import { jsonBodyReader } from "./jsonBody.ts";
import type { KeysInForce } from "./keysInForce.ts";
import { clientAddressRule } from "./lib/address.ts";
import { BodyReader } from "./lib/body.ts";
import type { Clock } from "./lib/clock.ts";
import { decodeBody } from "./lib/contentEncoding.ts";
import type { Ids } from "./lib/id.ts";
import { describeError } from "./lib/describeError.ts";
import type { Log } from "./lib/log.ts";
import type { Timers } from "./lib/timers.ts";
import { listen } from "./listen.ts";
import { mountRoutes, type RoutesDeps } from "./routes.ts";
import type { AuditLog } from "./store/ops/audit.ts";
import type { OpsDesk } from "./store/ops/opsDesk.ts";
import type { Store } from "./store/storeApi.ts";
import { version } from "./version.ts";
import type { Watching } from "./watching.ts";

/** Memory for rendered profiles. */
const answersBytes = 64 * 1024 * 1024;

export interface ServingDeps {
  readonly store: Store;
  readonly content: Content;
  readonly credentials: Credentials;
  readonly ops: OpsDesk;
  readonly audit: AuditLog;
  readonly watching: Watching;
  readonly destinations: DeliveryWatch;
  /** Everything that an operator can do. */
  readonly call: CallOperation;
  readonly keys: KeysInForce;
  readonly groups: GroupTimes;
  /** Null where there is no demo. */
  readonly demoKeys: DemoKeys | null;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly timers: Timers;
  readonly log: Log;
}

/** What listens on the port. */
export interface Serving {
  /** `http://127.0.0.1:8787` */
  readonly origin: string;
  readonly door: FrontDoor;
  /** Begins to follow other servers' streams; to be called once all is there. */
  follow(): void;
  /** Ends every stream, telling clients when to come back; resolves when they had time to read that, and nothing more
   * comes of followed ones. */
  endStreams(): Promise<void>;
  /** Closes the port and every connection. */
  stop(): Promise<void>;
}

/** A browser key may send so many seconds' worth at once after a quiet time. */
const burstSeconds = 10;
const maxBuckets = 100_000;

/** Opens the port. Throws CannotListen. */
export function serve(settings: ServeSettings, deps: ServingDeps): Serving {
  const { limits } = settings;
  const answers = errorAnswers(deps);
  const gauges = startGauges(deps.timers, deps.clock);
  const hub = openHub(limits, deps);
  const streams = new EventStreams({
    timers: deps.timers,
    heartbeatMs: limits.feedHeartbeatMs,
    maxStreams: limits.maxStreams,
  });
  const followers = new Followers(settings.follows, {
    ...deps,
    accept: { submit: (frame) => routes.ingest.accept.submit(frame) },
    lastEventId: (source) => deps.store.lastEventId(source),
  });
  const alerts = openAlerts(settings, deps, gauges, followers);
  // The router must know the server, for client addresses and sockets, and the server the router.
  let server: Server<FeedSocketData> | null = null;
  const crowd = watchCrowd(deps.timers, limits.maxConnections, () => server?.closeIdleConnections());
  const routes = routesDeps({
    settings,
    deps,
    gauges,
    hub,
    streams,
    followers,
    alerts,
    answers,
    server: () => server,
    door: () => door,
  });
  const door: FrontDoor = frontDoor({
    hosts: hostRules(settings.publicUrls),
    anyHostPaths,
    openEndedPaths: new Set([streamPath]),
    handle: mountRoutes(routes),
    answers,
    maxRequests: limits.maxInFlightRequests,
    maxBytes: limits.maxInFlightBytes,
    crowded: () => crowd.isCrowded(),
    ingestYields: () => deps.content.pressure.ingestYields,
  });
  const watchers = [gauges, hub, streams, alerts, crowd, routes.admin];
  try {
    server = listen({
      host: settings.host,
      port: settings.port,
      idleTimeoutMs: limits.idleTimeoutMs,
      answer: (request) => door.answer(request),
      webSocket: feedSocketHandlers(),
      onError: (error) => answers.unexpected(error),
    });
  } catch (error) {
    for (const watcher of watchers) watcher[Symbol.dispose]();
    throw error;
  }
  const listening = server;
  return {
    origin: `http://${settings.host.includes(":") ? `[${settings.host}]` : settings.host}:${listening.port}`,
    door,
    follow: () => followers.start(),
    endStreams: async () => {
      hub[Symbol.dispose]();
      streams.end();
      await Promise.all([followers.stop(), streams.closed()]);
    },
    stop: async () => {
      await followers.stop();
      for (const watcher of watchers) watcher[Symbol.dispose]();
      await listening.stop(true);
    },
  };
}

function openAlerts(
  settings: ServeSettings,
  deps: ServingDeps,
  { sources, visible }: Gauges,
  followers: Followers,
): Alerts {
  const { store, watching } = deps;
  const parts = {
    found: () => [
      ...watching.conditions(),
      ...destinationConditions(deps.destinations.looks, settings.alerts),
    ],
    sources,
    visible,
    changes: store.changes,
    status: () => store.status(),
    follows: () => followers.status(),
    named: Object.keys(settings.alerts.quietAfterMsBySource),
    dataFolder: settings.dataFolder,
  };
  return new Alerts({ ...deps, rules: settings.alerts, read: () => healthReading(parts) });
}

function openHub(limits: Limits, { store, timers, log }: ServingDeps): FeedHub {
  return new FeedHub(store.changes, {
    every: (intervalMs, tick) => timers.every(intervalMs, tick),
    heartbeatMs: limits.feedHeartbeatMs,
    maxListeners: limits.maxStreams,
    onError: (error) => log.error("the feed's wait for changes failed", describeError(error)),
  });
}

interface Parts {
  readonly settings: ServeSettings;
  readonly deps: ServingDeps;
  readonly gauges: Gauges;
  readonly hub: FeedHub;
  readonly streams: EventStreams;
  readonly followers: Followers;
  readonly alerts: Alerts;
  readonly answers: RoutesDeps["answers"];
  readonly server: () => Server<FeedSocketData> | null;
  readonly door: () => FrontDoor;
}

function routesDeps(parts: Parts) {
  const { settings, deps, hub, gauges, alerts, followers, answers, server, door } = parts;
  const { store, keys, clock, ids, timers } = deps;
  const bodies = new BodyReader(settings.limits.requestTimeoutMs, decodeBody);
  const readJson = jsonBodyReader(bodies);
  const fedTimes = new FedTimes(store.changes, gauges.fed, clock, (source, event, durationMs) =>
    deps.watching.watch.note("fed", source, event, durationMs),
  );
  const socketAddress = (request: Request) => server()?.requestIP(door().original(request))?.address ?? "";
  const ingest = ingestDeps(parts, bodies, socketAddress);
  const fedAtMs = (seq: number) => fedTimes.at(seq);
  const tokens = new FeedTokens({ findById: keys.secretById, clock, ids, epoch: store.changes.epoch });
  const files = publicAnswers(publicFolder);
  const demoFrames = new Frames(ids, { path: "/demo/mail", most: 400 });
  return {
    answers,
    ingest,
    rest: {
      profiles: store.profiles,
      answers: store.profiles.memory(answersBytes),
      findAt: findAtOf(store.profiles, settings.dataFolder),
      findKey: keys.find,
      clock,
      readJson,
      fedAtMs,
    },
    content: contentDeps(deps, settings, ingest.clientAddress, readJson),
    oauth: { ...deps.credentials, bodies, clientAddress: ingest.clientAddress },
    admin: adminDeps({
      ...deps,
      ...settings,
      gauges,
      answers,
      readJson,
      fedAtMs,
      alerts,
      follows: () => followers.status(),
      streams: () => hub.size,
      clientAddress: ingest.clientAddress,
    }),
    files,
    demo:
      deps.demoKeys === null
        ? null
        : {
            files,
            tokens,
            feedKeyId: deps.demoKeys.feedKeyId,
            readJson,
            limiter: new RateLimiter(tokenRate, () => clock.monotonicMs()),
            mailLimiter: new RateLimiter(mailRate, () => clock.monotonicMs()),
            clientAddress: ingest.clientAddress,
            frames: demoFrames,
            mailsOf: demoMailbox(settings.destinations, {
              profiles: store.profiles,
              frames: demoFrames,
              call: deps.call,
            }),
            river: () => ({ ...gauges, head: store.changes.head(), readers: hub.size }),
          },
    feed: {
      changes: store.changes,
      profiles: store.profiles,
      clock,
      hub,
      findKey: keys.find,
      tokens,
      readJson,
      after: (delayMs, run) => timers.after(delayMs, run),
      onFed: (seq) => fedTimes.note(seq),
    },
    operations: operationsDeps(parts, socketAddress),
    server,
    original: (request: Request) => door().original(request),
  } satisfies RoutesDeps;
}

function contentDeps(
  { content, ops, store, keys, clock, timers, credentials }: ServingDeps,
  { dataFolder, ...settings }: ServeSettings,
  clientAddress: (request: Request) => string,
  readJson: (request: Request) => Promise<unknown>,
): RoutesDeps["content"] {
  const { pressure } = content;
  return {
    ...content,
    ops,
    findAt: findAtOf(store.profiles, dataFolder),
    profiles: store.profiles,
    findKey: keys.find,
    callers: new Callers({
      ...credentials,
      findKey: keys.find,
      clientAddress,
      nowMs: () => clock.nowMs(),
    }),
    profileIdOf: credentials.profileIdOf,
    ampSenders: settings.content?.ampSenders ?? [],
    clock,
    timers,
    head: () => store.changes.head(),
    sleep: (durationMs) => Bun.sleep(durationMs),
    readJson,
    memoryOnly: () => pressure.memoryOnly,
    onAsked: () => pressure.note(),
  };
}

function ingestDeps(
  { settings, deps, gauges, streams }: Parts,
  bodies: BodyReader,
  socketAddress: (request: Request) => string,
): RoutesDeps["ingest"] {
  const { store, groups, keys, clock, ids, timers } = deps;
  const addressRule = clientAddressRule(settings.proxyTrust);
  const { browserRate } = settings.limits;
  return {
    publicUrls: settings.publicUrls,
    accept: measured(store.accept, groups, gauges, clock),
    keys: keys.keyring,
    clock,
    ids,
    timers,
    streams,
    bodies,
    limiter: new RateLimiter(
      { eventsPerSecond: browserRate, burstEvents: browserRate * burstSeconds, maxBuckets },
      () => clock.monotonicMs(),
    ),
    needsAddress: settings.enrichment.geoip !== null,
    clientAddress: (request) => addressRule(socketAddress(request), request.headers.get("x-forwarded-for")),
  };
}

function operationsDeps(
  { deps, gauges, hub, streams, alerts, followers, door }: Parts,
  socketAddress: (request: Request) => string,
): RoutesDeps["operations"] {
  const { store, keys, clock } = deps;
  const startedAtMs = clock.nowMs();
  return {
    version,
    home: deps.demoKeys === null ? "/admin" : "/demo",
    status: () => store.status(),
    phase: () => door().phase,
    isLocal: (request) => isLocalRequest(request, socketAddress(request)),
    keyOf: (request) => {
      const text = presentedKey(request);
      return text === null ? null : keys.find(text);
    },
    metrics: () => ({
      version,
      status: store.status(),
      uptimeMs: clock.nowMs() - startedAtMs,
      gauges,
      http: door(),
      streams: hub.size,
      eventStreams: streams.size,
      alerts: alerts.current(),
      watching: deps.watching,
      destinations: deps.destinations.latest,
      nowMs: clock.nowMs(),
      follows: followers.status(),
      openFiles: openFileCount(),
      receipts: deps.content.receipts.counts,
    }),
  };
}
