/**
 * Values where escaping alone does not hold them. In a style, `red; display: none` is a style like another: every output
 * there passes through a filter that lets single words, numbers and colours through and nothing that could end a
 * declaration. Outside quotes within a tag, a space begins another attribute: no output may stand there. Done to the
 * template's text when it is read, by walking through it as through HTML; both ways of a condition are walked through.
 */
import { BlockProblem } from "./frontMatter.ts";

/** The filter's name; registered by the engine. */
export const styleFilter = "style_value";

/** What Liquid has of its own, whole; quotes in it may hold its own ends. */
const liquid =
  /\{%-?\s*(raw|comment)\s*-?%\}([^]*?)\{%-?\s*end\1\s*-?%\}|\{\{(?:"[^"]*"|'[^']*'|[^"'}]|\}(?!\}))*\}\}|\{%(?:"[^"]*"|'[^']*'|[^"'%]|%(?!\}))*%\}|\{\{[^]*?\}\}|\{%[^]*?%\}/gy;
/** Tags that write something. */
const writes =
  /^\{%-?\s*(?:(?:echo|cycle|render|include|layout|increment|decrement|tablerow)\b|liquid\b[^]*\b(?:echo|cycle|render|include|increment|decrement|tablerow)\b)/;

type State =
  | { readonly at: "text" }
  /** Between `<style>` and its end. */
  | { readonly at: "sheet" }
  /** In a tag, outside of values. */
  | { readonly at: "tag" }
  | { readonly at: "beforeValue" }
  | { readonly at: "value"; readonly quote: string };

/** The template with its outputs in styles filtered. Throws BlockProblem for one that nothing can hold. */
export function guardStyles(template: string, headLines = 0): string {
  const walk = new Walk();
  let guarded = "";
  for (let at = 0; at < template.length;) {
    liquid.lastIndex = at;
    const found = template[at] === "{" ? liquid.exec(template) : null;
    if (found === null) {
      walk.step(template, at);
      guarded += template[at] ?? "";
      at += 1;
      continue;
    }
    const [whole, kind, inner = ""] = found;
    walk.breakName();
    const isOutput = whole.startsWith("{{");
    if (kind === "raw") for (let within = 0; within < inner.length; within += 1) walk.step(inner, within);
    const isWritten = kind === undefined && (isOutput || writes.test(whole));
    const place = isWritten ? walk.place : "held";
    if (place === "loose" || (place === "style" && !isOutput))
      throw new BlockProblem(`${lineOf(template, at, headLines)}: ${problems[place]}`);
    guarded += place === "style" ? filtered(whole) : whole;
    at += whole.length;
  }
  return guarded;
}

const problems = {
  loose: "a value within a tag must stand in quotes, as what an attribute is",
  style: "in a style, values stand as {{ }} and not in other tags",
} as const;

/** Where in the HTML a walk through it has come to. */
class Walk {
  #state: State = { at: "text" };
  #tag = "";
  #attribute = "";
  #isNameOver = true;

  /** What stands around what is written here. */
  get place(): "held" | "style" | "loose" {
    switch (this.#state.at) {
      case "text":
        return "held";
      case "sheet":
        return "style";
      case "value":
        return this.#attribute === "style" ? "style" : "held";
      case "tag":
      case "beforeValue":
        return "loose";
    }
  }

  /** Goes on by one character. */
  step(text: string, at: number): void {
    const character = text[at] ?? "";
    switch (this.#state.at) {
      case "text":
        if (/^<\/?(?:[a-z]|\{\{)/i.test(text.slice(at, at + 4))) this.#open(text, at);
        return;
      case "sheet":
        if (/^<\/style/i.test(text.slice(at, at + 7))) this.#open(text, at);
        return;
      case "tag":
        this.#inTag(character);
        return;
      case "beforeValue":
        if (character === '"' || character === "'") this.#state = { at: "value", quote: character };
        else if (character === ">") this.#close();
        // A value without quotes ends as a name does, and nothing may be written into it.
        else if (!isSpace(character)) this.#state = { at: "tag" };
        return;
      case "value":
        if (character !== this.#state.quote) return;
        this.#state = { at: "tag" };
        this.#isNameOver = true;
    }
  }

  /** What follows in a tag begins another name. */
  breakName(): void {
    this.#isNameOver = true;
  }

  #open(text: string, at: number): void {
    this.#state = { at: "tag" };
    this.#tag = /^<(\/?[a-z][^\s/>{]*)?/i.exec(text.slice(at, at + 20))?.[1]?.toLowerCase() ?? "";
    this.#attribute = "";
  }

  #inTag(character: string): void {
    if (character === ">") this.#close();
    else if (character === "=") this.#state = { at: "beforeValue" };
    else if (isSpace(character) || character === "/") this.#isNameOver = true;
    else {
      this.#attribute = (this.#isNameOver ? "" : this.#attribute) + character.toLowerCase();
      this.#isNameOver = false;
    }
  }

  #close(): void {
    this.#state = { at: this.#tag === "style" ? "sheet" : "text" };
    this.#attribute = "";
  }
}

function isSpace(character: string): boolean {
  return /\s/.test(character);
}

function filtered(output: string): string {
  const [, left = "", inner = "", right = ""] = /^\{\{(-?)([^]*?)(-?)\}\}$/.exec(output) ?? [];
  return `{{${left}${inner.trimEnd()} | ${styleFilter} ${right}}}`;
}

function lineOf(text: string, at: number, headLines: number): string {
  const before = text.slice(0, at).split("\n");
  return `line ${before.length + headLines}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

/** Lets pass what is one value: a colour, a length, a font's name. */
export function styleValue(value: unknown): string {
  const text = typeof value === "number" ? String(value) : value;
  return typeof text === "string" && /^[#a-z0-9 .,%+-]{1,100}$/i.test(text) ? text : "";
}
