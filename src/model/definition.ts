/** What an operator declares about computed traits, as plain data, and the form in which the fold wants it. */

/** Computed traits, ready for the fold. Made once at start; `noDefinitions` costs the fold nothing. */
export interface Definitions {
  /** Number of computed traits. */
  readonly size: number;
}

/** No computed trait at all. */
export const noDefinitions: Definitions = { size: 0 };
