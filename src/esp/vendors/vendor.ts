/** An ESP as data: how it asks for content, by which rules, and what to paste into it. */

/** Where a rule of a vendor is written, and when we read it there. */
export interface Source {
  readonly url: string;
  readonly read: string;
}

/** What can be found out about a URL from outside. */
export type Check =
  /** Of the public URL alone; skipped on this machine. */
  | { readonly kind: "https" }
  | { readonly kind: "ports"; readonly ports: readonly number[] }
  | { readonly kind: "publicHost" }
  | { readonly kind: "redirect" }
  | { readonly kind: "time"; readonly limitMs: number }
  | { readonly kind: "status" }
  | { readonly kind: "unknownRecipient" }
  | { readonly kind: "badBlock" }
  | { readonly kind: "badCredential" }
  | { readonly kind: "contentType"; readonly type: string }
  | { readonly kind: "charset" }
  | { readonly kind: "object" }
  | { readonly kind: "notEmpty" }
  /** Of the whole answer, or of the HTML in it. */
  | { readonly kind: "size"; readonly maxBytes: number; readonly of?: "html" }
  | { readonly kind: "burst"; readonly recipients: number; readonly limitMs: number }
  /** The URL is another for each recipient, since answers are kept by URL. */
  | { readonly kind: "cacheKey" }
  /** No cache between may keep an answer for others. */
  | { readonly kind: "notShared" }
  /** The URL names nobody, since one answer serves all. */
  | { readonly kind: "sharedUrl" }
  /** Several calls for one recipient read the same. */
  | { readonly kind: "repeat"; readonly calls: number }
  /** Answers without any header of ours. */
  | { readonly kind: "noHeader" }
  /** The credential does not expire between two sends. */
  | { readonly kind: "staticCredential" }
  /** Many recipients in one request. */
  | { readonly kind: "batch" }
  /** Nothing that a look from outside can tell. */
  | { readonly kind: "told" };

export interface VendorRule {
  /** Unique within the vendor. */
  readonly id: string;
  /** The rule, in our words. */
  readonly says: string;
  /** Null: we found no page of the vendor that says so. */
  readonly source: Source | null;
  readonly check: Check;
}

/** What a snippet is made for. */
export interface SnippetInput {
  readonly block: string;
  /** `https://events.shop.example`, without a slash at the end. */
  readonly publicUrl: string;
  /** The block's own fallback. */
  readonly fallback: string;
  /** The traits that the block reads. */
  readonly needs: readonly string[];
}

/** One thing to paste, and where. */
export interface SnippetPart {
  readonly title: string;
  readonly where: string;
  readonly language:
    "liquid" | "handlebars" | "ampscript" | "javascript" | "hubl" | "html" | "text" | "shell";
  readonly code: string;
}

export interface Snippet {
  readonly parts: readonly SnippetPart[];
  /** What to know before sending. */
  readonly notes: readonly string[];
}

/** How the ESP gets at content: by a call for each recipient, one for all, by what is pushed to it, or by your own code. */
export type Reach = "perRecipient" | "shared" | "workflow" | "push";

export interface Vendor {
  readonly id: string;
  readonly name: string;
  readonly reach: Reach;
  /** In one sentence, for people who choose. */
  readonly how: string;
  /** What its requests say they accept. */
  readonly accept: string;
  /** Whether it can send the key in a header. */
  readonly sendsHeader: boolean;
  readonly rules: readonly VendorRule[];
  readonly snippet: (input: SnippetInput) => Snippet;
}

/** A page of a vendor's, as read in the month that we looked. */
export function page(url: string, read = "2026-11"): Source {
  return { url, read };
}

/** A page of these docs. */
export const ours = (anchor: string): Source => ({ url: `docs/${anchor}`, read: "2026-11" });

/** What holds whoever asks: our own rules for content. */
export const commonRules: readonly VendorRule[] = [
  {
    id: "https",
    says: "The URL is https: a credential and somebody's data travel with it.",
    source: ours("content-credentials.md"),
    check: { kind: "https" },
  },
  {
    id: "public-host",
    says: "The host's name leads to public addresses, or the ESP can't reach it.",
    source: ours("esps.md"),
    check: { kind: "publicHost" },
  },
  {
    id: "status",
    says: "A good credential and a block that exists are answered by 200.",
    source: ours("content.md"),
    check: { kind: "status" },
  },
  {
    id: "not-empty",
    says: "The answer holds something to send, a fallback at least.",
    source: ours("content.md"),
    check: { kind: "notEmpty" },
  },
  {
    id: "unknown-recipient",
    says: "A recipient whom nobody knows gets the fallback with 200, so that no e-mail is empty or held back.",
    source: ours("content.md"),
    check: { kind: "unknownRecipient" },
  },
  {
    id: "bad-block",
    says: "A block that does not exist is 404, so that a slip in its name is seen before the send.",
    source: ours("content.md"),
    check: { kind: "badBlock" },
  },
  {
    id: "bad-credential",
    says: "Without the credential, or with a changed one, there is no answer.",
    source: ours("content-credentials.md"),
    check: { kind: "badCredential" },
  },
  {
    id: "not-shared",
    says: "No cache in between may keep one recipient's answer for another.",
    source: ours("content.md"),
    check: { kind: "notShared" },
  },
];

/** Text that opens no tag of a template language: the mark that would is written as an HTML entity. */
export function inert(html: string, mark: RegExp): string {
  return html.replace(mark, (found) => `&#${found.charCodeAt(0)};${found.slice(1)}`);
}

/** In Liquid, Handlebars, HubL and what resembles them. */
export const curly = /\{(?=[{%#])/g;
/** In AMPscript. */
export const percents = /%(?=%)/g;

/** A name that fields and variables of every ESP can have. */
export function fieldName(block: string): string {
  return `freshet_${block.replaceAll("-", "_")}`;
}

/** The address of a block, in a form (`.html`) or as JSON. */
export function blockUrl({ publicUrl, block }: SnippetInput, suffix = ""): string {
  return `${publicUrl}/v1/content/${block}${suffix}`;
}
