/**
 * Rendered e-mails for the frames of a preview. A frame takes over the rules of the page that it stands in, which let no
 * style in; so each is an address of its own, with rules of its own: nothing runs, nothing is sent, and pictures are
 * fetched only if somebody says so. Kept in memory for a while.
 */
import { Refusal } from "../../errors.ts";
import type { Ids } from "../../lib/id.ts";

const usual = { path: "content/frame", most: 40 };
const markStyle =
  "<style>mark[data-trait]{background:#ffe58a;color:#1a1a1a;border-radius:2px;outline:1px solid #b58900}</style>";

export class Frames {
  readonly #ids: Ids;
  readonly #place: typeof usual;
  readonly #kept = new Map<string, string>();
  readonly #names = new Map<string, string>();

  /** `path`: where they are asked for; `most`: so many are kept. */
  constructor(ids: Ids, place = usual) {
    this.#ids = ids;
    this.#place = place;
  }

  /** Keeps an e-mail; gives the path at which it is shown, the same for the same e-mail while it is kept. */
  put(html: string): string {
    const known = this.#names.get(html);
    const name = known ?? Buffer.from(this.#ids.randomBytes(16)).toString("hex");
    // What was looked at last goes last.
    this.#kept.delete(name);
    this.#kept.set(name, html);
    this.#names.set(html, name);
    for (const [oldest, gone] of this.#kept) {
      if (this.#kept.size <= this.#place.most) break;
      this.#kept.delete(oldest);
      this.#names.delete(gone);
    }
    return `${this.#place.path}?name=${name}`;
  }

  /** The answer for a frame. Throws Refusal not_found. */
  answer(query: URLSearchParams): Response {
    const html = this.#kept.get(query.get("name") ?? "");
    if (html === undefined) throw new Refusal("not_found", { detail: "The preview is no longer kept." });
    const pictures = query.get("pictures") === "true" ? "https: data:" : "data:";
    const scheme = query.get("scheme") === "dark" ? "dark" : "light";
    return new Response(`<!doctype html><meta name="color-scheme" content="${scheme}">${markStyle}${html}`, {
      headers: {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": `sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src ${pictures}; frame-ancestors 'self'`,
        "X-Frame-Options": "SAMEORIGIN",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
      },
    });
  }
}
