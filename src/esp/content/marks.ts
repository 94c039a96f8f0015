/**
 * Marks where a value stands in a rendered e-mail, for previews. Every output of the template is wrapped in characters
 * that no text has, which say which trait it is of; in the HTML that comes out they become `<mark>` where text stands, and
 * vanish where there is none to see (attributes, styles).
 */
import { styleFilter } from "./styleOutputs.ts";

/** The filter's name; registered by an engine that marks. */
export const markFilter = "preview_mark";

const [open, middle, close] = ["\uE000", "\uE001", "\uE002"];
const own = /[\uE000-\uE002]/g;
const output = /\{\{(-?)([^]*?)(-?)\}\}/g;
const loop = /\{%-?\s*for\s+([A-Za-z_][\w-]*)\s+in\s+([A-Za-z_][\w-]*)/g;
const assignment = /\{%-?\s*assign\s+([A-Za-z_][\w-]*)\s*=\s*([A-Za-z_][\w-]*)/g;
const tag = /<(?:"[^"]*"|'[^']*'|[^'">])*>/g;

/** The template with its outputs marked by the trait that each comes of. */
export function markOutputs(template: string): string {
  const origins = new Map<string, string>();
  for (const pattern of [loop, assignment])
    for (const [, name = "", from = ""] of template.matchAll(pattern))
      if (name !== from) origins.set(name, from);
  return template.replace(output, (whole: string, left: string, inner: string, right: string) => {
    const root = /^\s*([A-Za-z_][\w-]*)/.exec(inner)?.[1];
    if (root === undefined || inner.includes(styleFilter)) return whole;
    return `{{${left}${inner.trimEnd()} | ${markFilter}: "${originOf(root, origins)}" ${right}}}`;
  });
}

function originOf(name: string, origins: ReadonlyMap<string, string>): string {
  let origin = name;
  for (let step = 0; step < origins.size; step += 1) origin = origins.get(origin) ?? origin;
  return origin;
}

/** What the filter gives. */
export function marked(value: unknown, trait: unknown): string {
  const isPlain = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  const text = isPlain ? String(value) : value === null || value === undefined ? "" : JSON.stringify(value);
  return `${open}${String(trait)}${middle}${text.replace(own, "")}${close}`;
}

/** The HTML with `<mark data-trait>` where values stand; `titleOf`: what is told of a trait. */
export function showMarks(html: string, titleOf: (trait: string) => string): string {
  let shown = "";
  let at = 0;
  let hidden: string | null = null;
  for (const found of html.matchAll(tag)) {
    shown += textMarks(html.slice(at, found.index), hidden === null ? titleOf : null);
    shown += withoutMarks(found[0]);
    at = found.index + found[0].length;
    const name = /^<\/?([a-z]+)/i.exec(found[0])?.[1]?.toLowerCase() ?? "";
    if (name !== "style" && name !== "title") continue;
    hidden = found[0].startsWith("</") ? null : name;
  }
  return shown + textMarks(html.slice(at), titleOf);
}

function textMarks(text: string, titleOf: ((trait: string) => string) | null): string {
  if (titleOf === null) return withoutMarks(text);
  return withoutMarks(
    text.replace(
      /\uE000([\w-]+)\uE001([^\uE000-\uE002]*)\uE002/g,
      (_whole, trait: string, value: string) =>
        `<mark data-trait="${trait}" title="${Bun.escapeHTML(titleOf(trait))}">${value}</mark>`,
    ),
  );
}

function withoutMarks(text: string): string {
  return text.replace(/\uE000[\w-]+\uE001/g, "").replace(own, "");
}
