/**
 * Values within styles. Escaping keeps a value inside its attribute, but `red; display: none` is a style like another:
 * so every output that stands in a style passes through a filter that lets single words, numbers and colours through and
 * nothing that could end a declaration. Done to the template's text when it is read.
 */
import { BlockProblem } from "./frontMatter.ts";

/** The filter's name; registered by the engine. */
export const styleFilter = "style_value";

const liquidOr = (other: string) => String.raw`((?:\{\{[^]*?\}\}|\{%[^]*?%\}|${other})*)`;
const quoted = new RegExp(String.raw`(\sstyle\s*=\s*)(?:"${liquidOr('[^"]')}"|'${liquidOr("[^']")}')`, "gi");
const unquoted = /\sstyle\s*=\s*(?!["'])[^\s>]*\{\{/i;
const sheet = /(<style\b[^>]*>)([^]*?)(<\/style\s*>)/gi;
const output = /\{\{(-?)([^]*?)(-?)\}\}/g;

/** The template with its outputs in styles filtered. Throws BlockProblem for one that can't be. */
export function guardStyles(template: string): string {
  if (unquoted.test(template))
    throw new BlockProblem("a style attribute with a value in it must stand in quotes");
  return template
    .replace(quoted, (_whole, name: string, double: string | undefined, single: string | undefined) =>
      double === undefined ? `${name}'${filtered(single ?? "")}'` : `${name}"${filtered(double)}"`,
    )
    .replace(
      sheet,
      (_whole, open: string, text: string, close: string) => `${open}${filtered(text)}${close}`,
    );
}

function filtered(text: string): string {
  return text.replace(
    output,
    (_whole, left: string, inner: string, right: string) =>
      `{{${left}${inner.trimEnd()} | ${styleFilter} ${right}}}`,
  );
}

/** Lets pass what is one value: a colour, a length, a font's name. */
export function styleValue(value: unknown): string {
  const text = typeof value === "number" ? String(value) : value;
  return typeof text === "string" && /^[#a-z0-9 .,%+-]{1,100}$/i.test(text) ? text : "";
}
