/** What the main thread and the writer thread say to each other. */
import type { Answer } from "./accept.ts";
import type { Pair } from "./forbidden.ts";
import type { RefusalReason } from "./folderRefused.ts";
import type { ConfigVersion } from "./configVersions.ts";
import type { RuleChanges } from "./compareRules.ts";
import type { PlanRules } from "../model/plan.ts";
import type { Enrichment } from "../model/facts.ts";
import type { Rules } from "../model/rules.ts";
import type { ListBytes } from "./segmentLists.ts";
import type { Namespace } from "../model/event.ts";
import type { Untold } from "./untold.ts";
import type { ChosenPlan, ChosenRules } from "./usedDefinitions.ts";

/** What is the same for all frames of one key; sent once, referred to by index. */
export interface FrameContext {
  readonly source: string;
  readonly namespace: Namespace;
  readonly trusted: boolean;
}

/** Numbers that stand for one frame in a `FramesMessage`. */
export const frameStride = 8;

/** Calls in the order of their number in `meta`. */
export const calls = [
  "track",
  "identify",
  "page",
  "screen",
  "group",
  "alias",
  "batch",
  "import",
  "stream",
] as const;

/**
 * Many frames at once, in one buffer that is handed over, not copied: `count` times `frameStride` doubles (id, call,
 * context, receivedAtMs, lane (0 live, 1 import), offset and length of the body, length of what stands behind it:
 * the sender, frameSender.ts), then the bodies.
 */
export interface FramesMessage {
  readonly kind: "frames";
  readonly count: number;
  readonly buffer: ArrayBuffer;
}

/** A request for an act of the journal's own, run between two groups. */
export type ControlRequest =
  | { readonly act: "createKey"; readonly key: KeyRow }
  | { readonly act: "revokeKey"; readonly id: string }
  | { readonly act: "listKeys" }
  | { readonly act: "locate"; readonly messageId: string }
  | { readonly act: "erase"; readonly namespace: Namespace; readonly type: string; readonly value: string }
  | { readonly act: "split"; readonly pair: Pair; readonly isLifting: boolean }
  | { readonly act: "replayQuarantine"; readonly id: number; readonly body?: Uint8Array }
  | { readonly act: "rebuild" }
  | { readonly act: "compact" }
  | { readonly act: "settle" }
  /** Late links wait, or wait no more; answers with the head. */
  | { readonly act: "holdLinks"; readonly holds: boolean }
  /** Keeps the lists that rules name; throws when the rules contradict each other. */
  | { readonly act: "checkRules"; readonly rules: Rules; readonly lists?: ListBytes | undefined }
  /** Rows that tell what a change of the rules did to these profiles. */
  | { readonly act: "tellRules"; readonly changes: RuleChanges["changes"]; readonly untold: Untold | null }
  | { readonly act: "noteConfig"; readonly version: Omit<ConfigVersion, "version"> }
  /** Takes another tracking plan into use. */
  | { readonly act: "usePlan"; readonly plan: PlanRules | null };

/** A key as stored; the secret itself never is. */
export interface KeyRow {
  readonly id: string;
  readonly kind: "write" | "secret";
  readonly namespace: Namespace;
  readonly source: string;
  readonly trust: "browser" | "server";
  readonly scopes: readonly string[];
  readonly readableTraits: readonly string[] | null;
  readonly blocks: readonly string[] | null;
  readonly idTypes: readonly string[] | null;
  readonly writeKey: string | null;
  readonly secretSha256: string | null;
  readonly createdAtMs: number;
  readonly revokedAtMs: number | null;
}

export type ToWriter =
  | FramesMessage
  | { readonly kind: "open"; readonly settings: WriterSettings }
  | { readonly kind: "context"; readonly index: number; readonly context: FrameContext }
  | { readonly kind: "control"; readonly id: number; readonly request: ControlRequest }
  /** A rebuilt profile folder is ready to be caught up and used. */
  | { readonly kind: "adopt"; readonly folder: string }
  /** The same of a folder that was rebuilt with other rules, while the one in use goes on until then. */
  | { readonly kind: "takeRules"; readonly folder: string; readonly rules: Rules }
  | { readonly kind: "close" };

