/** What is wrong with an operator's settings; the command line prints the lines and exits 2. */
export class ConfigError extends Error {
  readonly problems: readonly string[];
  /** The problems, with where each stands if it stands in a file. */
  readonly lines: readonly string[];

  /** `places`: by problem, such as `line 3, column 5`; null where there is none to tell. */
  constructor(problems: readonly string[], places: readonly (string | null)[] = []) {
    super(problems.join("\n"));
    this.problems = problems;
    this.lines = problems.map((problem, at) => (places[at] ? `${problem} (${places[at]})` : problem));
  }
}
