/** Audits and freshness of a running server, put together. */
import { auditOperations } from "./admin/audits/auditOperations.ts";
import { Audits } from "./admin/audits/audits.ts";
import { ErrorBudget } from "./admin/audits/errorBudget.ts";
import { FreshnessWatch } from "./admin/audits/freshnessWatch.ts";
import type { VisibleTimes } from "./admin/audits/visibleTimes.ts";
import type { WatchDeps } from "./admin/audits/watchDeps.ts";
import type { Condition } from "./admin/alerts/condition.ts";
import type { Operations } from "./admin/operation.ts";
import type { ServeSettings } from "./config/settings.ts";
import type { Clock } from "./lib/clock.ts";
import { describeError } from "./lib/describeError.ts";
import type { Ids } from "./lib/id.ts";
import type { Log } from "./lib/log.ts";
import type { Timers } from "./lib/timers.ts";
import { folderPaths } from "./store/folder.ts";
import { JournalReader } from "./store/journalReader.ts";
import { MaintenanceDesk } from "./store/maintenanceDesk.ts";
import type { OpsDesk } from "./store/ops/opsDesk.ts";
import type { Store } from "./store/storeApi.ts";

export interface WatchingDeps {
  readonly store: Store;
  readonly ops: OpsDesk;
  readonly visible: VisibleTimes;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly ids: Ids;
  readonly log: Log;
}

export interface Watching extends WatchDeps {
  readonly watch: FreshnessWatch;
  readonly operations: Operations;
  /** What of it is to raise alerts. */
  readonly conditions: () => readonly Condition[];
  /** Judges by other rules from now on. */
  readonly use: (next: Pick<ServeSettings, "audits" | "freshness">) => void;
  /** Keeps what was counted; to be called before ops.db is closed. */
  close(): Promise<void>;
}

export function openWatching(settings: ServeSettings, deps: WatchingDeps): Watching {
  const { store, ops, clock, log } = deps;
  const { dataFolder: folder } = settings;
  const openJournal = () => new JournalReader(folderPaths(folder).journal);
  const audits = new Audits(
    {
      ...deps,
      folder,
      journal: () => ({
        journalId: store.journalId,
        epoch: store.changes.epoch,
        head: store.status().head,
      }),
      maintenance: new MaintenanceDesk(
        () => new Worker(new URL("./workers/maintenance.ts", import.meta.url)),
      ),
    },
    settings.audits,
  );
  const budget = new ErrorBudget(settings.freshness);
  const watch = new FreshnessWatch({ ...deps, budget, openJournal, head: () => store.changes.head() });
  const onFailed = (error: unknown) => log.warn("an audit could not be done", describeError(error));
  return {
    audits,
    budget,
    watch,
    ops,
    openJournal,
    onFailed,
    operations: auditOperations({ audits, ops }),
    conditions: () => [...audits.conditions(), ...budget.conditions(clock.nowMs())],
    use: (next) => {
      audits.use(next.audits);
      budget.use(next.freshness);
    },
    close: async () => {
      audits[Symbol.dispose]();
      watch[Symbol.dispose]();
      await watch.flush().catch(onFailed);
    },
  };
}
