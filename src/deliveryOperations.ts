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
    const names = [...deliveries.running.keys()];
    const meant = nearest(name, names);
    throw new OperationFailed(
      `there is no destination ${name}${meant === null ? `; there are ${names.join(", ") || "none"}` : `; did you mean ${meant}?`}`,
    );
  };
  return {
    "destinations.list": () => reports(deps),
    "destinations.history": ({ name, range }) =>
      Promise.resolve(named(name).counts.history.read(range, clock.nowMs())),
    "destinations.test": ({ name }) => probe(named(name)),
    "destinations.preview": ({ name, ...id }) => preview(named(name), profileOf(profiles, id), deps),
    "destinations.explain": (id) => explain(profileOf(profiles, id), deps),
    "destinations.deadLetters": ({ name, beforeId, limit }) =>
      ops.ask("deadLetters", "page", named(name).id, beforeId ?? Number.MAX_SAFE_INTEGER, limit),
    "destinations.replay": async ({ name, ids }) => {
      const deliverer = named(name);
      let count = 0;
      let lastId: number | null = 0;
      while (lastId !== null) {
        const done = await replaySome(ops, deliverer.id, ids, clock.nowMs(), lastId);
        count += done.count;
        lastId = ids === null ? done.lastId : null;
      }
      deliverer.nudge();
      return { count };
    },
    "destinations.discard": async ({ name, ids }) => ({
      count: await ops.ask("deadLetters", "discard", named(name).id, ids),
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
