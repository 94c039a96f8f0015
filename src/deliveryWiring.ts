/** Destinations over what is open. */
import type { ServeSettings } from "./config/settings.ts";
import { Deliveries } from "./esp/deliver/deliveries.ts";
import { systemResolve } from "./esp/deliver/guard.ts";
import { destinationTypes } from "./esp/destinations/catalogue.ts";
import type { Clock } from "./lib/clock.ts";
import { crashAt, noCrash } from "./lib/crashPoint.ts";
import type { Ids } from "./lib/id.ts";
import type { Log } from "./lib/log.ts";
import type { Timers } from "./lib/timers.ts";
import type { PeopleAct } from "./store/ops/deliveries.ts";
import type { OpsDesk } from "./store/ops/opsDesk.ts";
import type { Store } from "./store/storeApi.ts";

export interface DeliveryWiringDeps {
  readonly ops: OpsDesk;
  readonly store: Store;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly ids: Ids;
  readonly log: Log;
  readonly onDelivered: (seq: number, durationMs: number) => void;
  readonly onPeopleActs: (acts: readonly PeopleAct[]) => void;
}

/** Nothing is sent before `use`. */
export function openDeliveries(settings: ServeSettings, { store, ...deps }: DeliveryWiringDeps): Deliveries {
  return new Deliveries({
    ...deps,
    changes: store.changes,
    profiles: store.profiles,
    types: destinationTypes,
    resolve: systemResolve(() => deps.clock.monotonicMs()),
    crash: settings.crashAt === null ? noCrash : crashAt(settings.crashAt),
  });
}
