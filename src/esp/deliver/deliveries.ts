/** All destinations at work: opened by their settings, closed, replaced when the settings change, and told of people. */
import type { Clock } from "../../lib/clock.ts";
import { fingerprint } from "../../lib/fingerprint.ts";
import type { DestinationSetting } from "../../model/delivery/destinationSetting.ts";
import type { NewDelivery, QueueCounts } from "../../store/ops/deliveries.ts";
import type { Answer, Destination, OpenDestination, OutRequest } from "./destination.ts";
import { Deliverer, type DelivererDeps, type SetUp } from "./deliverer.ts";
import { reachGuarded, sendGuarded, type Resolve } from "./guard.ts";
import { maskOf } from "./mask.ts";
import { PeopleFollower, type PeopleFollowerDeps } from "./peopleFollower.ts";
import type { SendMaker } from "./planning.ts";
import { Turnstile } from "./turnstile.ts";
import { wantedBy } from "./wanted.ts";

export interface DeliveriesDeps extends Omit<DelivererDeps, "sends" | "turnstile"> {
  /** Every type of destination there is. */
  readonly types: readonly Destination[];
  readonly resolve: Resolve;
  /** Told of merges, undos and erasures before ops.db takes them in. */
  readonly onPeopleActs?: PeopleFollowerDeps["onActs"];
}

/** A destination that freshet.yaml names no more. */
export interface RemovedDestination {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  readonly queue: QueueCounts;
}

const usualTimeoutMs = 30_000;
/** Rows, so that others have their turn in between. */
const forgottenAtOnce = 500;

function waitingOf({ byLane }: QueueCounts): number {
  return byLane.transactional + byLane.behavioural + byLane.batch;
}

