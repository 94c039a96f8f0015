/**
 * One destination at work. Its loops share one state:
 *
 *   intake    the change log and the walk over all profiles → the queue (intake.ts)
 *   workers   two more than it may have connections: take what is due, plan, wait for a connection, send, settle; where
 *             there are several, the first leaves the batch lane alone, so that a backfill never holds all of them
 *   jobs      what the other side works on by itself (jobFollower.ts)
 *   changes   instead of all these, for a destination that takes every change in order (changeFollower.ts)
 *
 * It sends unless it is paused (an operator), stopped (the other side will take nothing before an operator acts), held
 * by its breaker, or out of its turn. Nothing that fails here reaches another destination.
 */
import type { CrashPoint } from "../../lib/crashPoint.ts";
import { Connections } from "./connections.ts";
import { describeError } from "../../lib/describeError.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Ids } from "../../lib/id.ts";
import type { Log } from "../../lib/log.ts";
import type { Timers } from "../../lib/timers.ts";
import { lanes } from "../../model/delivery/delivery.ts";
import type { DestinationSetting } from "../../model/delivery/destinationSetting.ts";
import type { Window } from "../../model/delivery/pacing.ts";
import type { ChangeLog } from "../../store/changeLog.ts";
import type { OpsDesk } from "../../store/ops/opsDesk.ts";
import type { Delivery, DestinationState, QueueCounts, Settlement } from "../../store/ops/deliveries.ts";
import type { Profiles } from "../../store/profiles.ts";
import { sentOf, verdictOf, type Sent } from "./answers.ts";
import { ChangeFollower } from "./changeFollower.ts";
import { Courier, type CourierDeps, type Parcel } from "./courier.ts";
import type { Answer, OpenDestination, OutRequest, RowCapability } from "./destination.ts";
import { DelivererCounts, type DeliveredListener } from "./delivererCounts.ts";
import { Gate } from "./gate.ts";
import { Intake } from "./intake.ts";
import { followJobs } from "./jobFollower.ts";
import type { Mask } from "./mask.ts";
import { plan, settlementOf, type PlanningDeps, type SendMaker } from "./planning.ts";
import type { Turnstile } from "./turnstile.ts";
import { Wake } from "./wake.ts";
import type { WantedOf } from "./wanted.ts";

export interface DelivererDeps extends DeliveredListener {
  readonly ops: Pick<OpsDesk, "ask">;
  readonly changes: ChangeLog;
  readonly profiles: Profiles;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly ids: Ids;
  readonly log: Log;
  readonly crash: CrashPoint;
  readonly sends: () => SendMaker | null;
  readonly turnstile: Turnstile;
}

/** A destination that is set up. */
export interface SetUp {
  readonly setting: DestinationSetting;
  readonly open: OpenDestination;
  readonly wantedOf: WantedOf;
  readonly mask: Mask;
  readonly send: (request: OutRequest, signal: AbortSignal) => Promise<Answer>;
}

/** Rows taken at once at most. */
const mostTaken = 5_000;
const idleMs = 5_000;
const underWayMs = 250;
/** Clocks are set right by less without anybody noticing. */
const clockStepMs = 60_000;
/** Rows planned before others have their turn. */
const plannedAtOnce = 40;
/** Rows of profiles written down in one call: whatever is urgent waits behind one of these at most. */
const writtenAtOnce = 125;
const countsHeldMs = 250;
/** Counting takes at most this part of the time. */
const countsShare = 20;
/** A request under way has so long to be answered when the destination is closed; its outcome is unknown then. */
const graceMs = 5_000;
/** So many prepare rows while every connection has a request under way. */
const workersAhead = 2;
/** So often something aside waits for its turn. */
const mostAsideTries = 30;
/** After an error of our own. */
const restMs = 1_000;

export class Deliverer {
  readonly setUp: SetUp;
  readonly id: number;
  readonly counts = new DelivererCounts();
  readonly #deps: DelivererDeps;
  readonly #abort = new AbortController();
  /** Ends requests that are under way. */
  readonly #cut = new AbortController();
  readonly #wake: Wake;
  readonly #gate: Gate;
  readonly #intake: Intake;
  readonly #courier: Courier;
  readonly #parts: CourierDeps;
  readonly #follower: ChangeFollower | null;
  #latestMs = 0;
  #queue: { readonly untilMs: number; readonly counts: QueueCounts } | null = null;
  #running: Promise<unknown> = Promise.resolve();

