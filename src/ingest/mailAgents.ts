/**
 * Who fetches an e-mail's pictures though nobody may be looking: proxies that fetch for a reader (sooner, and whether
 * they look or not), and scanners that look for harm. docs/concepts.md has the list in words.
 */
export type MailAgent =
  | { readonly kind: "proxy"; readonly name: "apple" | "google" | "yahoo" | "outlook" }
  | { readonly kind: "scanner" };

const scanner: MailAgent = { kind: "scanner" };

const contained: readonly (readonly [text: string, agent: MailAgent])[] = [
  ["googleimageproxy", { kind: "proxy", name: "google" }],
  ["ggpht.com", { kind: "proxy", name: "google" }],
  ["yahoomailproxy", { kind: "proxy", name: "yahoo" }],
  ["yahoocachesystem", { kind: "proxy", name: "yahoo" }],
  ["microsoft outlook image proxy", { kind: "proxy", name: "outlook" }],
  ["barracuda", scanner],
  ["proofpoint", scanner],
  ["mimecast", scanner],
  ["symantec", scanner],
  ["safelinks", scanner],
  ["ironport", scanner],
  ["fireeye", scanner],
];

/** Apple Mail Privacy Protection fetches with this and nothing behind it. */
const appleMail = "Mozilla/5.0";

/** The proxy or scanner that a user agent belongs to; null: neither. */
export function mailAgentOf(agent: string): MailAgent | null {
  if (agent.trim() === appleMail) return { kind: "proxy", name: "apple" };
  const lower = agent.toLowerCase();
  for (const [text, found] of contained) if (lower.includes(text)) return found;
  return null;
}
