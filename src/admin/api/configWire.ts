/** What the admin API answers of definitions, the tracking plan and mending, field by field. */
import type {
  ConfigApplied,
  ConfigFileNow,
  ConfigPlanned,
  ConfigVerdict,
  MendReport,
} from "../workReports.ts";
import type { PlanChecked } from "../../model/planChecked.ts";
import type { JobAnswer } from "./adminWire.ts";

/** A version of the configuration that was in use, without its text. */
export interface VersionLine {
  readonly version: number;
  readonly at: string;
  readonly by: string;
  /** A line each: `~ segments.big-spenders`. */
  readonly changes: readonly string[];
}

/** What work on definitions gave. */
export type ConfigResult =
  | { readonly kind: "planned"; readonly plan: ConfigPlanned }
  | { readonly kind: "applied"; readonly applied: ConfigApplied };

export type ConfigJob = JobAnswer<"plan" | "apply", ConfigResult>;

/** GET /admin/api/config */
export interface ConfigAnswer extends ConfigFileNow {
  /** True where the newest version is what the file holds. */
  readonly isInUse: boolean;
  /** Newest first, a hundred at most. */
  readonly versions: readonly VersionLine[];
  readonly job: ConfigJob | null;
  /** Share of a change of the rules that is done, whoever asked for it; null: none is under way. */
  readonly changing: number | null;
}

/** GET /admin/api/config/version */
export interface VersionAnswer extends VersionLine {
  readonly text: string;
}

/** POST /admin/api/config/check */
export type CheckAnswer = ConfigVerdict;

/** What the tracking plan says of one event, or of identify's traits. */
export interface ShapeLine {
  /** A track event's name, or `identify`. */
  readonly event: string;
  readonly version: number;
  /** Its own; null: what the source or the plan says. */
  readonly mode: string | null;
  readonly required: number;
  readonly properties: number;
  /** As a file of the plan would hold it. */
  readonly text: string;
}

/** Where an example of a violation can be looked at. */
export type SampleLine =
  | { readonly kind: "piece"; readonly quarantineId: string }
  | {
      readonly kind: "event";
      readonly label: string;
      readonly profileId: string;
      readonly namespace: "live" | "test";
      readonly messageId: string;
    }
  /** It is not there any more. */
  | { readonly kind: "gone"; readonly label: string };

export interface ViolationLine {
  readonly event: string;
  readonly source: string;
  readonly property: string;
  readonly rule: string;
  readonly mode: string;
  readonly count: number;
  readonly lastAt: string;
  readonly samples: readonly SampleLine[];
}

export type PlanJob = JobAnswer<"check", PlanChecked & { readonly event: string }>;

/** GET /admin/api/plan */
export interface PlanAnswer {
  /** Null: there is no tracking plan. */
  readonly plan: {
    readonly mode: string;
    readonly unplanned: string;
    readonly sources: Readonly<Record<string, string>>;
    readonly shapes: readonly ShapeLine[];
  } | null;
  readonly days: number;
  readonly violations: readonly ViolationLine[];
  readonly job: PlanJob | null;
}

/** GET /admin/api/quarantine/mend; null: nothing was mended since the start. */
export type MendJob = JobAnswer<"preview" | "replay", MendReport & { readonly group: string }>;
export interface MendAnswer {
  readonly job: MendJob | null;
}
