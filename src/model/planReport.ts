/** What past events would have met under a tracking plan, counted. */
import type { Event } from "./event.ts";
import type { TrackingPlan } from "./planCheck.ts";
import type { BrokenRule } from "./planChecked.ts";

const maxSamples = 3;
/** Names come from whoever sends. */
const maxRules = 10_000;

export class PlanReport {
  readonly #plan: TrackingPlan;
  readonly #broken = new Map<string, BrokenRule>();
  /** Events that were held against it. */
  checked = 0;
  /** Events that break it, by what would become of them. */
  readonly failing = { allow: 0, quarantine: 0, block: 0 };

  constructor(plan: TrackingPlan) {
    this.#plan = plan;
  }

  add(event: Event): void {
    this.checked += 1;
    const finding = this.#plan.check(event);
    if (finding === null) return;
    this.failing[finding.mode] += 1;
    const { event: name, mode } = finding;
    for (const { property, rule } of finding.violations) {
      const key = JSON.stringify([name, event.source, property, rule]);
      let broken = this.#broken.get(key);
      if (broken === undefined) {
        if (this.#broken.size >= maxRules) continue;
        broken = { event: name, source: event.source, property, rule, mode, count: 0, samples: [] };
        this.#broken.set(key, broken);
      }
      broken.count += 1;
      broken.samples.push(event.messageId);
      if (broken.samples.length > maxSamples) broken.samples.shift();
    }
  }

  /** Broken rules, the one that most events break first. */
  rules(): readonly BrokenRule[] {
    return [...this.#broken.values()].sort((left, right) => right.count - left.count);
  }
}
