/**
 * The rules and the tracking plan that a data folder is used with. The journal remembers them, so that commands which
 * open the folder without a configuration judge, read and fold alike; profiles say which rules they were folded with.
 */
import type { Definition, Definitions } from "../model/definition.ts";
import { windowsInUse } from "../model/membership.ts";
import type { PlanRules } from "../model/plan.ts";
import { TrackingPlan } from "../model/planCheck.ts";
import { noRules, type Rules } from "../model/rules.ts";
import { useEpochs } from "./segmentEpochs.ts";
import { readUntold } from "./untold.ts";
import { definitionsWith, dropLists, keepLists, type ListBytes } from "./segmentLists.ts";

/** Rules as configured; `stored`: those that the folder was last served with. */
export type ChosenRules = Rules | "stored";

/** The plan as configured, null for none; `stored`: the one that the folder was last served with. */
export type ChosenPlan = PlanRules | null | "stored";

/** Where the journal's `meta` keeps them. */
export const rulesMeta = "computedTraits";
const planMeta = "trackingPlan";

/** The part of the journal that remembers definitions. */
interface Memory {
  getMeta(name: string): string | null;
  setMeta(name: string, value: string): void;
  metaNames(prefix: string): readonly string[];
  removeMeta(name: string): void;
  lastFolded(): number;
}

/** The rules to use; new ones are remembered as of `nowMs`, with the lists that they name. */
export function useRules(journal: Memory, chosen: ChosenRules, nowMs: number, lists?: ListBytes): Rules {
  const known = journal.getMeta(rulesMeta);
  if (chosen === "stored") return rulesIn(known);
  keepLists(journal, chosen, lists);
  useEpochs(journal, chosen, nowMs);
  const text = JSON.stringify(chosen);
  if (text !== (known ?? JSON.stringify(noRules))) journal.setMeta(rulesMeta, text);
  const untold = readUntold(journal);
  dropLists(journal, untold === null ? [chosen] : [chosen, untold.rules]);
  return chosen;
}

/**
 * The rules to start with where other ones are chosen and the change can be made at work: those of the last run, which
 * profiles and followers of the feed know. The chosen ones are checked, and their lists kept. Throws as compiling does.
 */
export function rulesOfLastRun(
  journal: Memory & { head(): number },
  chosen: ChosenRules,
  lists?: ListBytes,
): Rules | null {
  const known = journal.getMeta(rulesMeta);
  if (chosen === "stored" || known === null || journal.head() === 0) return null;
  const former = rulesIn(known);
  const isSame = JSON.stringify(former) === JSON.stringify(chosen);
  if (isSame || JSON.stringify(former.identity) !== JSON.stringify(chosen.identity)) return null;
  keepLists(journal, chosen, lists);
  definitionsWith(journal, chosen);
  return former;
}

/** What the journal remembers; null: nothing. */
export function rulesIn(text: string | null): Rules {
  if (text === null) return noRules;
  // Written by useRules alone; folders of before rules had parts hold the computed traits' list.
  const value = JSON.parse(text) as Rules | readonly Definition[];
  return Array.isArray(value) ? { ...noRules, computed: value } : { ...noRules, ...(value as Rules) };
}

/**
 * A short name of the evidence that these definitions ask for, of the segments that they make and of what else they
 * have told when time passes; profiles of another name must be folded anew.
 */
export function evidenceName(definitions: Definitions): string {
  const { plans, identity, consent, fingerprint, segments, watched } = definitions;
  const isPlain =
    plans.length === 0 && identity.fingerprint === "" && Object.keys(consent.categories).length === 0;
  const evidence = isPlain ? "" : Bun.hash.wyhash(fingerprint).toString(36);
  const windows = segments.size === 0 && watched.size === 0 ? [] : windowsInUse(definitions);
  const told = watched.size === 0 || windows.length === 0 ? "" : windows.map(({ name }) => name).join("\n");
  const membership = segments.size === 0 && told === "" ? null : `${segments.fingerprint}${told}`;
  return membership === null ? evidence : `${evidence}-${Bun.hash.wyhash(membership).toString(36)}`;
}

/** The tracking plan that the journal remembers, as it was configured; null: none. */
export function rememberedRules(journal: Pick<Memory, "getMeta">): PlanRules | null {
  // Written below alone.
  return JSON.parse(journal.getMeta(planMeta) ?? "null") as PlanRules | null;
}

/** The same, ready for use. */
export function rememberedPlan(journal: Pick<Memory, "getMeta">): TrackingPlan | null {
  const plan = rememberedRules(journal);
  return plan === null ? null : new TrackingPlan(plan);
}

/** The tracking plan to use; a new one is remembered. */
export function usePlan(journal: Memory, chosen: ChosenPlan): TrackingPlan | null {
  const known = journal.getMeta(planMeta) ?? "null";
  if (chosen !== "stored" && JSON.stringify(chosen) !== known)
    journal.setMeta(planMeta, JSON.stringify(chosen));
  return rememberedPlan(journal);
}
