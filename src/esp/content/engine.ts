/** Liquid as blocks use it: every output escaped, no files, bounded in size, time and memory. */
import { Liquid, LiquidError, type Template } from "liquidjs";
import { addFilters, type MailGlobals } from "./filters.ts";
import { BlockProblem } from "./frontMatter.ts";
import { markFilter, marked, markOutputs } from "./marks.ts";
import { RenderMemory } from "./renderMemory.ts";
import { guardStyles, styleFilter, styleValue } from "./styleOutputs.ts";

const limits = { parseLimit: 1_000_000, renderLimit: 100, memoryLimit: 2_000_000 } as const;
/** What a rendered part may have; some ESPs cut or refuse more. */
const maxOutputBytes = 1_000_000;

/** For all blocks of a folder. */
const memoryBytes = 32 * 1024 * 1024;

export interface Engine {
  /** What its templates made of values before. */
  readonly memory: RenderMemory;
  /** Throws BlockProblem with line and column; `headLines`: lines of the file before the template. */
  parse(text: string, headLines: number): readonly Template[];
  /** The same of what is no HTML: a text part, a subject. */
  parseText(text: string): readonly Template[];
  /** Names that a template and its partials read but do not make. Throws BlockProblem for a partial that is not there. */
  variables(template: readonly Template[]): readonly string[];
  /** Throws on a template that fails or goes beyond the limits. */
  render(
    template: readonly Template[],
    data: Readonly<Record<string, unknown>>,
    globals: MailGlobals,
  ): string;
}

/** An engine with these partials, by name, for `{% render "name" %}`; `marks`: values are marked in what it renders. */
export function newEngine(
  partials: Readonly<Record<string, string>>,
  { marks }: { readonly marks: boolean } = { marks: false },
): Engine {
  const mark = (text: string) => (marks ? markOutputs(text) : text);
  const prepare = (text: string, headLines = 0) => mark(guardStyles(text, headLines));
  const liquid = new Liquid({
    templates: Object.fromEntries(Object.entries(partials).map(([name, text]) => [name, prepare(text)])),
    ownPropertyOnly: true,
    outputEscape: "escape",
    strictFilters: true,
    // A missing value is what `needs` and the template's own conditions decide about.
    strictVariables: false,
    ...limits,
  });
  // Escaping can't be switched off: values come from strangers.
  liquid.registerFilter("raw", (value: unknown) => value);
  liquid.registerFilter(styleFilter, styleValue);
  if (marks) liquid.registerFilter(markFilter, marked);
  addFilters(liquid);
  return {
    memory: new RenderMemory(memoryBytes),
    parse: (text, headLines) => {
      try {
        return liquid.parse(prepare(text, headLines));
      } catch (error) {
        throw new BlockProblem(problemOf(error, headLines));
      }
    },
    parseText: (text) => {
      try {
        return liquid.parse(mark(text));
      } catch (error) {
        throw new BlockProblem(problemOf(error, 0));
      }
    },
    variables: (template) => {
      try {
        return liquid.globalVariablesSync([...template]);
      } catch (error) {
        throw new BlockProblem(problemOf(error, 0));
      }
    },
    render: (template, data, globals) => {
      const output = String(liquid.renderSync([...template], data, { globals }));
      if (Buffer.byteLength(output) > maxOutputBytes) throw new Error("the output is too large");
      return output;
    },
  };
}

function problemOf(error: unknown, headLines: number): string {
  if (!LiquidError.is(error)) return error instanceof Error ? error.message : String(error);
  const place = /, line:(\d+)(?:, col:(\d+))?/.exec(error.message);
  const sentence = error.message.replace(/, line:.*$/s, "").replace(/, file:[^,]*/, "");
  if (place === null) return sentence;
  return `line ${Number(place[1]) + headLines}, column ${place[2] ?? "1"}: ${sentence}`;
}
