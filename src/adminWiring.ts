/** Everything behind the admin page's API. */
import type { Alerts } from "./admin/alerts/alerts.ts";
import { Attempts } from "./admin/api/attempts.ts";
import { isAdminKey } from "./admin/api/access.ts";
import type { AdminDeps } from "./admin/api/adminContext.ts";
import { Frames } from "./admin/api/frames.ts";
import { Jobs } from "./admin/api/jobs.ts";
import { Preflights } from "./admin/api/preflights.ts";
import { RiverHistory } from "./admin/api/riverHistory.ts";
import { Sessions } from "./admin/api/sessions.ts";
import type { WatchDeps } from "./admin/audits/watchDeps.ts";
import type { CallOperation } from "./admin/operation.ts";
import type { ErrorAnswers } from "./errorAnswers.ts";
import type { Gauges } from "./gauges.ts";
import type { FollowStatus } from "./ingest/follow.ts";
import type { KeysInForce } from "./keysInForce.ts";
import type { Clock } from "./lib/clock.ts";
import type { Ids } from "./lib/id.ts";
import { describeError } from "./lib/describeError.ts";
import type { Log } from "./lib/log.ts";
import type { Timers } from "./lib/timers.ts";
import type { AuditLog } from "./store/ops/audit.ts";
import type { Store } from "./store/storeApi.ts";
import { version } from "./version.ts";

export interface AdminParts {
  readonly store: Store;
  readonly keys: KeysInForce;
  readonly call: CallOperation;
  readonly audit: AuditLog;
  readonly watching: WatchDeps;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly timers: Timers;
  readonly log: Log;
  readonly gauges: Gauges;
  readonly alerts: Alerts;
  readonly follows: () => readonly FollowStatus[];
  readonly answers: ErrorAnswers;
  readonly dataFolder: string;
  readonly publicUrls: readonly string[];
  readonly streams: () => number;
  readonly clientAddress: (request: Request) => string;
  readonly readJson: (request: Request) => Promise<unknown>;
  readonly fedAtMs: (seq: number) => number | null;
}

/** The API's parts; dispose stops what gathers the river's history. */
export function adminDeps(parts: AdminParts): AdminDeps & Disposable {
  const { store, keys, clock, timers, gauges } = parts;
  const status = () => store.status();
  const history = new RiverHistory({ clock, timers, gauges, status });
  const sessions = new Sessions({
    ...parts,
    serverName: store.journalId.slice(-8),
    isKeyGood: (keyId) => {
      const key = keys.secretById(keyId);
      return key !== null && isAdminKey(key.info);
    },
  });
  const secureHosts = new Set(
    parts.publicUrls.filter((url) => url.startsWith("https:")).map((url) => new URL(url).host),
  );
  const onBroken = (error: unknown) =>
    parts.log.error("work begun on the admin page failed", describeError(error));
  return {
    ...parts,
    version,
    sessions,
    findKey: keys.find,
    attempts: new Attempts(() => clock.monotonicMs()),
    jobs: new Jobs(clock, onBroken),
    configJobs: new Jobs(clock, onBroken),
    planJobs: new Jobs(clock, onBroken),
    mendJobs: new Jobs(clock, onBroken),
    frames: new Frames(parts.ids),
    preflights: new Preflights(),
    river: { ...parts, changes: store.changes, history, sources: gauges.sources, status },
    refusalAnswer: (refusal) => parts.answers.refusal(refusal),
    isSecureHost: (host) => host !== null && secureHosts.has(host),
    [Symbol.dispose]: () => history[Symbol.dispose](),
  };
}
