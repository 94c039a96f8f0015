/** The subject of a message: one line of plain text, out of Liquid over the same values as the block. */
import { newEngine } from "./engine.ts";

const engine = newEngine({});
const globals = { locale: "en", timeZone: "UTC" } as const;
const maxCharacters = 500;
const maxRemembered = 200;
const parsed = new Map<string, ReturnType<typeof engine.parseText>>();

/** Never throws; what can't be rendered gives an empty text. */
export function subjectText(template: string, data: Readonly<Record<string, unknown>>): string {
  try {
    let known = parsed.get(template);
    if (known === undefined) {
      if (parsed.size >= maxRemembered) parsed.clear();
      known = engine.parseText(template);
      parsed.set(template, known);
    }
    return plain(engine.render(known, data, globals)).slice(0, maxCharacters);
  } catch {
    return "";
  }
}

/** A subject is no HTML, and a line break in it would begin another header. */
function plain(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&#34;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&")
    .replace(/[\s\u0000-\u001f\u007f\u2028\u2029]+/g, " ")
    .trim();
}