/** Everything the writer thread needs to know, plain data. */
export interface WriterSettings {
  readonly folder: string;
  /** False if LMDB must not be trusted (another boot after an unclean stop, a failed check). */
  readonly profilesTrusted: boolean;
  /** Decoded profiles held by the writer, per generation (two are held). */
  readonly hotProfiles: number;
  readonly rules: ChosenRules;
  /** True: where the last run had others that can be changed at work, those stay in use until it is done. */
  readonly keepsRules?: boolean | undefined;
  /** Content of the lists that chosen rules name, by its hash; absent: none. */
  readonly lists?: ListBytes | undefined;
  readonly plan: ChosenPlan;
  /** For the judge; absent: nothing is found out, no address kept. */
  readonly enrichment?: Enrichment | undefined;
  /** Hidden setting for crash tests (lib/crashPoint.ts). */
  readonly crashAt: string | null;
}

/** Whether profiles follow the journal, or only the journal is written. */
export type WriterMode = "live" | "appending";

/** Counters since the start. */
export interface WriterCounts {
  readonly accepted: number;
  readonly repeated: number;
  readonly quarantined: number;
  readonly blocked: number;
  readonly foldFailed: number;
  /** Identifiers that name nobody and were passed over. */
  readonly ignoredIds: number;
  /** Links, aliases and claims beyond a limit, not made. */
  readonly overLimit: number;
  readonly groups: number;
  /** Sum over groups, milliseconds. */
  readonly commitMs: number;
  readonly profilesMs: number;
  readonly foldMs: number;
}

/** A group is on disk, and, in mode live, its profiles are readable. */
export interface GroupMessage {
  readonly kind: "group";
  readonly mode: WriterMode;
  /** Ids of the frames answered `accepted` without rejections. */
  readonly accepted: Float64Array;
  readonly answers: readonly (readonly [id: number, answer: Answer])[];
  /** Newest seq that readers may see. */
  readonly visible: number;
  /** Newest seq in the journal. */
  readonly head: number;
  readonly changedPids: Float64Array;
  /** Frames messages that the writer had taken in by then. */
  readonly received: number;
  readonly counts: WriterCounts;
  readonly committedAtMs: number;
}

export type FromWriter =
  | GroupMessage
  | {
      readonly kind: "opened";
      readonly journalId: string;
      readonly epoch: number;
      readonly head: number;
      readonly visible: number;
      readonly profilesFolder: string | null;
      readonly keys: readonly KeyRow[];
      /** The rules in use. */
      readonly rules: Rules;
      readonly rebuildFrom: string | null;
      /** What a change of the rules left to be told when the server stopped. */
      readonly untold: Untold | null;
    }
  /** Profiles of the new rules are in use from here on. */
  | {
      readonly kind: "rulesTaken";
      readonly folder: string;
      readonly visible: number;
      readonly rules: Rules;
      readonly untold: Untold;
    }
  /** They can't be caught up with: only another rebuild helps. */
  | { readonly kind: "rulesNotTaken"; readonly why: string }
  | { readonly kind: "openFailed"; readonly reason: RefusalReason; readonly message: string }
  /** Profiles can't be used: someone must rebuild them up to `upTo`; `why` is for the log. */
  | { readonly kind: "rebuildNeeded"; readonly upTo: number; readonly why: string }
  | { readonly kind: "live"; readonly folder: string; readonly visible: number }
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly message: string }
  | { readonly kind: "notice"; readonly level: "info" | "warn" | "error"; readonly message: string }
  | { readonly kind: "fatal"; readonly exitCode: number; readonly message: string }
  | { readonly kind: "closed" };
