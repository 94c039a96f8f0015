/** What is wrong with an operator's settings; the command line prints the lines and exits 2. */
export class ConfigError extends Error {
  readonly problems: readonly string[];
  /** The problems, with where each stands if it stands in a file. */
  readonly lines: readonly string[];
  readonly #places: readonly (string | null)[];

  /** `places`: by problem, such as `line 3, column 5`; null where there is none to tell. */
  constructor(problems: readonly string[], places: readonly (string | null)[] = []) {
    super(problems.join("\n"));
    this.problems = problems;
    this.#places = places;
    this.lines = problems.map((problem, at) => (places[at] ? `${problem} (${places[at]})` : problem));
  }

  /** The problems one by one, with line and column where they are known. */
  marks(): { readonly text: string; readonly line: number | null; readonly column: number | null }[] {
    return this.problems.map((text, at) => {
      const place = this.#places[at] ?? "";
      const [, line, column, more = ""] = /^line (\d+), column (\d+)(?:: (.*))?$/s.exec(place) ?? [];
      return {
        text: more === "" ? text : `${text}: ${more}`,
        line: line === undefined ? null : Number(line),
        column: column === undefined ? null : Number(column),
      };
    });
  }
}
