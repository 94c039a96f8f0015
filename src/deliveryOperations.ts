/** The operations on destinations of a running server. */
import { OperationFailed, type Operations } from "./admin/operation.ts";
import { explain, preview, probe, reports, type ActDeps } from "./esp/deliver/acts.ts";
import type { DeliveryWatch } from "./esp/deliver/deliveryWatch.ts";
import type { Deliverer } from "./esp/deliver/deliverer.ts";
import { nearest } from "./lib/nearest.ts";
import type { Profiles, StoredProfile } from "./store/profiles.ts";

export function deliveryOperations(deps: ActDeps, profiles: Profiles, watch: DeliveryWatch): Operations {
  const { deliveries, ops, clock, changes } = deps;
  const named = (name: string): Deliverer => {
    const found = deliveries.running.get(name);
    if (found !== undefined) return found;
    throw new OperationFailed(notThere(name, [...deliveries.running.keys()]));
  };
  /** Also one that is configured no more. */
  const placed = async (name: string): Promise<number> => {
    if (deliveries.running.has(name)) return named(name).id;
    const removed = await deliveries.removed();
    const found = removed.find((one) => one.name === name);
    if (found !== undefined) return found.id;
    throw new OperationFailed(
      notThere(name, [...deliveries.running.keys(), ...removed.map((one) => one.name)]),
    );
  };
  return {
    "destinations.list": () => reports(deps),
    "destinations.history": ({ name, range }) =>
      Promise.resolve(deliveries.running.get(name)?.counts.history.read(range, clock.nowMs()) ?? []),
    "destinations.test": ({ name }) => probe(named(name)),
    "destinations.preview": ({ name, ...id }) => preview(named(name), profileOf(profiles, id), deps),
    "destinations.explain": (id) => explain(profileOf(profiles, id), deps),
    "destinations.deadLetters": async ({ name, beforeId, limit }) =>
      ops.ask("deadLetters", "page", await placed(name), beforeId ?? Number.MAX_SAFE_INTEGER, limit),
    "destinations.replay": async ({ name, ids }) => {
      const id = await placed(name);
      let count = 0;
      let lastId: number | null = 0;
      while (lastId !== null) {
        const done = await replaySome(ops, id, ids, clock.nowMs(), lastId);
        count += done.count;
        lastId = ids === null ? done.lastId : null;
      }
      deliveries.running.get(name)?.nudge();
      return { count };
    },
    "destinations.discard": async ({ name, ids }) => ({
      count: await ops.ask("deadLetters", "discard", await placed(name), ids),
    }),
    "destinations.pause": async ({ name, isPaused }) => {
      const deliverer = named(name);
      await ops.ask("destinations", "pause", deliverer.id, isPaused);
      if (!isPaused) {
        await ops.ask("destinations", "stop", deliverer.id, null);
        await ops.ask("deliveries", "retryNow", deliverer.id, clock.nowMs());
      }
      deliverer.pause(isPaused);
      return null;
    },
    "destinations.drift": ({ name, sample, repair }) => watch.audit(nameOf(named(name)), sample, repair),
    "destinations.refill": async ({ name }) => {
      await deliveries.refill(nameOf(named(name)), changes.newest());
      return null;
    },
    "destinations.forget": async ({ name }) => {
      const removed = (await deliveries.removed()).find((one) => one.name === name);
      if (removed === undefined && !deliveries.running.has(name))
        throw new OperationFailed(`nothing is left of a destination ${name}`);
      if (removed === undefined || !(await deliveries.forget(removed)))
        throw new OperationFailed(`freshet.yaml names ${name}: what waits for it is sent`);
      const { byLane, deadLetters } = removed.queue;
      return { count: byLane.transactional + byLane.behavioural + byLane.batch + deadLetters };
    },
  };
}

function profileOf(
  profiles: Profiles,
  { namespace, type, value }: { namespace: "live" | "test"; type: string; value: string },
): StoredProfile {
  const found = profiles.find(namespace, type, value);
  if (found.kind === "found") return found.profile;
  throw new OperationFailed(
    found.kind === "missing" ? "no profile has that identifier" : "profiles are being rebuilt; ask again",
  );
}

function notThere(name: string, names: readonly string[]): string {
  const meant = nearest(name, names);
  const there = meant === null ? `; there are ${names.join(", ") || "none"}` : `; did you mean ${meant}?`;
  return `there is no destination ${name}${there}`;
}

function nameOf({ setUp }: Deliverer): string {
  return setUp.setting.name;
}

/** Letters of these ids, or the next thousand after one. */
function replaySome(
  ops: ActDeps["ops"],
  destination: number,
  ids: readonly number[] | null,
  nowMs: number,
  afterId: number,
): Promise<{ readonly count: number; readonly lastId: number | null }> {
  return ops.ask("deadLetters", "replay", destination, ids, nowMs, afterId);
}
