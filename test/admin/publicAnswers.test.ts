import { describe, expect, test } from "bun:test";
import { Elysia } from "elysia";
import { pageRoutes, publicAnswers } from "../../src/admin/publicAnswers.ts";

const script = "console.log('made for a browser');".repeat(20);
const loaded: string[] = [];

function site() {
  loaded.length = 0;
  const answers = publicAnswers((folder) => {
    loaded.push(folder);
    const bytes = (text: string) => new TextEncoder().encode(text);
    return Promise.resolve([
      { name: "page.html", contentType: "text/html; charset=utf-8", bytes: bytes("<title>A page</title>") },
      { name: "main.js", contentType: "text/javascript; charset=utf-8", bytes: bytes(script) },
    ]);
  });
  const app = new Elysia({ strictPath: true })
    .onError(({ error }) => new Response(error instanceof Error ? error.message : "", { status: 404 }))
    .use(pageRoutes(answers, "/demo", "demo"));
  return (path: string, headers: Record<string, string> = {}) =>
    app.handle(new Request(`http://localhost${path}`, { headers }));
}

describe("a page", () => {
  test("comes with a policy that lets nothing in from elsewhere, and no script in the page", async () => {
    const get = site();
    const response = await get("/demo");
    expect(await response.text()).toBe("<title>A page</title>");
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toContain("unsafe");
  });

  test("is made once, and only when asked for", async () => {
    const get = site();
    expect(loaded).toEqual([]);
    await Promise.all([get("/demo"), get("/demo/main.js"), get("/demo")]);
    expect(loaded).toEqual(["demo"]);
  });

  test("has no files but its own", async () => {
    const get = site();
    expect((await get("/demo/other.js")).status).toBe(404);
    expect((await get("/demo/..%2fpage.html")).status).toBe(404);
  });
});

describe("a file", () => {
  test("is sent gzipped to who takes that, and plain to others, under two tags", async () => {
    const get = site();
    const plain = await get("/demo/main.js");
    const refused = await get("/demo/main.js", { "Accept-Encoding": "br, gzip;q=0" });
    const gzipped = await get("/demo/main.js", { "Accept-Encoding": "br, gzip;q=0.5" });
    expect(await plain.text()).toBe(script);
    expect(await refused.text()).toBe(script);
    expect(gzipped.headers.get("content-encoding")).toBe("gzip");
    expect(new TextDecoder().decode(Bun.gunzipSync(await gzipped.arrayBuffer()))).toBe(script);
    expect(gzipped.headers.get("etag")).not.toBe(plain.headers.get("etag"));
    expect(gzipped.headers.get("vary")).toBe("Accept-Encoding");
  });

  test("is not sent again to who has it", async () => {
    const get = site();
    const etag = (await get("/demo/main.js")).headers.get("etag") ?? "";
    const again = await get("/demo/main.js", { "If-None-Match": `"other", W/${etag}` });
    expect(again.status).toBe(304);
    expect(again.headers.get("etag")).toBe(etag);
    expect(await again.text()).toBe("");
    expect((await get("/demo/main.js", { "If-None-Match": '"other"' })).status).toBe(200);
  });
});
