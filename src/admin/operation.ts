/**
 * The operator's acts by name: what each takes, sends along the way, and gives. The command line calls them through
 * one function, whether the data folder is served by a running process (data/freshet.sock) or opened here.
 */
import { z } from "zod";
import type { ProbeReport } from "../esp/deliver/reports.ts";
import type { PreflightReport } from "../esp/content/preflightReport.ts";
import type { AuditRunAnswer, RunAnswer } from "./api/auditWire.ts";
import { destinationParams, type DestinationResults } from "./destinationParams.ts";
import { triggerParams, type TriggerResults } from "./triggerParams.ts";
import type { ExplainedIdentity } from "../model/explainIdentity.ts";
import type { JoinPlan } from "../model/joinPlan.ts";
import { scopes } from "../model/key.ts";
import { tokenParams } from "./tokenParams.ts";
import { areLimitsKept } from "./keyLimits.ts";
import { castKinds } from "../model/mapping.ts";
import type { PlanRules } from "../model/plan.ts";
import type { Explained } from "../model/segmentExplain.ts";
import type { QuarantineGroup } from "../store/journalReader.ts";
import type { PlanChecked } from "../model/planChecked.ts";
import type { ConfigVersion } from "../store/configVersions.ts";
import type { Answer } from "../store/accept.ts";
import type {
  ContentBlockLine,
  ContentBlockReport,
  ContentPreview,
  ReceiptAgain,
  ReceiptReport,
  EspSnippet,
} from "./contentReports.ts";
import type { StoreStatus } from "../store/storeApi.ts";
import type { VerifyReport } from "../store/verify.ts";
import type {
  ConfigApplied,
  ConfigDifference,
  ConfigFileNow,
  ConfigPlanned,
  ConfigSaved,
  ConfigVerdict,
  MendReport,
} from "./workReports.ts";

const namespace = z.enum(["live", "test"]);
const sourceName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/);
const configText = z.string().max(1024 * 1024);
const segmentName = z.string().min(1).max(64);
const named = z.strictObject({ type: z.string().min(1).max(64), value: z.string().min(1).max(2_048) });
const identifier = named.extend({ namespace });

/** Which pieces of the quarantine are meant: named ones, or what waits for one reason from one source. */
const quarantineChoice = {
  ids: z.array(z.int().min(1)).max(10_000).nullable(),
  code: z.string().max(64).nullable(),
  source: z.string().max(256).nullable(),
};

