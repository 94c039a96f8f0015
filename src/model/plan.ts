/** The tracking plan: what events and traits should look like, and what becomes of those that don't. Plain data. */
import type { JsonObject } from "./event.ts";

/** `allow`: kept and counted; `quarantine`: held back, can be replayed; `block`: refused and not kept, only counted. */
export const planModes = ["allow", "quarantine", "block"] as const;
export type PlanMode = (typeof planModes)[number];

/** What one event, or the traits of identify, must look like. */
export interface PlannedShape {
  readonly version: number;
  /** Null: what the source or the plan says. */
  readonly mode: PlanMode | null;
  /** JSON Schema (draft 7, or 2020-12 where its $schema says so) of the properties, or of the traits. */
  readonly schema: JsonObject;
}

export interface PlannedEvent extends PlannedShape {
  /** The track event's name. */
  readonly event: string;
}

export interface PlanRules {
  readonly events: readonly PlannedEvent[];
  /** What identify's traits must look like; null: anything goes. */
  readonly traits: PlannedShape | null;
  /** For everything that neither its shape nor its source says otherwise about. */
  readonly mode: PlanMode;
  /** Modes by source; a source's mode goes before a shape's. */
  readonly sources: Readonly<Record<string, PlanMode>>;
  /** For track events that the plan doesn't name. */
  readonly unplanned: PlanMode;
}

/** One way in which an event breaks the plan. */
export interface Violation {
  /** The schema's keyword, such as `required` or `type`; `unplanned`: the plan has no such event. */
  readonly rule: string;
  /** Dotted path from the properties or traits down, `*` for a place in a list; empty: the whole. */
  readonly property: string;
}

/** What the plan finds in one event. */
export interface Finding {
  /** The track event's name, or `identify` for traits. */
  readonly event: string;
  /** Version of the shape that it was held against; 0: none. */
  readonly version: number;
  readonly mode: PlanMode;
  /** At least one, at most `maxViolations`. */
  readonly violations: readonly Violation[];
}

/** Most violations that are told of one event. */
export const maxViolations = 20;

/** What a finding says to the sender: the plan's own words, nothing of what was sent. */
export function findingText({ event, version, violations }: Finding): string {
  const [first] = violations;
  if (first === undefined || first.rule === "unplanned") return "The tracking plan does not name this event.";
  const what = event === "identify" ? "the traits" : "the event";
  const where = first.property === "" ? what : `${what} at ${first.property}`;
  const more = violations.length === 1 ? "" : ` (and ${violations.length - 1} more)`;
  return `Version ${version} of the tracking plan: ${where} breaks the rule ${first.rule}${more}.`;
}
