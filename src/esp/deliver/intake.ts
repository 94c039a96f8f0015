/**
 * How work comes into a destination's queue: from the change log, from its own durable cursor on, and from the walk over
 * all profiles after it was added or its mapping changed. The cursor moves in the same transaction as the rows.
 */
import type { CrashPoint } from "../../lib/crashPoint.ts";
import type { Change } from "../../model/change.ts";
import { laneOf } from "../../model/delivery/delivery.ts";
import type { DestinationSetting } from "../../model/delivery/destinationSetting.ts";
import type { ChangeLog } from "../../store/changeLog.ts";
import type { OpsDesk } from "../../store/ops/opsDesk.ts";
import type { Backfill, NewDelivery } from "../../store/ops/deliveries.ts";
import type { Profiles } from "../../store/profiles.ts";
import type { OpenDestination } from "./destination.ts";
import type { Turnstile } from "./turnstile.ts";
import type { Wake } from "./wake.ts";

export interface IntakeDeps {
  readonly ops: Pick<OpsDesk, "ask">;
  readonly changes: ChangeLog;
  readonly profiles: Profiles;
  readonly setting: DestinationSetting;
  readonly open: OpenDestination;
  readonly signal: AbortSignal;
  readonly wake: Wake;
  readonly nowMs: () => number;
  readonly crash: CrashPoint;
  readonly turnstile: Turnstile;
}

const pageChanges = 500;
const pageProfiles = 500;
/** The walk waits while so many rows of the batch lane are waiting. */
const mostFilled = 10_000;
/** Events don't coalesce: of a destination that takes none for long, the log keeps them, not the queue. */
const mostQueued = 500_000;
const pollMs = 1_000;
const fillPollMs = 200;
/** Longest wait for the head to move; a lost wake-up costs latency, never a change. */
const lookMs = 5_000;

/** Reads changes into the queue until the signal aborts. */
export class Intake {
  readonly #deps: IntakeDeps;
  readonly #id: number;
  #cursor: number;
  #backfill: Backfill | null;
  /** Rows in the queue by the last look. */
  #waiting: () => Promise<{ readonly batch: number; readonly all: number }>;

  constructor(
    deps: IntakeDeps,
    start: { readonly id: number; readonly cursor: number; readonly backfill: Backfill | null },
    waiting: () => Promise<{ readonly batch: number; readonly all: number }>,
  ) {
    this.#deps = deps;
    this.#id = start.id;
    this.#cursor = start.cursor;
    this.#backfill = start.backfill;
    this.#waiting = waiting;
  }

  get cursor(): number {
    return this.#cursor;
  }

  get backfill(): Backfill | null {
    return this.#backfill;
  }

  /** Follows the change log. */
  async follow(): Promise<void> {
    const { changes, ops, signal, wake, nowMs, crash } = this.#deps;
    while (!signal.aborted) {
      const { changes: page, scannedTo } = changes.read(this.#cursor, pageChanges);
      if (scannedTo > this.#cursor) {
        const rows = page.flatMap((change) => this.#rowsOf(change));
        await ops.ask("deliveries", "enqueue", this.#id, scannedTo, rows, nowMs());
        crash("afterDeliveryQueued");
        this.#cursor = scannedTo;
        if (rows.length > 0) wake.wake();
        if ((await this.#waiting()).all > mostQueued) await wake.sleep(pollMs);
        continue;
      }
      const waiting = AbortSignal.any([signal, AbortSignal.timeout(lookMs)]);
      await changes.waitBeyond(this.#cursor, waiting);
    }
  }

  /** Walks over all profiles, if there is a walk to be done. */
  async fill(): Promise<void> {
    const { ops, profiles, setting, signal, wake, nowMs, turnstile } = this.#deps;
    while (this.#backfill !== null && this.#backfill.doneAtMs === null && !signal.aborted) {
      if ((await this.#waiting()).batch > mostFilled) {
        await wake.sleep(fillPollMs);
        continue;
      }
      const { afterPid, toPid } = this.#backfill;
      const page = profiles.page(setting.namespace, afterPid, pageProfiles);
      if (page.kind === "rebuilding") {
        await wake.sleep(pollMs);
        continue;
      }
      const atMs = nowMs();
      const rows = page.profiles
        .filter(({ pid }) => pid <= toPid)
        .map(({ profileId, version }) => profileRow(profileId, "batch", version, atMs));
      const isLast = page.nextPid === null || page.nextPid >= toPid;
      const reached = page.nextPid ?? toPid;
      await turnstile.pass(rows.length, () =>
        ops.ask("deliveries", "fill", this.#id, reached, rows, isLast, atMs),
      );
      const count = this.#backfill.rows + rows.length;
      this.#backfill = { ...this.#backfill, afterPid: reached, rows: count, doneAtMs: isLast ? atMs : null };
      if (rows.length > 0) wake.wake();
      // Others have their turn between two pages.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  #rowsOf(change: Change): NewDelivery[] {
    const { setting, open } = this.#deps;
    if (change.namespace !== setting.namespace || change.cause === "erase") return [];
    const lane = laneOf(change.cause);
    const takesProfiles = open.upsert ?? open.audience ?? open.suppress;
    const rows: NewDelivery[] = [];
    if (takesProfiles !== undefined)
      rows.push(profileRow(change.profileId, lane, change.seq, change.receivedAtMs ?? change.committedAtMs));
    if (open.event !== undefined && this.#isForwarded(change))
      rows.push({
        profile: change.profileId,
        kind: "event",
        item: String(change.seq),
        lane,
        seq: change.seq,
        atMs: change.receivedAtMs ?? change.committedAtMs,
        payload: null,
      });
    return rows;
  }

  /** Only what happened now: what was imported happened long ago. */
  #isForwarded({ cause, event }: Change): boolean {
    const { events } = this.#deps.setting;
    if (cause !== "event" || event === null || event.type !== "track") return false;
    return events === null || (event.name !== null && events.includes(event.name));
  }
}

function profileRow(profile: string, lane: NewDelivery["lane"], seq: number, atMs: number): NewDelivery {
  return { profile, kind: "profile", item: "", lane, seq, atMs, payload: null };
}