/** What each operation takes; checked where it runs. */
export const operationParams = {
  status: z.strictObject({}),
  profile: identifier.extend({
    /** `whole`: with the origin of everything, for people. Without it plain. */
    view: z.enum(["plain", "verbose", "whole"]).optional(),
    maxAgeMs: z.int().min(0).optional(),
    /** As a read at that instant would have answered. */
    atMs: z.int().min(0).optional(),
    traits: z.array(z.string().max(1_024)).max(500).optional(),
  }),
  history: identifier.extend({ limit: z.int().min(1).max(1_000) }),
  tail: z.strictObject({
    namespace,
    from: z.string().max(40).nullable(),
    follow: z.boolean(),
    limit: z.int().min(0).nullable(),
  }),
  "keys.list": z.strictObject({}),
  "keys.create": z
    .strictObject({
      kind: z.enum(["write", "secret"]),
      namespace,
      source: sourceName,
      trust: z.enum(["browser", "server"]),
      scopes: z.array(z.enum(scopes)).min(1),
      readableTraits: z.array(z.string().min(1).max(256)).max(1_000).nullable(),
      blocks: z
        .array(z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/))
        .min(1)
        .max(1_000)
        .nullable()
        .default(null),
      idTypes: z
        .array(z.string().regex(/^[a-z][a-z0-9_]{0,63}$/))
        .min(1)
        .max(100)
        .nullable()
        .default(null),
    })
    .refine(areLimitsKept),
  "keys.revoke": z.strictObject({ id: z.string().max(64) }),
  import: z.strictObject({
    namespace,
    source: sourceName,
    trust: z.enum(["browser", "server"]),
    events: z.array(z.string()).min(1).max(2_500),
  }),
  export: z.strictObject({ namespace, what: z.enum(["profiles", "events"]) }),
  erase: identifier,
  "plan.violations": z.strictObject({ days: z.int().min(1).max(90) }),
  "plan.show": z.strictObject({}),
  /** `text`: a file of the plan, as it would be. */
  "plan.check": z.strictObject({ text: configText, days: z.int().min(1).max(90) }),
  "audits.run": z.strictObject({}),
  "audits.list": z.strictObject({ limit: z.int().min(1).max(1_000) }),
  /** Null: the newest. */
  "audits.show": z.strictObject({ id: z.int().min(1).nullable() }),
  "config.diff": z.strictObject({}),
  "config.check": z.strictObject({ text: configText }),
  /** Of the file, or of a text in its place. */
  "config.plan": z.strictObject({ text: configText.nullable() }),
  "config.file": z.strictObject({}),
  "config.save": z.strictObject({
    text: configText,
    base: z.string().max(64),
    by: z.string().min(1).max(200),
  }),
  "config.apply": z.strictObject({ by: z.string().min(1).max(200) }),
  "config.history": z.strictObject({ limit: z.int().min(1).max(200) }),
  "segments.list": z.strictObject({}),
  "segments.explain": identifier.extend({ segment: segmentName }),
  "segments.size": z.strictObject({ namespace, segment: segmentName.nullable() }),
  "segments.export": z.strictObject({ namespace, segment: segmentName }),
  "identity.explain": z.strictObject({ namespace, a: named, b: named }),
  "identity.undo": z.strictObject({ namespace, a: named, b: named, lift: z.boolean() }),
  "identity.plan": z.strictObject({
    namespace,
    links: z
      .array(
        z.strictObject({
          userId: z.string().min(1),
          anonymousId: z.string().min(1).nullable(),
          previousId: z.string().min(1).nullable(),
        }),
      )
      .max(50_000),
  }),
  ...tokenParams,
  "content.blocks": z.strictObject({}),
  "content.block": z.strictObject({ block: z.string().max(64) }),
  "content.preview": z.strictObject({
    block: z.string().max(64),
    as: identifier.nullable(),
    /** As it would have been sent then; null: now. */
    atMs: z.int().min(0).nullable(),
    /** A text that is not saved yet, in place of the file's. */
    draft: z.string().max(262_144).nullable(),
    /** A version that was sent, in place of the one that serves. */
    version: z.string().max(64).nullable(),
    level: z.union([
      z.strictObject({ kind: z.enum(["asIs", "unknown"]) }),
      z.strictObject({ kind: z.literal("nothingKnown"), segment: segmentName.nullable() }),
    ]),
  }),
  "content.send": z.strictObject({
    block: z.string().max(64),
    as: identifier.nullable(),
    /** A destination that can send. */
    through: z.string().min(1).max(64),
    to: z.email().max(320),
    subject: z.string().min(1).max(500),
  }),
  "content.preflight": z.strictObject({
    block: z.string().max(64),
    namespace,
    /** Null, and no ids: everybody. */
    segment: segmentName.nullable(),
    ids: z.array(z.string().min(1).max(2_048)).max(50_000).nullable(),
  }),
  "receipts.list": z.strictObject({
    namespace,
    /** Null: everybody's. */
    for: named.nullable(),
    block: z.string().max(64).nullable(),
    fromMs: z.int().min(0),
    /** Null: until now. */
    toMs: z.int().min(0).nullable(),
    limit: z.int().min(1).max(1_000),
  }),
  "receipts.show": z.strictObject({ receipt: z.string().max(40) }),
  "quarantine.list": z.strictObject({ limit: z.int().min(1).max(1_000) }),
  "quarantine.mend": z.strictObject({
    ...quarantineChoice,
    mapping: z.strictObject({
      rename: z.record(z.string(), z.string()),
      cast: z.record(z.string(), z.enum(castKinds)),
      default: z.record(z.string(), z.json()),
    }),
    expression: z.string().max(10_000).nullable(),
    /** Tells what would happen and changes nothing. */
    dryRun: z.boolean(),
  }),
  ...destinationParams,
  ...triggerParams,
  compact: z.strictObject({}),
  verify: z.strictObject({}),
  rebuild: z.strictObject({}),
  backup: z.strictObject({ target: z.string().min(1).max(4_096) }),
} as const;

export type OperationName = keyof typeof operationParams;
export type OperationParams<Name extends OperationName> = z.output<(typeof operationParams)[Name]>;

/** A key without its secret. */
export interface KeyReport {
  readonly id: string;
  readonly kind: "write" | "secret";
  readonly namespace: "live" | "test";
  readonly source: string;
  readonly trust: "browser" | "server";
  readonly scopes: readonly string[];
  readonly readableTraits: readonly string[] | null;
  readonly blocks: readonly string[] | null;
  readonly idTypes: readonly string[] | null;
  readonly createdAt: string;
  readonly revokedAt: string | null;
  /** True for a key that freshet.yaml or the demo gives at the start, and which ends with the run. */
  readonly configured: boolean;
}

/** How often one rule of the tracking plan was broken. */
export interface ViolationReport {
  /** A track event's name, `identify` for traits; empty: further names of a day that had too many. */
  readonly event: string;
  readonly source: string;
  readonly property: string;
  readonly rule: string;
  readonly mode: string;
  readonly count: number;
  readonly lastAt: string;
  /** `s<seq>` of an event that was kept, `qrn_<id>` of one that is held back; the newest few. */
  readonly samples: readonly string[];
}

/** A clause of a segment, explained (model/segmentExplain.ts). */
export interface ExplainedClause extends Omit<Explained, "sinceMs" | "turnsAtMs" | "of"> {
  readonly since: string | null;
  readonly turnsAt: string | null;
  readonly of: readonly ExplainedClause[];
}

