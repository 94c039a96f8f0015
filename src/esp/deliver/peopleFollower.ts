/**
 * Reads merges and erasures out of the change log into what ops.db knows of people, for every destination there ever
 * was, from a cursor of its own: also what was erased while no server ran is taken in at the next start.
 */
import type { Clock } from "../../lib/clock.ts";
import { describeError } from "../../lib/describeError.ts";
import { silentLog, type Log } from "../../lib/log.ts";
import type { Change } from "../../model/change.ts";
import type { ChangeLog } from "../../store/changeLog.ts";
import type { PeopleAct } from "../../store/ops/deliveries.ts";
import type { OpsDesk } from "../../store/ops/opsDesk.ts";

export interface PeopleFollowerDeps {
  readonly ops: Pick<OpsDesk, "ask">;
  readonly changes: ChangeLog;
  readonly clock: Clock;
  readonly log: Log;
  /** Told of what happened to people before it is taken in. */
  readonly onActs?: (acts: readonly PeopleAct[]) => void;
  readonly onErasures: () => void;
}

/** Where nothing happens to people the cursor is written only so often: to read some changes twice does no harm. */
const writeEvery = 20_000;
const lookMs = 5_000;
/** So often it is asked whether there is anything to know of people. */
const beginMs = 1_000;

export class PeopleFollower {
  readonly #deps: PeopleFollowerDeps;
  readonly #abort = new AbortController();
  #place: { epoch: number; seq: number } | null = null;
  #written = 0;
  #running: Promise<void> | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(deps: PeopleFollowerDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#running ??= this.#follow();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
    await this.#last;
  }

  /** Reads up to the head; one after the other. */
  catchUp(): Promise<void> {
    const turn = this.#last.then(() => this.#read());
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #follow(): Promise<void> {
    const { changes, log } = this.#deps;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        await this.catchUp();
      } catch (error) {
        if (signal.aborted) return;
        log.error("merges and erasures could not be taken in; they are tried again", describeError(error));
      }
      // Where nothing is known of anybody there is nothing to wait for but the first one.
      const seen = this.#place?.seq ?? Number.POSITIVE_INFINITY;
      const waitMs = this.#place === null ? beginMs : lookMs;
      await changes.waitBeyond(seen, AbortSignal.any([signal, AbortSignal.timeout(waitMs)]));
    }
  }

  async #read(): Promise<void> {
    const { changes, ops, clock, onActs, onErasures } = this.#deps;
    const place = this.#place ?? (await this.#begin());
    // No destination was ever there, and no receipt was left: nothing is known of anybody.
    if (place === null) return;
    while (place.seq < changes.head() && !this.#abort.signal.aborted) {
      const { changes: page, scannedTo } = changes.readPeople(place.seq);
      const acts = page.flatMap(actOf);
      if (acts.length > 0) onActs?.(acts);
      if (acts.length > 0 || scannedTo - this.#written >= writeEvery) {
        await ops.ask("people", "take", place.epoch, scannedTo, acts, clock.nowMs());
        this.#written = scannedTo;
      }
      place.seq = scannedTo;
      if (acts.some(({ kind }) => kind === "erase")) onErasures();
    }
  }

  /** A journal that was replaced is read from its beginning: what it erased must be erased here too. */
  async #begin(): Promise<{ epoch: number; seq: number } | null> {
    const { changes, ops } = this.#deps;
    const stored = await ops.ask("people", "cursor");
    if (stored === null && (await ops.ask("receipts", "newestId")) === 0) return null;
    const isGood = stored !== null && stored.epoch === changes.epoch && stored.seq <= changes.newest();
    this.#place = isGood ? { ...stored } : { epoch: changes.epoch, seq: changes.floor() };
    this.#written = this.#place.seq;
    return this.#place;
  }
}

/** Takes in, once, what happened to people up to now. */
export async function catchUpWithPeople(
  deps: Pick<PeopleFollowerDeps, "ops" | "changes" | "clock">,
): Promise<void> {
  const follower = new PeopleFollower({ ...deps, log: silentLog, onErasures: () => {} });
  await follower.catchUp();
  await follower.stop();
}

function actOf({ cause, profileId, mergedFrom, seq, committedAtMs: atMs }: Change): PeopleAct[] {
  if (cause === "erase") return [{ kind: "erase", profiles: [profileId, ...(mergedFrom ?? [])], seq, atMs }];
  if (cause === "undo") return [{ kind: "undo", profile: profileId, seq, atMs }];
  return mergedFrom === undefined ? [] : [{ kind: "merge", into: profileId, from: mergedFrom, seq, atMs }];
}
