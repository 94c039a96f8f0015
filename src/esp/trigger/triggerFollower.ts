/**
 * Reads what sets triggers off out of the change log, from a durable cursor of its own: nothing is missed by a stop, and
 * nothing counts twice. What happened before a trigger was there sets nothing off.
 */
import type { Clock } from "../../lib/clock.ts";
import { describeError } from "../../lib/describeError.ts";
import type { Log } from "../../lib/log.ts";
import type { Change } from "../../model/change.ts";
import type { Json, JsonObject } from "../../model/event.ts";
import { setsOff, type TriggerRules, type TriggerSetting } from "../../model/trigger.ts";
import type { ChangeLog } from "../../store/changeLog.ts";
import type { OpsDesk } from "../../store/ops/opsDesk.ts";
import type { TriggerAct } from "../../store/ops/triggerTable.ts";
import type { HistoryEntry } from "../../store/profiles.ts";

export interface TriggerFollowerDeps {
  readonly ops: Pick<OpsDesk, "ask">;
  readonly changes: ChangeLog;
  readonly clock: Clock;
  readonly log: Log;
  /** An event by its seq; null once it was erased. */
  readonly entryAt: (seq: number) => HistoryEntry | null;
  /** The number of a destination that is at work; null: there is none of that name. */
  readonly destinationId: (name: string) => number | null;
  /** Topics whose messages go before others. */
  readonly isTransactional: (topic: string | null) => boolean;
  /** Something was queued. */
  readonly onQueued: () => void;
}

const pageChanges = 1_000;
/** Where nothing is set off the cursor is written only so often: to read some changes twice does no harm. */
const writeEvery = 5_000;
const lookMs = 5_000;
const againMs = 1_000;

export class TriggerFollower {
  readonly #deps: TriggerFollowerDeps;
  readonly #abort = new AbortController();
  #rules: TriggerRules;
  #since: Readonly<Record<string, number>> = {};
  #place: { epoch: number; seq: number } | null = null;
  #written = 0;
  #isStarted = false;
  #running: Promise<void> | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(rules: TriggerRules, deps: TriggerFollowerDeps) {
    this.#rules = rules;
    this.#deps = deps;
  }

  get rules(): TriggerRules {
    return this.#rules;
  }

  /** Takes triggers into use; resolves when that is on disk. */
  use(rules: TriggerRules): Promise<void> {
    return this.#inTurn(() => this.#use(rules));
  }

  /** Begins to follow, as soon as there is or ever was a trigger; without one there is nothing to look for. */
  start(): void {
    this.#isStarted = true;
    this.#followIfNeeded();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
    await this.#last;
  }

  /** Reads up to the head; one after the other. */
  catchUp(): Promise<void> {
    return this.#inTurn(() => this.#read());
  }

  #followIfNeeded(): void {
    if (this.#isStarted && this.#place !== null) this.#running ??= this.#follow();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #use(rules: TriggerRules): Promise<void> {
    const { ops, changes, clock } = this.#deps;
    const stored = await ops.ask("triggers", "cursor");
    this.#rules = rules;
    // A server that never had a trigger has no rows of them either.
    if (stored === null && rules.triggers.length === 0) return;
    const names = rules.triggers.map(({ name }) => name);
    // Only what readers can see: a trigger that begins beyond it would miss what becomes visible next.
    this.#since = await ops.ask("triggers", "use", names, changes.epoch, changes.head(), clock.nowMs());
    this.#place ??= await ops.ask("triggers", "cursor");
    this.#written = this.#place?.seq ?? 0;
    this.#followIfNeeded();
  }

  async #follow(): Promise<void> {
    const { changes, log } = this.#deps;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        await this.catchUp();
      } catch (error) {
        if (signal.aborted) return;
        log.error(
          "triggers could not be read out of the change log; they are tried again",
          describeError(error),
        );
        await changes.waitBeyond(
          Number.MAX_SAFE_INTEGER,
          AbortSignal.any([signal, AbortSignal.timeout(againMs)]),
        );
      }
      const seen = this.#place?.seq ?? changes.head();
      await changes.waitBeyond(seen, AbortSignal.any([signal, AbortSignal.timeout(lookMs)]));
    }
  }

  async #read(): Promise<void> {
    const { changes, ops, clock, onQueued } = this.#deps;
    const place = this.#place;
    if (place === null) return;
    while (place.seq < changes.head() && !this.#abort.signal.aborted) {
      const { changes: page, scannedTo } = changes.read(place.seq, pageChanges);
      const acts = page.flatMap((change) => this.#actsOf(change));
      if (acts.length > 0 || scannedTo - this.#written >= writeEvery) {
        const queued = await ops.ask("triggers", "take", place.epoch, scannedTo, acts, clock.nowMs());
        this.#written = scannedTo;
        if (queued > 0) onQueued();
      }
      place.seq = scannedTo;
    }
  }

  #actsOf(change: Change): TriggerAct[] {
    const { profileId, mergedFrom, cause } = change;
    if (cause === "erase") return [{ kind: "erase", profiles: [profileId, ...(mergedFrom ?? [])] }];
    const acts: TriggerAct[] =
      mergedFrom === undefined ? [] : [{ kind: "merge", into: profileId, from: mergedFrom }];
    const properties = () => propertiesOf(this.#deps.entryAt(change.seq));
    for (const trigger of this.#rules.triggers) {
      if (change.seq <= (this.#since[trigger.name] ?? Number.POSITIVE_INFINITY)) continue;
      if (trigger.goal?.event === change.event?.name && trigger.goal !== null && cause === "event")
        acts.push({
          kind: "goal",
          trigger: trigger.name,
          profile: profileId,
          atMs: change.timestampMs,
          withinMs: trigger.goal.withinMs,
        });
      if (setsOff(trigger, change, properties)) acts.push(...this.#setOff(trigger, change));
    }
    return acts;
  }

  #setOff({ name, send, limits }: TriggerSetting, change: Change): TriggerAct[] {
    const destination = this.#deps.destinationId(send.through);
    if (destination === null) return [];
    return [
      {
        kind: "setOff",
        trigger: name,
        profile: change.profileId,
        topic: send.topic,
        seq: change.seq,
        // What fell due came about when it fell due, whenever that was noticed.
        atMs: change.cause === "time" ? change.timestampMs : (change.receivedAtMs ?? change.committedAtMs),
        destination,
        lane: this.#deps.isTransactional(send.topic) ? "transactional" : "behavioural",
        oncePerMs: limits.oncePerMs,
      },
    ];
  }
}

function propertiesOf(entry: HistoryEntry | null): JsonObject {
  const body = objectOf(entry?.body);
  return objectOf(body["properties"]);
}

function objectOf(value: Json | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
