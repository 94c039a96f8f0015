/** Liquid as blocks use it: every output escaped, no files, bounded in size, time and memory. */
import { Context, filters, Liquid, LiquidError, type FilterImplOptions, type Template } from "liquidjs";
import { threadCpuMs } from "../../lib/cpuTime.ts";
import { addFilters, type MailGlobals } from "./filters.ts";
import { BlockProblem } from "./frontMatter.ts";
import { markFilter, marked, markOutputs } from "./marks.ts";
import { lookUpDirectly } from "./directOutputs.ts";
import { RenderMemory } from "./renderMemory.ts";
import { RenderTime } from "./renderTime.ts";
import { guardStyles, styleFilter, styleValue } from "./styleOutputs.ts";

const limits = { parseLimit: 1_000_000, memoryLimit: 2_000_000 } as const;
/** What a rendered part may have; some ESPs cut or refuse more. */
const maxOutputBytes = 1_000_000;

/** For all blocks of a folder. */
const memoryBytes = 64 * 1024 * 1024;

/** As Liquid itself escapes; what was sent is made again from its receipts, to the letter. */
type Filter = Extract<FilterImplOptions, (...args: never[]) => unknown>;
const escapeValue = filters["escape"] as Filter;

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
  /** The same, and its pieces. */
  renderPieces(
    template: readonly Template[],
    data: Readonly<Record<string, unknown>>,
    globals: MailGlobals,
  ): {
    readonly output: string;
    /** What it was put together of, by turns from the template and an escaped value; null where they can't be told apart. */
    readonly pieces: readonly string[] | null;
  };
}

/** Stand around values while pieces are told apart; no text has them. */
const [open, close] = ["\uFDD0", "\uFDD1"];
/** What is caught in a variable is looked at by the template again, and must not hold anything else. */
const blendsPieces = /[\uFDD0\uFDD1]|\bcapture\b/;

/** An engine with these partials, by name, for `{% render "name" %}`; `marks`: values are marked in what it renders. */
export function newEngine(
  partials: Readonly<Record<string, string>>,
  { marks }: { readonly marks: boolean } = { marks: false },
): Engine {
  const mark = (text: string) => (marks ? markOutputs(text) : text);
  const prepare = (text: string, headLines = 0) => mark(guardStyles(text, headLines));
  let isInPieces = false;
  let isBlended = false;
  const liquid = new Liquid({
    templates: Object.fromEntries(Object.entries(partials).map(([name, text]) => [name, prepare(text)])),
    ownPropertyOnly: true,
    outputEscape: function (this: ThisParameterType<Filter>, value: unknown): string {
      const escaped = String(escapeValue.call(this, value));
      if (!isInPieces) return escaped;
      isBlended ||= escaped.includes(open) || escaped.includes(close);
      return open + escaped + close;
    },
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
  const isSharedBlended = marks || Object.values(partials).some((text) => blendsPieces.test(text));
  const inPieces = new WeakSet<readonly Template[]>();
  const filled: Engine["render"] = (template, data, globals) => {
    const context = new Context(data, liquid.options, { globals, sync: true }, { liquid });
    const time = new RenderTime(threadCpuMs);
    context.renderLimit.check = (nowMs) => time.check(nowMs);
    return String(liquid.renderSync([...template], context));
  };
  return {
    memory: new RenderMemory(memoryBytes),
    parse: (text, headLines) => {
      try {
        const template = liquid.parse(prepare(text, headLines));
        lookUpDirectly(template);
        if (!isSharedBlended && !blendsPieces.test(text)) inPieces.add(template);
        return template;
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
    render: (template, data, globals) => bounded(filled(template, data, globals)),
    renderPieces: (template, data, globals) => {
      if (!inPieces.has(template)) return { output: bounded(filled(template, data, globals)), pieces: null };
      isInPieces = true;
      isBlended = false;
      try {
        const pieces = piecesOf(filled(template, data, globals));
        if (!isBlended) return { output: bounded(pieces.join("")), pieces };
      } finally {
        isInPieces = false;
      }
      return { output: bounded(filled(template, data, globals)), pieces: null };
    },
  };
}

function bounded(output: string): string {
  // UTF-8 takes three bytes a character at most.
  if (output.length * 3 > maxOutputBytes && Buffer.byteLength(output) > maxOutputBytes)
    throw new Error("the output is too large");
  return output;
}

function piecesOf(output: string): readonly string[] {
  const pieces: string[] = [];
  for (const part of output.split(open)) {
    const end = part.indexOf(close);
    if (end >= 0) pieces.push(part.slice(0, end));
    pieces.push(part.slice(end + 1));
  }
  return pieces;
}

function problemOf(error: unknown, headLines: number): string {
  if (!LiquidError.is(error)) return error instanceof Error ? error.message : String(error);
  const place = /, line:(\d+)(?:, col:(\d+))?/.exec(error.message);
  const sentence = error.message.replace(/, line:.*$/s, "").replace(/, file:[^,]*/, "");
  if (place === null) return sentence;
  return `line ${Number(place[1]) + headLines}, column ${place[2] ?? "1"}: ${sentence}`;
}
