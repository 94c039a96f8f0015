/** Everything an operator configures that decides what a profile is. Plain data, so that the journal can remember it. */
import { compile, type Definition, type Definitions } from "./definition.ts";

export interface Rules {
  readonly computed: readonly Definition[];
}

/** Nothing configured. */
export const noRules: Rules = { computed: [] };

/** The rules in the form in which fold and reads want them. Throws on rules that contradict each other. */
export function compileRules(rules: Rules): Definitions {
  return compile(rules.computed);
}