  constructor(setUp: SetUp, state: DestinationState, deps: DelivererDeps) {
    this.setUp = setUp;
    this.id = state.id;
    this.#deps = deps;
    this.#wake = new Wake(deps.timers);
    const { open, setting } = setUp;
    this.#gate = new Gate(windowsOf(setUp), state, { ...deps, wake: this.#wake, signal: this.#abort.signal });
    const common = { ...deps, setting, open, signal: this.#abort.signal, wake: this.#wake };
    this.#intake = new Intake({ ...common, nowMs: () => this.#nowMs() }, state, async () => {
      const { byLane } = await this.queue();
      return { batch: byLane.batch, all: byLane.transactional + byLane.behavioural + byLane.batch };
    });
    this.#parts = this.#courierDeps();
    this.#courier = new Courier(this.#parts);
    this.#follower =
      open.changes === undefined
        ? null
        : new ChangeFollower(
            { ...deps, id: this.id, namespace: setting.namespace, parts: this.#parts, wake: this.#wake },
            open.changes,
            state.cursor,
          );
  }

  /** Begins to work. */
  start(): void {
    const loops = [this.#guarded(() => this.#intakeOrFollow()), this.#guarded(() => this.#intake.fill())];
    if (takesRows(this.setUp.open)) {
      const { connections } = this;
      // Over one connection, rows go in the order of the queue: nobody prepares others ahead of them.
      const workers = connections === 1 ? 1 : connections + workersAhead;
      for (let at = 0; at < workers; at += 1)
        loops.push(this.#guarded(() => this.#work(workers > 1 && at === 0)));
      const job = {
        ops: this.#deps.ops,
        id: this.id,
        courier: this.#courier,
        parts: this.#parts,
        wake: this.#wake,
      };
      loops.push(this.#guarded(() => followJobs(job)));
    }
    this.#running = Promise.all(loops);
  }

  /** Lets requests under way end, then rests for ever. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#wake.end();
    using _timer = this.#deps.timers.after(graceMs, () => this.#cut.abort());
    await this.#running;
    this.setUp.open.close?.();
  }

  /** Takes up at once what was put into the queue. */
  nudge(): void {
    this.#queue = null;
    this.#wake.wake();
  }

  pause(isPaused: boolean): void {
    this.#gate.pause(isPaused);
    this.#wake.wake();
  }

  get connections(): number {
    const { open, setting } = this.setUp;
    return Math.max(
      1,
      Math.min(open.limits.connections, setting.limits.connections ?? open.limits.connections),
    );
  }

  /** Whether it may send, and why not. */
  get gate(): Pick<Gate, "isPaused" | "stopped" | "breaker"> {
    return this.#gate;
  }

  get cursor(): number {
    return this.#follower?.cursor ?? this.#intake.cursor;
  }

  get backfill(): DestinationState["backfill"] {
    return this.#intake.backfill;
  }

  /** The queue by lane, as it was a moment ago. */
  async queue(): Promise<QueueCounts> {
    const { clock, ops } = this.#deps;
    const nowMs = clock.monotonicMs();
    if (this.#queue !== null && nowMs < this.#queue.untilMs) return this.#queue.counts;
    const counts = await ops.ask("deliveries", "counts", this.id);
    // A long queue takes long to count, and holds others up meanwhile: it is counted the less often.
    const doneMs = clock.monotonicMs();
    this.#queue = { untilMs: doneMs + Math.max(countsHeldMs, (doneMs - nowMs) * countsShare), counts };
    return counts;
  }

  /** Asks it something of its own, such as what it has of a profile, in its turn; null: not now. */
  async askAside(operation: string, request: OutRequest): Promise<Answer | null> {
    const cost = { rows: 1, bytes: 0 };
    for (let tries = 0; tries < mostAsideTries; tries += 1) {
      if (this.#abort.signal.aborted) return null;
      if (await this.#gate.turn(cost, "batch")) {
        const answer = await this.#parts.send(request);
        const verdict = verdictOf(answer, this.#parts, () => null);
        this.#told(sentOf(operation, [], verdict, answer, this.#deps.clock.nowMs()));
        return answer;
      }
      await this.#wake.sleep(restMs);
    }
    return null;
  }

  #intakeOrFollow(): Promise<void> {
    return this.#follower === null ? this.#intake.follow() : this.#follower.follow();
  }

  /** A loop that ends only with the destination; an error of our own is said, and it goes on. */
  async #guarded(loop: () => Promise<void>): Promise<void> {
    const { signal } = this.#abort;
    for (;;) {
      try {
        await loop();
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#gate.forgetTrial();
        this.#deps.log.error("a destination's loop failed and goes on", {
          source: this.setUp.setting.name,
          ...describeError(error),
        });
        await this.#wake.sleep(restMs);
      }
    }
  }

  async #work(leavesBatch: boolean): Promise<void> {
    const { clock, ops, turnstile } = this.#deps;
    const most = leavesBatch ? lanes.slice(0, 2) : lanes;
    const limit = this.#rowsAtOnce();
    while (!this.#abort.signal.aborted) {
      const held = this.#gate.heldMs();
      if (held !== 0) {
        await this.#wake.sleep(held);
        continue;
      }
      const open = most.filter((lane) => this.#gate.laneWaitMs(lane) === 0);
      const at = { nowMs: this.#nowMs(), monotonicMs: clock.monotonicMs() };
      await this.#noteClock(at.nowMs);
      const { rows, nextDueMs } = await turnstile.pass(open.includes("batch") ? limit : 1, () =>
        ops.ask("deliveries", "take", this.id, open, limit, at),
      );
      if (rows.length > 0) {
        // It may have been stopped while the rows were taken.
        await (this.#gate.heldMs() === null ? this.#parts.release(rows) : this.#deliver(rows));
        continue;
      }
      const waits = most.map((lane) => this.#gate.laneWaitMs(lane)).filter((waitMs) => waitMs > 0);
      // What is due and was not given is under way: whoever has it takes what comes after it.
      const isUnderWay = nextDueMs !== null && nextDueMs <= at.nowMs;
      const dueInMs = nextDueMs === null ? idleMs : isUnderWay ? underWayMs : nextDueMs - at.nowMs;
      await this.#wake.sleep(Math.max(5, Math.min(idleMs, dueInMs, ...waits)));
    }
  }

  /** Wall time; the latest that was seen tells whether the clock goes back. */
  #nowMs(): number {
    const nowMs = this.#deps.clock.nowMs();
    this.#latestMs = Math.max(this.#latestMs, nowMs);
    return nowMs;
  }

  /** What was put off by a clock that went back since is put off for as long as was meant. */
  async #noteClock(nowMs: number): Promise<void> {
    const wentBackMs = this.#latestMs - nowMs;
    if (wentBackMs < clockStepMs) return;
    this.#latestMs = nowMs;
    await this.#deps.ops.ask("deliveries", "calm", this.id, nowMs, wentBackMs);
  }

  #rowsAtOnce(): number {
    const { open, setting } = this.setUp;
    const { upsert, audience, suppress, event, send, erase } = open;
    const abilities = [upsert, audience, suppress, event, send, erase];
    const most = Math.max(1, ...abilities.map((one) => one?.maxRows ?? 1));
    return Math.min(mostTaken, most, setting.limits.batchRows ?? most);
  }

  async #deliver(rows: readonly Delivery[]): Promise<void> {
    const groups = new Map<string, { readonly capability: RowCapability; readonly parcels: Parcel[] }>();
    const settled: Settlement[] = [];
    const deps: PlanningDeps = { ...this.setUp, profiles: this.#deps.profiles, sends: this.#deps.sends() };
    const nowMs = this.#deps.clock.nowMs();
    for (const [at, delivery] of rows.entries()) {
      if (at % plannedAtOnce === plannedAtOnce - 1)
        await new Promise<void>((resolve) => setImmediate(resolve));
      const planned = await plan(delivery, deps, nowMs);
      if (planned === null) {
        await this.#parts.release(rows);
        return this.#wake.sleep(restMs);
      }
      if (planned.kind !== "parcel") settled.push(settlementOf(delivery, planned, nowMs));
      else {
        const key = `${planned.capability}/${planned.group}`;
        const group = groups.get(key) ?? { capability: planned.capability, parcels: [] };
        group.parcels.push(planned.parcel);
        groups.set(key, group);
      }
    }
    if (settled.length > 0) await this.#parts.settle(settled);
    const lane = rows[0]?.lane ?? "batch";
    for (const { capability, parcels } of groups.values())
      await this.#courier.deliver(capability, parcels, lane);
  }

  #courierDeps(): CourierDeps {
    const { ops, clock, ids, crash, log, turnstile } = this.#deps;
    const connections = new Connections(this.connections);
    const { open, mask, send, setting } = this.setUp;
    const nowMs = () => this.#nowMs();
    return {
      open,
      mask,
      crash,
      nowMs,
      monotonicMs: () => clock.monotonicMs(),
      random: () => ids.random(),
      signal: this.#abort.signal,
      cut: this.#cut.signal,
      send: (request) => send(request, this.#cut.signal),
      connection: (lane) => connections.take(lane),
      turn: (cost, lane, isFurther) => this.#gate.turn(cost, lane, isFurther),
      begin: async (beginnings, leased) => {
        for (const some of smallParts(beginnings, leased))
          await turnstile.pass(some.length, () => ops.ask("deliveries", "begin", this.id, some, leased));
      },
      settle: async (settlements) => {
        // What may not be sent twice is written down as a whole.
        const isWhole = settlements.some(({ ref }) => ref.kind !== "profile");
        for (const some of smallParts(settlements, isWhole))
          await turnstile.pass(some.length, () => ops.ask("deliveries", "settle", this.id, some, nowMs()));
        await this.#tellSends(settlements);
        // Whoever follows jobs may sleep for longer than this one takes.
        if (settlements.some(({ kind }) => kind === "job")) this.#wake.wake();
      },
      release: (deliveries) => ops.ask("deliveries", "release", this.id, deliveries),
      stop: async (reason) => {
        this.#gate.stopped = mask(reason);
        log.error("a destination takes nothing before somebody acts", { source: setting.name });
        await ops.ask("destinations", "stop", this.id, this.#gate.stopped);
      },
      told: (sent) => this.#told(sent),
    };
  }

  #told(sent: Sent): void {
    this.#gate.told(sent);
    const reason = sent.reason === null ? null : this.setUp.mask(sent.reason);
    this.counts.note({ ...sent, reason }, this.#deps.clock.nowMs(), this.#deps.onDelivered);
  }

  /** Whoever made a message hears what became of it. */
  async #tellSends(settlements: readonly Settlement[]): Promise<void> {
    const sends = this.#deps.sends();
    if (sends === null) return;
    for (const settlement of settlements) {
      if (settlement.ref.kind !== "send") continue;
      const reason = settlement.note?.reason ?? null;
      // What was taken is what is settled: a send is never settled as anything less.
      const delivery = settlement.ref as Delivery;
      if (settlement.kind === "dead") await sends.told(delivery, "dead", settlement.letter.reason);
      else if (settlement.kind === "done")
        await sends.told(delivery, settlement.note?.outcome === "skipped" ? "skipped" : "sent", reason);
    }
  }
}

/** Whether it takes rows of the queue at all. */
function takesRows({ upsert, audience, suppress, event, send, erase }: OpenDestination): boolean {
  return [upsert, audience, suppress, event, send, erase].some((ability) => ability !== undefined);
}

/** Documented windows, and what the operator set below them. */
function windowsOf({ open, setting }: SetUp): readonly Window[] {
  const { requestsPerSecond } = setting.limits;
  const own = requestsPerSecond === null ? [] : [{ perMs: 1_000, requests: requestsPerSecond }];
  return [...open.limits.windows, ...own];
}

/** Rows in calls that hold nobody up for long. */
function smallParts<Row>(rows: readonly Row[], isWhole: boolean): readonly (readonly Row[])[] {
  if (isWhole || rows.length <= writtenAtOnce) return [rows];
  return Array.from({ length: Math.ceil(rows.length / writtenAtOnce) }, (_, at) =>
    rows.slice(at * writtenAtOnce, (at + 1) * writtenAtOnce),
  );
}
