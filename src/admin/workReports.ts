/** What work on the configuration and on the quarantine gives, in plain data that pages read too. */
import type { RuleDifference, RulesRehearsed } from "../model/ruleDifference.ts";

/** What applying a configuration would change. */
export interface ConfigDifference {
  readonly rules: readonly RuleDifference[];
  /** The tracking plan, by event. */
  readonly plan: readonly RuleDifference[];
  readonly destinations: readonly RuleDifference[];
  /** How the data is watched: audits, and the freshness target. */
  readonly watching: readonly RuleDifference[];
  /** Sections that are another and are read at the next start only. */
  readonly atNextStart: readonly string[];
  /** What can't change while the server runs; with any, nothing is applied. */
  readonly needsRebuild: readonly RuleDifference[];
}

/** What is wrong with a configuration, with where it stands; null: nowhere in particular. */
export interface ConfigMark {
  readonly text: string;
  readonly line: number | null;
  readonly column: number | null;
}

/** A text checked: what is wrong with it, or what it would change. */
export interface ConfigVerdict {
  readonly problems: readonly ConfigMark[];
  /** Null: there are problems. */
  readonly difference: ConfigDifference | null;
}

export interface ConfigPlanned extends ConfigDifference {
  /** What the new rules would do to profiles; null when they are the same. */
  readonly effect: RulesRehearsed | null;
}

export interface ConfigApplied extends ConfigDifference {
  /** Profiles that have other values now. */
  readonly profiles: number;
}

export type ConfigSaved =
  | { readonly kind: "saved"; readonly applied: ConfigApplied }
  /** Somebody else changed the file since the editing began. */
  | { readonly kind: "changed" }
  /** The file can't be written from here. */
  | { readonly kind: "fixed"; readonly why: string };

/** The configuration file as it lies on the disk. */
export interface ConfigFileNow {
  readonly path: string;
  readonly text: string | null;
  /** Names what it holds, to be given when it is replaced. */
  readonly base: string;
  /** Why it can't be written from here; null: it can. */
  readonly fixedBecause: string | null;
}

/** What became of pieces of the quarantine that were mended and sent again, or would become of them. */
export interface MendReport {
  readonly pieces: number;
  readonly accepted: number;
  /** By the reason that they were held for, which names the rule; the most frequent first. */
  readonly held: readonly {
    readonly code: string;
    readonly message: string;
    readonly pieces: number;
    readonly accepted: number;
  }[];
  /** By what was said of them, the most frequent first. */
  readonly refused: readonly { readonly code: string; readonly message: string; readonly count: number }[];
  /** The first few, before and after; of a dry run alone. */
  readonly samples: readonly {
    readonly quarantineId: string;
    readonly before: unknown;
    readonly after: unknown;
  }[];
}
