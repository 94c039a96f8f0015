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
]);
const forbiddenElements: ReadonlySet<string> = new Set([
  "script",
  "iframe",
  "object",
  "embed",
  "base",
  "form",
  "link",
]);
/** What a style must not have in it: it fetches, runs, or hides such a thing behind escapes. */
const forbiddenStyle =
  /url\s*\(|image-set\s*\(|expression\s*\(|@import|@font-face|behavior\s*:|-moz-binding|\\/i;

/** Outlook reads comments within comments no further than this; nor do we. */
const maxCommentDepth = 3;

/** Null: it may be sent. `linkHosts`: null lets every https host pass. */
export function htmlFault(html: string, linkHosts: readonly string[] | null, depth = 0): HtmlFault | null {
  let fault: HtmlFault | null = depth > maxCommentDepth ? "unsafe_markup" : null;
  let style = "";
  const comments = ({ text }: { readonly text: string }) => {
    // Outlook reads what stands in a conditional comment as HTML.
    if (/^\s*\[if\b/i.test(text)) fault ??= htmlFault(text.replace(/^[^\]]*\]>?/, ""), linkHosts, depth + 1);
  };
  const rewriter = new HTMLRewriter()
    .on("*", {
      element(element) {
        if (fault !== null) return;
        const tag = element.tagName.toLowerCase();
        if (forbiddenElements.has(tag)) fault = "unsafe_markup";
        if (tag === "meta" && /refresh/i.test(element.getAttribute("http-equiv") ?? ""))
          fault = "unsafe_markup";
        for (const [name, value] of element.attributes)
          fault ??= attributeFault(name.toLowerCase(), value, linkHosts);
      },
    })
    .on("style", {
      text({ text, lastInTextNode }) {
        style += text;
        if (!lastInTextNode) return;
        if (forbiddenStyle.test(style)) fault ??= "unsafe_markup";
        style = "";
      },
    })
    .onDocument({ comments });
  rewriter.transform(html);
  return fault;
}

function attributeFault(name: string, value: string, linkHosts: readonly string[] | null): HtmlFault | null {
  if (name.startsWith("on")) return "unsafe_markup";
  if (name === "style") return forbiddenStyle.test(decoded(value)) ? "unsafe_markup" : null;
  if (name === "srcset") {
    const urls = decoded(value)
      .split(",")
      .map((part) => part.trim().split(/\s+/)[0] ?? "");
    return urls.every((url) => isAllowed(url, linkHosts)) ? null : "unsafe_link";
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
};

/** Attribute text as a browser reads it. */
function decoded(text: string): string {
  return text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]+\d*);?/gi, (whole, name: string) => {
    if (Object.hasOwn(entities, name.toLowerCase())) return entities[name.toLowerCase()] ?? whole;
    if (!name.startsWith("#"))
      return whole === "&colon;" ? ":" : whole === "&Tab;" || whole === "&NewLine;" ? "\n" : whole;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code > 0 && code <= 0x10_ff_ff ? String.fromCodePoint(code) : "";
  });
}

/** The text part of an HTML mail: its words, one line a paragraph, links behind their words. */
export function textOf(html: string): string {
  return decoded(
    html
      .replace(/<(style|title|head)\b.*?<\/\1\s*>/gis, "")
      .replace(/<a\b[^>]*\bhref\s*=\s*"([^"]*)"[^>]*>(.*?)<\/a\s*>/gis, linkText)
      .replace(/<(br|\/p|\/div|\/h[1-6]|\/li|\/tr|\/table)\b[^>]*>/gi, "\n")
      .replace(/<[^>]*>/g, ""),
  )
    .split("\n")
    .map((line) => line.replace(/\s+/g, " ").trim())
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

function linkText(_whole: string, href: string, words: string): string {
  return `${words.trim()} (${href})`;
}
