/** What events would have met under a tracking plan. */

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

/** What events of the time would have met. */
export interface PlanChecked {
  readonly checked: number;
  readonly failing: { readonly allow: number; readonly quarantine: number; readonly block: number };
  /** Events that break the plan in use. */
  readonly failingNow: number;
  /** The one that most events break first. */
  readonly broken: readonly BrokenRule[];
}