/** Why a profile is in a segment or is not. */
export interface SegmentExplanation {
  readonly segment: string;
  readonly profileId: string;
  /** The instant that it is explained for. */
  readonly at: string;
  /** When the profile came in; null: it is not in it. */
  readonly since: string | null;
  readonly clause: ExplainedClause;
}

/** What an undo, or its lifting, did. */
export type UndoReport =
  | {
      readonly kind: "done";
      /** Events that tie the two. */
      readonly ties: number;
      /** The profiles that the two lead to now; null: none. */
      readonly profileIds: readonly (string | null)[];
    }
  | { readonly kind: "notTied" | "undoneBefore" | "notUndone" };

/** What each operation gives at its end. Some also send items (a profile, an event, a change) on the way. */
export interface OperationResults extends DestinationResults, TriggerResults {
  readonly status: StoreStatus & { readonly version: string };
  readonly profile: unknown;
  readonly history: unknown;
  readonly tail: null;
  readonly "keys.list": readonly KeyReport[];
  readonly "keys.create": { readonly key: string; readonly info: KeyReport };
  readonly "keys.revoke": boolean;
  readonly import: Answer;
  readonly export: { readonly count: number };
  readonly erase: {
    readonly events: number;
    readonly identifiers: number;
    readonly quarantined: number;
  } | null;
  readonly "plan.violations": readonly ViolationReport[];
  readonly "plan.show": PlanRules | null;
  readonly "plan.check": PlanChecked & { readonly event: string };
  readonly "audits.run": AuditRunAnswer;
  readonly "audits.list": readonly RunAnswer[];
  readonly "audits.show": AuditRunAnswer;
  readonly "config.diff": ConfigDifference;
  readonly "config.check": ConfigVerdict;
  readonly "config.plan": ConfigPlanned;
  readonly "config.apply": ConfigApplied;
  readonly "config.file": ConfigFileNow;
  readonly "config.save": ConfigSaved;
  /** With the path of the file that is read. */
  readonly "config.history": { readonly path: string; readonly versions: readonly ConfigVersion[] };
  readonly "segments.list": readonly { readonly name: string; readonly words: string }[];
  readonly "segments.explain": SegmentExplanation | null;
  readonly "segments.size": {
    /** Number of profiles looked at. */
    readonly profiles: number;
    readonly sizes: readonly { readonly name: string; readonly size: number }[];
  };
  readonly "segments.export": { readonly count: number };
  readonly "identity.explain": ExplainedIdentity;
  readonly "identity.undo": UndoReport;
  readonly "identity.plan": JoinPlan;
  readonly "content.token": { readonly token: string; readonly url: string; readonly keyId: string };
  readonly "content.link": { readonly url: string; readonly keyId: string };
  readonly "content.tokens": { readonly count: number; readonly keyId: string };
  /** What to paste; null: there is no such block. */
  readonly "content.snippet": EspSnippet | null;
  readonly "keys.rotateSigning": { readonly kid: string };
  /** The block as it would be answered; null: there is no such block. */
  readonly "content.preview": ContentPreview | null;
  readonly "content.blocks": readonly ContentBlockLine[];
  /** Null: there is no such block. */
  readonly "content.block": ContentBlockReport | null;
  /** How a test went; null: there is no such block. */
  readonly "content.send": ProbeReport | null;
  /** What a send would be; null: there is no such block. */
  readonly "content.preflight": PreflightReport | null;
  /** Null: nobody has that identifier. */
  readonly "receipts.list": readonly ReceiptReport[] | null;
  /** Null: there is no such receipt. */
  readonly "receipts.show": { readonly receipt: ReceiptReport; readonly again: ReceiptAgain } | null;
  readonly "quarantine.list": readonly QuarantineGroup[];
  readonly "quarantine.mend": MendReport;
  readonly compact: null;
  readonly verify: VerifyReport;
  readonly rebuild: null;
  readonly backup: { readonly path: string };
}

/** Where an operation sends what it has before its end. Waits while the reader is slow. */
export interface Outlet {
  item(value: unknown): Promise<void>;
  progress(share: number): void;
  readonly signal: AbortSignal;
}

/** Runs one operation. Throws OperationFailed with a sentence when it can't be done. */
export type CallOperation = <Name extends OperationName>(
  name: Name,
  params: OperationParams<Name>,
  outlet: Outlet,
) => Promise<OperationResults[Name]>;

/** The operations that something offers. */
export type Operations = {
  readonly [Name in OperationName]?: (
    params: OperationParams<Name>,
    outlet: Outlet,
  ) => Promise<OperationResults[Name]>;
};

/** Why an operation was not done, in words for the operator. */
export class OperationFailed extends Error {}

/** The data folder's disk is full or failed under an operation; exit code 74. */
export class DiskFailed extends Error {}
