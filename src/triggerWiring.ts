/** Triggers over what is open. */
import type { Content } from "./contentWiring.ts";
import type { Deliveries } from "./esp/deliver/deliveries.ts";
import { TriggerFollower } from "./esp/trigger/triggerFollower.ts";
import { TriggerSends } from "./esp/trigger/triggerSends.ts";
import type { Clock } from "./lib/clock.ts";
import type { Log } from "./lib/log.ts";
import type { TriggerRules } from "./model/trigger.ts";
import type { OpsDesk } from "./store/ops/opsDesk.ts";
import type { Store } from "./store/storeApi.ts";

export interface TriggerWiringDeps {
  /** Those of the start: what was queued before it is sent by them, also before they are taken into use. */
  readonly rules: TriggerRules;
  readonly ops: OpsDesk;
  readonly store: Store;
  readonly deliveries: Deliveries;
  readonly content: Content;
  readonly clock: Clock;
  readonly log: Log;
}

/** Nothing is set off before `use` and `start`. */
export function openTriggers(deps: TriggerWiringDeps): TriggerFollower {
  const { rules, ops, store, deliveries, content, clock, log } = deps;
  const { profiles } = store;
  const follower = new TriggerFollower(rules, {
    ops,
    clock,
    log,
    changes: store.changes,
    entryAt: (seq) => profiles.entry(seq),
    destinationId: (name) => deliveries.running.get(name)?.id ?? null,
    isTransactional: (topic) => topic !== null && profiles.definitions.consent.transactional.includes(topic),
    onQueued: () => deliveries.nudge(),
  });
  deliveries.makeSendsWith(
    new TriggerSends({
      ops,
      clock,
      profiles,
      rules: () => follower.rules,
      blockOf: (name) => content.shelf?.get(name) ?? null,
      receipts: content.receipts,
      lastGood: content.lastGood,
      readings: content.readings,
      // A message of our own can wait for a better moment; it is never made from memory.
      memoryOnly: () => false,
    }),
  );
  return follower;
}
