/** A content server that keeps every rule, but for one that is broken on purpose. */
import type { Server } from "bun";

/** What is wrong with it. */
export type Defect =
  | "none"
  | "redirects"
  | "is slow"
  | "fails"
  | "refuses unknown recipients"
  | "is empty for unknown recipients"
  | "answers any block"
  | "answers without a credential"
  | "answers any credential"
  | "says text/plain"
  | "says no charset"
  | "says another charset"
  | "is no UTF-8"
  | "is a list"
  | "is no JSON"
  | "is empty"
  | "is too large"
  | "refuses many"
  | "lets caches share it"
  | "says nothing of caches"
  | "is behind a cache"
  | "is behind a cache that says how old it is"
  | "reads another way each time"
  | "wants a header"
  | "gives many in disorder"
  | "knows no POST";

export const goodKey = "sk_doctor_knows_this_1";
export const goodToken = "ct_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ";
const slowMs = 300;
const known = "user_id:42";

export class BrokenServer implements AsyncDisposable {
  defect: Defect = "none";
  readonly #server: Server<undefined>;
  #served = 0;

  constructor() {
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        if (this.defect === "is slow") await Bun.sleep(slowMs);
        return this.#answer(request);
      },
    });
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (!this.#mayAsk(request, url)) return error(401, "unauthorized");
    if (!/\/hello(?:\.html)?$/.test(url.pathname) && this.defect !== "answers any block")
      return error(404, "block_not_found");
    if (this.defect === "redirects") return Response.redirect("https://elsewhere.example/", 302);
    if (this.defect === "fails") return error(500, "internal");
    if (request.method === "POST") return this.#many(await request.json());
    const id = url.searchParams.get("id");
    const isUnknown = id !== null && id !== known;
    this.#served += 1;
    if (this.defect === "refuses many" && this.#served > 30) return error(429, "rate_limited");
    if (this.defect === "refuses unknown recipients" && isUnknown) return error(404, "profile_not_found");
    return this.#content(url, isUnknown);
  }

  #mayAsk(request: Request, url: URL): boolean {
    if (this.defect === "answers without a credential") return true;
    const header = request.headers.get("authorization");
    if (header !== null) return this.defect === "answers any credential" || header === `Bearer ${goodKey}`;
    if (this.defect === "wants a header") return false;
    const token = url.searchParams.get("token");
    return token === goodToken || (token !== null && this.defect === "answers any credential");
  }

  #many(body: unknown): Response {
    if (this.defect === "knows no POST") return error(405, "method_not_allowed");
    const { ids } = body as { ids: string[] };
    const results = ids.map((id) => ({ id, html: "<p>hello</p>" }));
    return Response.json({ results: this.defect === "gives many in disorder" ? results.reverse() : results });
  }

  #content(url: URL, isUnknown: boolean): Response {
    const isEmpty =
      this.defect === "is empty" || (isUnknown && this.defect === "is empty for unknown recipients");
    const end = this.defect === "reads another way each time" ? this.#served : "";
    const html = isEmpty ? "" : `<p>${isUnknown ? "fallback" : "Hello, Zoë"}${end}</p>`;
    const isHtml = url.pathname.endsWith(".html");
    return new Response(
      this.#body(isHtml ? html : JSON.stringify({ html, text: "hello", receipt: this.#receipt() })),
      {
        headers: { ...this.#type(isHtml ? "text/html" : "application/json"), ...this.#caching() },
      },
    );
  }

  /** Each answer has one of its own, unless somebody in between gives an old one again. */
  #receipt(): string {
    return `rcp_${this.defect === "is behind a cache" ? 0 : this.#served}`;
  }

  #body(text: string): string | Uint8Array<ArrayBuffer> {
    if (this.defect === "is a list") return `[${text}]`;
    if (this.defect === "is no JSON") return "{";
    if (this.defect === "is no UTF-8") return Uint8Array.from([...Buffer.from(text), 0xff, 0xfe]);
    return this.defect === "is too large" ? text.replace("Hello", "x".repeat(4_000_000)) : text;
  }

  #type(type: string): Record<string, string> {
    if (this.defect === "says text/plain") return { "Content-Type": "text/plain; charset=utf-8" };
    if (this.defect === "says no charset") return { "Content-Type": type };
    if (this.defect === "says another charset") return { "Content-Type": `${type}; charset=iso-8859-1` };
    return { "Content-Type": `${type}; charset=utf-8` };
  }

  #caching(): Record<string, string> {
    if (this.defect === "is behind a cache that says how old it is")
      return { "Cache-Control": "private, max-age=0", Age: "7" };
    if (this.defect === "lets caches share it") return { "Cache-Control": "public, max-age=300" };
    return this.defect === "says nothing of caches" ? {} : { "Cache-Control": "private, max-age=0" };
  }
}

function error(status: number, code: string): Response {
  return Response.json({ error: { code } }, { status });
}
