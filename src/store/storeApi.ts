/**
 * The store as the rest of the program sees it: one door in, the change log and the profiles out, and the acts of an
 * operator.
 */
import type { Namespace } from "../model/event.ts";
import type { PlanRules } from "../model/plan.ts";
import type { Rules } from "../model/rules.ts";
import type { Accept } from "./accept.ts";
import type { Audiences } from "./audiences.ts";
import type { ChangeLog } from "./changeLog.ts";
import type { PlanChecked } from "../model/planChecked.ts";
import type { CheckPlanJob } from "./checkPlan.ts";
import type { ConfigVersion } from "./configVersions.ts";
import type { Replayed } from "./control.ts";
import type { Erased } from "./erase.ts";
import type { KeyRow, WriterCounts } from "./messages.ts";
import type { Profiles } from "./profiles.ts";
import type { QuarantinePages } from "./quarantinePages.ts";
import type { SplitActs } from "./splitActs.ts";
import type { RulesRehearsed } from "../model/ruleDifference.ts";
import type { RulesApplied } from "./ruleChange.ts";
import type { ListBytes } from "./segmentLists.ts";
import type { VerifyReport } from "./verify.ts";

export interface StoreStatus {
  readonly mode: "live" | "rebuilding" | "closed";
  /** Share of a rebuild that is done, 0 to 1; null when none runs. */
  readonly progress: number | null;
  /** The same of a change of the rules. */
  readonly rulesProgress: number | null;
  readonly head: number;
  readonly visible: number;
  readonly inFlightRequests: number;
  readonly inFlightBytes: number;
  readonly journalBytes: number;
  readonly profilesBytes: number;
  readonly counts: WriterCounts | null;
}

/** Acts of an operator. Each throws an Error with a sentence when it can't be done. */
export interface StoreAdmin extends QuarantinePages, SplitActs {
  createKey(key: KeyRow): Promise<void>;
  listKeys(): readonly KeyRow[];
  revokeKey(id: string): Promise<boolean>;
  /** Erases the profile an identifier leads to; null if none does. Call compact() after the last one. */
  erase(namespace: Namespace, type: string, value: string): Promise<Erased | null>;
  /** Takes deleted text out of the files. */
  compact(): Promise<void>;
  /** Takes a piece, or what it was mended to, through the same door again, with its own messageId. */
  replayQuarantine(id: number, mended?: Uint8Array): Promise<Replayed>;
  backup(targetFolder: string): Promise<{ readonly path: string }>;
  /** Throws the profiles away and rebuilds them beside the service; resolves when it has begun. */
  rebuild(): Promise<void>;
  verify(onProgress: (share: number) => void): Promise<VerifyReport>;
  /** Finishes re-attributions that are pending; for tests and before comparisons. */
  settle(): Promise<unknown>;
  /** Those that profiles are folded with and read by. */
  rulesInUse(): Rules;
  /** Takes other rules into use while the service goes on; resolves when every follower can hear what changed. */
  applyRules(rules: Rules, lists?: ListBytes, onProgress?: (share: number) => void): Promise<RulesApplied>;
  /** Finds what other rules would do to profiles, on a copy; `onProgress` is told the share that is done. */
  rehearseRules(
    rules: Rules,
    lists: ListBytes | undefined,
    onProgress: (share: number) => void,
  ): Promise<RulesRehearsed>;
  /** Notes which configuration is in use from now on. */
  noteConfig(version: Omit<ConfigVersion, "version">): Promise<void>;
  /** Configurations that were in use, the newest first. */
  configVersions(limit: number): readonly ConfigVersion[];
  /** What past events would have met under another tracking plan. */
  checkPlan(
    job: Omit<CheckPlanJob, "kind" | "folder" | "before">,
    onProgress: (share: number) => void,
  ): Promise<PlanChecked>;
  /** The tracking plan in use; null: none. */
  planInUse(): PlanRules | null;
  /** Takes another tracking plan into use, at once. */
  usePlan(plan: PlanRules | null): Promise<void>;
}

export interface Store {
  readonly accept: Accept;
  readonly changes: ChangeLog;
  readonly profiles: Profiles;
  readonly audiences: Audiences;
  readonly admin: StoreAdmin;
  readonly journalId: string;
  /** The id that a followed source has reached; null for one that was never followed. */
  lastEventId(source: string): string | null;
  status(): StoreStatus;
  /** Refuses new events; what was submitted is still answered. */
  drain(): void;
  /** Commits what is under way and lets go of the folder. */
  close(): Promise<void>;
}
