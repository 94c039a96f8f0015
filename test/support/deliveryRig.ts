/** A store, ops.db on its own thread, and destinations at work over both, with chance and time as a test wants them. */
import { Deliveries, type DeliveriesDeps } from "../../src/esp/deliver/deliveries.ts";
import type { Destination } from "../../src/esp/deliver/destination.ts";
import { destinationTypes } from "../../src/esp/destinations/catalogue.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { noCrash } from "../../src/lib/crashPoint.ts";
import { seededIds } from "../../src/lib/id.ts";
import { silentLog } from "../../src/lib/log.ts";
import { systemTimers } from "../../src/lib/timers.ts";
import type { DestinationSetting } from "../../src/model/delivery/destinationSetting.ts";
import { folderPaths } from "../../src/store/folder.ts";
import { OpsDesk } from "../../src/store/ops/opsDesk.ts";
import { openTestStore, type TestStore, type TestStoreOptions } from "./openTestStore.ts";
import { tempFolder } from "./tempFolder.ts";
import { until } from "./until.ts";

export type PartialSetting = Partial<DestinationSetting> & Pick<DestinationSetting, "type" | "own">;

export interface DeliveryRig extends AsyncDisposable {
  readonly test: TestStore;
  readonly ops: OpsDesk;
  deliveries: Deliveries;
  use(...settings: readonly PartialSetting[]): Promise<void>;
  /** Waits until nothing is left to be sent, or in the named destination's queue nothing but what has to wait. */
  settled(name?: string): Promise<void>;
  /** Ends the destinations and opens them again, as a restart does. */
  restart(): Promise<void>;
}

export interface RigOptions extends TestStoreOptions {
  readonly types?: readonly Destination[];
  readonly deps?: Partial<DeliveriesDeps>;
}

/** Whoever waits with full jitter waits for no time at all. */
const impatient = { ...seededIds(1), random: () => 0 };

export async function deliveryRig(options: RigOptions = {}): Promise<DeliveryRig> {
  const folder = tempFolder();
  const test = await openTestStore(folder.at("data"), options);
  const ops = new OpsDesk({
    path: folderPaths(folder.at("data")).ops,
    start: () => new Worker(new URL("../../src/workers/ops.ts", import.meta.url)),
    onDiskFailed: () => {},
  });
  const open = () =>
    new Deliveries({
      ops,
      changes: test.store.changes,
      profiles: test.store.profiles,
      clock: systemClock,
      timers: systemTimers,
      ids: impatient,
      log: silentLog,
      crash: noCrash,
      types: options.types ?? destinationTypes,
      resolve: () => Promise.resolve(["127.0.0.1"]),
      ...options.deps,
    });
  let used: readonly DestinationSetting[] = [];
  const rig: DeliveryRig = {
    test,
    ops,
    deliveries: open(),
    use: async (...settings) => {
      used = settings.map(settingOf);
      await rig.deliveries.use(used);
    },
    settled: async (name) => {
      await until(
        "all is delivered",
        async () => {
          for (const [of, deliverer] of rig.deliveries.running) {
            if (name !== undefined && of !== name) continue;
            if (deliverer.cursor < test.store.changes.head()) return false;
            if (deliverer.backfill !== null && deliverer.backfill.doneAtMs === null) return false;
            const { byLane } = await ops.ask("deliveries", "counts", deliverer.id);
            if (byLane.transactional + byLane.behavioural + byLane.batch > 0) return false;
          }
          return true;
        },
        20_000,
      );
    },
    restart: async () => {
      await rig.deliveries.close();
      rig.deliveries = open();
      await rig.deliveries.use(used);
    },
    [Symbol.asyncDispose]: async () => {
      await rig.deliveries.close();
      await ops.close();
      await test.close();
      folder[Symbol.dispose]();
    },
  };
  return rig;
}

function settingOf(partial: PartialSetting): DestinationSetting {
  return {
    name: "out",
    namespace: "live",
    map: null,
    audiences: [],
    events: [],
    suppressions: true,
    privateNetwork: true,
    ...partial,
    limits: {
      requestsPerSecond: null,
      connections: null,
      batchRows: null,
      timeoutMs: null,
      ...partial.limits,
    },
  };
}
