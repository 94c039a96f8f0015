/** The tracking plan that a data folder is used with, remembered for commands that open it without a configuration. */
import type { PlanRules } from "../model/plan.ts";
import { TrackingPlan } from "../model/planCheck.ts";

/** The plan as configured, null for none; `stored`: the one that the folder was last served with. */
export type ChosenPlan = PlanRules | null | "stored";

const metaName = "trackingPlan";

/** The part of the journal that remembers it. */
interface Memory {
  getMeta(name: string): string | null;
  setMeta(name: string, value: string): void;
}

/** The plan to use; a new one is remembered. */
export function usePlan(journal: Memory, chosen: ChosenPlan): TrackingPlan | null {
  const known = journal.getMeta(metaName) ?? "null";
  if (chosen !== "stored" && JSON.stringify(chosen) !== known)
    journal.setMeta(metaName, JSON.stringify(chosen));
  // Written here alone.
  const plan = chosen === "stored" ? (JSON.parse(known) as PlanRules | null) : chosen;
  return plan === null ? null : new TrackingPlan(plan);
}
