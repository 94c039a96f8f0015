/**
 * What a block may send into somebody's mailbox. Escaping keeps values inside their quotes; what they may still do
 * there (a link that leads elsewhere, a style that fetches, a handler in an unquoted attribute) is looked for in the
 * HTML that came out, whatever way it came in.
 */

/** Why the HTML may not be sent. */
export type HtmlFault = "unsafe_link" | "unsafe_markup";

const urlAttributes: ReadonlySet<string> = new Set([
  "href",
  "src",
  "action",
  "background",
  "cite",
  "poster",
  "longdesc",
  "xlink:href",
  "formaction",
  "dynsrc",
  "lowsrc",
  "data",
  "classid",
  "code",
  "codebase",
  "archive",
  "manifest",
  "profile",
  "xml:base",
]);
/** Lists of addresses, each with what it is for behind it. */
const listAttributes: ReadonlySet<string> = new Set(["srcset", "imagesrcset", "ping"]);
const forbiddenElements: ReadonlySet<string> = new Set([
  "script",
  "iframe",
  "object",
  "embed",
  "base",
  "form",
  "link",
  "applet",
  "frame",
  "frameset",
  "portal",
  // They change attributes of others after these were looked at.
  "animate",
  "animatemotion",
  "animatetransform",
  "set",
  // What stands in them is HTML to some programs and text to others, so that nobody can say what it is.
  "noembed",
  "noframes",
  "plaintext",
  "xmp",
  "listing",
]);
/** What a style must not have in it: it fetches, runs, or hides such a thing behind escapes. */
const forbiddenStyle =
  /url\s*\(|(?:^|[^\w-])(?:src|image)\s*\(|\bsrc\s*=|image-set\s*\(|expression\s*\(|@import|@font-face|behavior\s*:|-moz-binding|\\/i;
/** Of drawings, these may point to a part of the same drawing alone. */
const farReference = /url\s*\(\s*["']?\s*[^#"'\s]|\\/i;
/** An element that is there at the end of what was given only if nothing before it was left open. */
const endMark = "x-freshet-end";

const noScript = /<(\/?)(?=noscript\b)/gi;

/** Outlook reads comments within comments no further than this; nor do we. */
const maxCommentDepth = 3;

/** Null: it may be sent. `linkHosts`: null lets every https host pass; `passes`: attributes that are looked at elsewhere, by value. */
export function htmlFault(
  html: string,
  linkHosts: readonly string[] | null,
  passes: (value: string) => boolean = () => false,
  depth = 0,
): HtmlFault | null {
  let fault: HtmlFault | null = depth > maxCommentDepth ? "unsafe_markup" : null;
  let style = "";
  let isEndSeen = false;
  const comments = ({ text }: { readonly text: string }) => {
    // Outlook reads what stands in a conditional comment as HTML.
    if (/^\s*\[if\b/i.test(text))
      fault ??= htmlFault(text.replace(/^[^\]]*\]>?/, ""), linkHosts, passes, depth + 1);
  };
  const rewriter = new HTMLRewriter()
    .on("*", {
      element(element) {
        if (fault !== null) return;
        const tag = element.tagName.toLowerCase();
        if (tag === endMark) isEndSeen = true;
        if (forbiddenElements.has(tag)) fault = "unsafe_markup";
        if (tag === "meta" && /refresh|cookie/i.test(decoded(element.getAttribute("http-equiv") ?? "")))
          fault = "unsafe_markup";
        for (const [name, value] of element.attributes)
          fault ??= attributeFault(name.toLowerCase(), passes(value) ? "" : value, linkHosts);
      },
    })
    .on("style", {
      text({ text, lastInTextNode }) {
        style += text;
        if (!lastInTextNode) return;
        if (isForbiddenStyle(style)) fault ??= "unsafe_markup";
        style = "";
      },
    })
    .onDocument({ comments });
  rewriter.transform(`${html}<${endMark}></${endMark}>`);
  // A tag, a comment or a style that is left open swallows what stands behind it in the e-mail. Within comments for
  // Outlook that is how they are made.
  fault ??= isEndSeen || depth > 0 ? null : "unsafe_markup";
  // Read as text above; mail programs run no scripts and read it as HTML.
  return (
    fault ??
    (/<noscript\b/i.test(html) ? htmlFault(html.replace(noScript, "<$1x-"), linkHosts, passes, depth) : null)
  );
}

/** As it stands, and as programs read it that pass over comments or know entities in it. */
function isForbiddenStyle(text: string): boolean {
  if (forbiddenStyle.test(text)) return true;
  if (!/&|\/\*/.test(text)) return false;
  const read = decoded(text);
  return forbiddenStyle.test(read) || forbiddenStyle.test(read.replace(/\/\*[^]*?(?:\*\/|$)/g, ""));
}

/** Attributes of drawings that may point to a part of them. */
const drawingAttribute = /^(?:fill|stroke|filter|mask|clip-path|cursor|marker(?:-\w+)?)$/;

/** True for an attribute that one value may make unfit to be sent and another not. */
export function dependsOnValue(name: string): boolean {
  return (
    name === "style" || urlAttributes.has(name) || listAttributes.has(name) || drawingAttribute.test(name)
  );
}

/** The same of one attribute; `name` in lower case. */
export function attributeFault(
  name: string,
  value: string,
  linkHosts: readonly string[] | null,
): HtmlFault | null {
  if (name.startsWith("on")) return "unsafe_markup";
  if (name === "style") return isForbiddenStyle(value) ? "unsafe_markup" : null;
  if (listAttributes.has(name)) {
    const urls = decoded(value)
      .split(name === "ping" ? /\s+/ : ",")
      .map((part) => part.trim().split(/\s+/)[0] ?? "");
    return urls.every((url) => isAllowed(url, linkHosts)) ? null : "unsafe_link";
  }
  if (value.includes("(") || value.includes("&")) {
    if (drawingAttribute.test(name) && farReference.test(decoded(value))) return "unsafe_markup";
  }
  return urlAttributes.has(name) && !isAllowed(decoded(value), linkHosts) ? "unsafe_link" : null;
}

/** http is allowed for hosts that are named; an anchor within the mail always. */
function isAllowed(text: string, linkHosts: readonly string[] | null): boolean {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed.startsWith("#")) return true;
  if (/^(mailto|tel|sms|cid):[^\s<>"]+$/i.test(trimmed)) return true;
  // Browsers pass over control characters and turn backslashes; a plain link has neither.
  if (/[\u0000-\u0020\u007f\\]/.test(trimmed)) return false;
  const url = URL.canParse(trimmed) ? new URL(trimmed) : null;
  if (url === null || url.username !== "" || url.password !== "") return false;
  // What an entity that is not known here stands for may end the host.
  if (!/^[a-z0-9._:[\]-]+$/i.test(url.hostname)) return false;
  if (linkHosts === null) return url.protocol === "https:";
  return (
    (url.protocol === "https:" || url.protocol === "http:") &&
    linkHosts.some((host) => matches(url.hostname, host))
  );
}

function matches(hostname: string, host: string): boolean {
  return host.startsWith("*.") ? hostname.endsWith(host.slice(1)) : hostname === host;
}

const entities: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  "#39": "'",
  "#34": '"',
  lpar: "(",
  rpar: ")",
  lbrace: "{",
  bsol: "\\",
  sol: "/",
  colon: ":",
  semi: ";",
  num: "#",
  quest: "?",
  commat: "@",
  period: ".",
  comma: ",",
  equals: "=",
  ast: "*",
  midast: "*",
  tab: "\t",
  newline: "\n",
};

/** Attribute text as a browser reads it. */
function decoded(text: string): string {
  return text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]+\d*);?/gi, (whole, name: string) => {
    if (Object.hasOwn(entities, name.toLowerCase())) return entities[name.toLowerCase()] ?? whole;
    if (!name.startsWith("#")) return whole;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code > 0 && code <= 0x10_ff_ff ? String.fromCodePoint(code) : "";
  });
}

/** The text part of an HTML mail: its words, one line a paragraph, links behind their words. */
export function textOf(html: string): string {
  return decoded(
    withLinkTexts(withoutHidden(html))
      .replace(/<(br|\/p|\/div|\/h[1-6]|\/li|\/tr|\/table)\b[^>]*>/gi, "\n")
      .replace(/<[^>]*>/g, ""),
  )
    .split("\n")
    .map((line) => line.replace(/\s+/g, " ").trim())
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

/** Without elements that show nothing. What has no end is looked for once, so that no HTML takes long. */
function withoutHidden(html: string): string {
  const opening = /<(style|title|head)\b/gi;
  const endless = new Set<string>();
  let shown = "";
  let at = 0;
  for (let found = opening.exec(html); found !== null; found = opening.exec(html)) {
    const name = found[1]?.toLowerCase() ?? "";
    if (endless.has(name)) continue;
    const end = new RegExp(`</${name}\\s*>`, "gi");
    end.lastIndex = found.index;
    if (end.exec(html) === null) {
      endless.add(name);
      continue;
    }
    shown += html.slice(at, found.index);
    at = end.lastIndex;
    opening.lastIndex = at;
  }
  return shown + html.slice(at);
}

/** With the address of each link behind its words. */
function withLinkTexts(html: string): string {
  let shown = "";
  let at = 0;
  let href: string | null = null;
  for (const { 0: tag, index } of html.matchAll(/<a\b[^>]*>|<\/a\s*>/gi)) {
    const words = html.slice(at, index);
    at = index + tag.length;
    shown += href === null ? words : `${words.trim()} (${href})`;
    href = /\shref\s*=\s*"([^"]*)"/i.exec(tag)?.[1] ?? null;
  }
  return shown + html.slice(at);
}
