/** What is another between two sets of rules, and what that would do. */

export interface RuleDifference {
  /** The part of the rules, such as `computed` or `segments`. */
  readonly part: string;
  readonly name: string;
  readonly kind: "added" | "removed" | "changed";
}

/** What other rules would do to profiles. */
export interface RulesRehearsed {
  /** Profiles looked at. */
  readonly profiles: number;
  /** Of them, those with other values. */
  readonly changed: number;
  /** Profiles with another value, by trait. */
  readonly traits: Readonly<Record<string, number>>;
  /** Profiles that would come into or leave a segment, by segment. */
  readonly segments: Readonly<Record<string, { readonly entered: number; readonly exited: number }>>;
}
