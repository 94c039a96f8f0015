/** Looks at destinations every few seconds, for alerts and metrics; reads some of them back now and then, for drift. */
import { describeError } from "../../lib/describeError.ts";
import type { Log } from "../../lib/log.ts";
import type { Timers } from "../../lib/timers.ts";
import { reports, type ActDeps } from "./acts.ts";
import type { DelivererCounts } from "./delivererCounts.ts";
import { auditDrift, type DriftDeps } from "./drift.ts";
import type { DestinationReport, DriftReport } from "./reports.ts";

export interface DeliveryWatchDeps extends ActDeps, DriftDeps {
  readonly timers: Timers;
  readonly log: Log;
}

/** A destination at one moment. */
export interface DestinationLook extends DestinationReport {
  readonly counts: DelivererCounts;
}

const lookEveryMs = 5_000;
const driftEveryMs = 3_600_000;
const driftSample = 50;
/** Looks that make a minute. */
const keptLooks = 13;

export class DeliveryWatch implements Disposable {
  readonly #deps: DeliveryWatchDeps;
  readonly #timers: readonly Disposable[];
  #looks: (readonly DestinationLook[])[] = [];
  #isLooking = false;

  constructor(deps: DeliveryWatchDeps) {
    this.#deps = deps;
    this.#timers = [
      deps.timers.every(lookEveryMs, () => void this.#guarded(() => this.look())),
      deps.timers.every(driftEveryMs, () => void this.#guarded(() => this.#auditAll())),
    ];
  }

  /** The newest look at each. */
  get latest(): readonly DestinationLook[] {
    return this.#looks.at(-1) ?? [];
  }

  /** About a minute of looks, oldest first. */
  get looks(): readonly (readonly DestinationLook[])[] {
    return this.#looks;
  }

  /** Looks now. */
  async look(): Promise<void> {
    const { deliveries } = this.#deps;
    const found = await reports(this.#deps);
    this.#looks = [
      ...this.#looks.slice(1 - keptLooks),
      found.flatMap((one) => {
        const counts = deliveries.running.get(one.name)?.counts;
        return counts === undefined ? [] : [{ ...one, counts }];
      }),
    ];
  }

  /** Reads some profiles of one destination back. */
  async audit(name: string, sample: number, repair: boolean): Promise<DriftReport | null> {
    const deliverer = this.#deps.deliveries.running.get(name);
    const report =
      deliverer === undefined ? null : await auditDrift(deliverer, this.#deps, { sample, repair });
    if (report !== null && deliverer !== undefined) {
      const { found: _whom, ...rest } = report;
      deliverer.counts.drift = repair ? { ...rest, drifted: 0 } : rest;
    }
    return report;
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
  }

  async #auditAll(): Promise<void> {
    for (const name of this.#deps.deliveries.running.keys()) await this.audit(name, driftSample, false);
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await work();
    } catch (error) {
      this.#deps.log.warn("destinations could not be looked at", describeError(error));
    } finally {
      this.#isLooking = false;
    }
  }
}
