/** What past events would have met under a tracking plan, counted. */
import type { Event, JsonObject } from "../model/event.ts";
import type { TrackingPlan } from "../model/planCheck.ts";

/** An event as `export` gives it. */
export interface ExportedEvent {
  readonly type: Event["type"];
  readonly event?: string;
  readonly messageId: string;
  readonly source: string;
  readonly timestamp: string;
  readonly properties?: JsonObject;
  readonly traits?: JsonObject;
}

/** One way in which events broke the plan. */
export interface BrokenRule {
  readonly event: string;
  readonly source: string;
  readonly property: string;
  readonly rule: string;
  readonly mode: string;
  count: number;
  /** messageIds of the newest few. */
  readonly samples: string[];
}

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

  add(exported: ExportedEvent): void {
    this.checked += 1;
    const finding = this.#plan.check(eventOf(exported));
    if (finding === null) return;
    this.failing[finding.mode] += 1;
    const { event, mode } = finding;
    for (const { property, rule } of finding.violations) {
      const key = JSON.stringify([event, exported.source, property, rule]);
      let broken = this.#broken.get(key);
      if (broken === undefined) {
        if (this.#broken.size >= maxRules) continue;
        broken = { event, source: exported.source, property, rule, mode, count: 0, samples: [] };
        this.#broken.set(key, broken);
      }
      broken.count += 1;
      broken.samples.push(exported.messageId);
      if (broken.samples.length > maxSamples) broken.samples.shift();
    }
  }

  /** Broken rules, the one that most events break first. */
  rules(): readonly BrokenRule[] {
    return [...this.#broken.values()].sort((left, right) => right.count - left.count);
  }
}

/** As much of an event as a plan looks at. */
function eventOf({ type, event, messageId, source, timestamp, properties, traits }: ExportedEvent): Event {
  const timestampMs = Date.parse(timestamp);
  return {
    namespace: "live",
    source,
    trusted: true,
    type,
    name: event ?? null,
    messageId,
    userId: null,
    anonymousId: null,
    previousId: null,
    groupId: null,
    timestampMs,
    receivedAtMs: timestampMs,
    index: 0,
    properties: properties ?? {},
    traits: traits ?? {},
  };
}