export class Deliveries {
  readonly #deps: DeliveriesDeps;
  readonly #running = new Map<string, Deliverer>();
  readonly #people: PeopleFollower;
  #sends: SendMaker | null = null;
  readonly #turnstile = new Turnstile();
  #configured: ReadonlySet<string> | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(deps: DeliveriesDeps) {
    this.#deps = deps;
    this.#people = new PeopleFollower({
      ...deps,
      ...(deps.onPeopleActs === undefined ? {} : { onActs: deps.onPeopleActs }),
      onErasures: () => this.nudge(),
    });
  }

  /** Opens destinations; what was open and is set up in the same way goes on as it is. */
  use(settings: readonly DestinationSetting[]): Promise<void> {
    const turn = this.#last.then(() => this.#use(settings));
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Gives queued sends their messages. */
  makeSendsWith(maker: SendMaker): void {
    this.#sends = maker;
  }

  /** Destinations by name, as they are at work. */
  get running(): ReadonlyMap<string, Deliverer> {
    return this.#running;
  }

  /** Destinations that are configured no more and of which something is left; none before it is known which are. */
  async removed(): Promise<readonly RemovedDestination[]> {
    const configured = this.#configured;
    if (configured === null) return [];
    const { ops } = this.#deps;
    const found: RemovedDestination[] = [];
    for (const { id, name, type } of await ops.ask("destinations", "list")) {
      if (configured.has(name)) continue;
      const queue = await ops.ask("deliveries", "counts", id);
      if (waitingOf(queue) + queue.deadLetters > 0) found.push({ id, name, type, queue });
    }
    return found;
  }

  /** Forgets a destination that is configured no more, with all that waits for it; false: it is still configured. */
  async forget({ id, name }: RemovedDestination): Promise<boolean> {
    const { ops, clock } = this.#deps;
    for (;;) {
      if (this.#configured?.has(name) !== false) return false;
      if (await ops.ask("destinations", "forget", id, forgottenAtOnce, clock.nowMs())) return true;
    }
  }

  /** Puts rows into a destination's queue; resolves when they are on disk. Throws if there is no such destination. */
  async enqueue(name: string, rows: readonly NewDelivery[]): Promise<void> {
    const deliverer = this.#running.get(name);
    if (deliverer === undefined) throw new Error(`there is no destination ${name}`);
    await this.#deps.ops.ask("deliveries", "enqueue", deliverer.id, null, rows, this.#deps.clock.nowMs());
    deliverer.nudge();
  }

  /** Looks at every profile again. */
  async refill(name: string, toPid: number): Promise<void> {
    const deliverer = this.#running.get(name);
    if (deliverer === undefined) return;
    const { setting } = deliverer.setUp;
    await deliverer.stop();
    await this.#deps.ops.ask("destinations", "refill", deliverer.id, toPid, this.#deps.clock.nowMs());
    this.#running.set(name, await this.#open(setting));
  }

  /** Looks at once for what was put into the queues. */
  nudge(): void {
    for (const deliverer of this.#running.values()) deliverer.nudge();
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#people.stop();
    await Promise.all([...this.#running.values()].map((deliverer) => deliverer.stop()));
    this.#running.clear();
  }

  async #use(settings: readonly DestinationSetting[]): Promise<void> {
    const wanted = new Map(settings.map((setting) => [setting.name, setting]));
    this.#configured = new Set(wanted.keys());
    for (const [name, deliverer] of this.#running) {
      const next = wanted.get(name);
      if (next !== undefined && JSON.stringify(next) === JSON.stringify(deliverer.setUp.setting)) continue;
      this.#running.delete(name);
      await deliverer.stop();
    }
    for (const setting of settings)
      if (!this.#running.has(setting.name)) this.#running.set(setting.name, await this.#open(setting));
    this.#people.start();
    for (const { name, queue } of await this.removed())
      this.#deps.log.warn("a destination is configured no more, and what waits for it waits on", {
        source: name,
        count: waitingOf(queue) + queue.deadLetters,
      });
  }

  async #open(setting: DestinationSetting): Promise<Deliverer> {
    const { ops, changes, clock } = this.#deps;
    const setUp = setUpOf(setting, this.#deps);
    const { open } = setUp;
    const takesProfiles = open.upsert ?? open.audience ?? open.suppress;
    const uncertain = (["event", "send"] as const).filter((kind) => open[kind]?.repeat === "uncertain");
    const nowMs = clock.nowMs();
    const state = await ops.ask("destinations", "open", {
      name: setting.name,
      type: setting.type,
      epoch: changes.epoch,
      head: changes.newest(),
      mapping: mappingPrint(setting),
      settings: fingerprint(JSON.stringify(setting)),
      nowMs,
      takesProfiles: takesProfiles !== undefined,
      erases: open.erase !== undefined,
      uncertain,
    });
    const held = await ops.ask("deliveries", "recover", state.id, uncertain, nowMs);
    if (held > 0)
      this.#deps.log.warn(
        "messages may or may not have gone out before the last stop: see the dead letters",
        {
          source: setting.name,
          count: held,
        },
      );
    const deliverer = new Deliverer(setUp, state, {
      ...this.#deps,
      sends: () => this.#sends,
      turnstile: this.#turnstile,
    });
    deliverer.start();
    return deliverer;
  }
}

/** A destination with all that its settings make of it; makes no request. Throws for a type that is not there. */
export function setUpOf(
  setting: DestinationSetting,
  {
    types,
    clock,
    resolve,
  }: { readonly types: readonly Destination[]; readonly clock: Clock; readonly resolve: Resolve },
): SetUp {
  const type = types.find((one) => one.type === setting.type);
  if (type === undefined) throw new Error(`there is no destination of the type ${setting.type}`);
  const never = new AbortController().signal;
  let timeoutMs = setting.limits.timeoutMs ?? usualTimeoutMs;
  const send = (request: OutRequest, signal: AbortSignal): Promise<Answer> =>
    sendGuarded(request, { timeoutMs, signal, allowPrivate: setting.privateNetwork }, resolve);
  const open: OpenDestination = type.open(setting.own, {
    nowMs: () => clock.nowMs(),
    fetch: (request) => send(request, never),
    reach: (host) => reachGuarded(host, { allowPrivate: setting.privateNetwork }, resolve),
  });
  timeoutMs = setting.limits.timeoutMs ?? open.limits.timeoutMs ?? usualTimeoutMs;
  const mask = maskOf(type.secrets(setting.own));
  return { setting, open, wantedOf: wantedBy(setting, open), mask, send };
}

/** What decides what is sent of a profile: where it is another, all are looked at again. */
function mappingPrint({ map, audiences, suppressions, namespace }: DestinationSetting): string {
  return fingerprint(JSON.stringify([map, audiences, suppressions, namespace]));
}
