import { afterAll, beforeAll, expect, test } from "bun:test";
import { startServer, type TestServer } from "../support/server.ts";

let server: TestServer;
const opened = new AsyncDisposableStack();
beforeAll(async () => {
  server = opened.use(await startServer());
});
afterAll(() => opened.disposeAsync());

const maxGzippedBytes = 3 * 1024;

test("the snippet is at most 3 KB on the wire", async () => {
  const answer = await fetch(`${server.origin}/v1/freshet.js`, {
    headers: { "Accept-Encoding": "gzip" },
    decompress: false,
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-encoding")).toBe("gzip");
  const gzipped = await answer.arrayBuffer();
  expect(gzipped.byteLength).toBeLessThanOrEqual(maxGzippedBytes);
  expect(new TextDecoder().decode(Bun.gunzipSync(gzipped))).toContain("/v1/batch");
});

test("any site may load the snippet, keep it for an hour, and ask whether it is still good", async () => {
  const answer = await fetch(`${server.origin}/v1/freshet.js`);
  expect(answer.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  expect(answer.headers.get("access-control-allow-origin")).toBe("*");
  expect(answer.headers.get("cross-origin-resource-policy")).toBe("cross-origin");
  expect(answer.headers.get("cache-control")).toContain("max-age=3600");
  const etag = answer.headers.get("etag") ?? "";
  const again = await fetch(`${server.origin}/v1/freshet.js`, { headers: { "If-None-Match": etag } });
  expect(again.status).toBe(304);
});

test("the snippet is there under any name that reaches the server", async () => {
  const answer = await fetch(`${server.origin}/v1/freshet.js`, { headers: { Host: "events.shop.example" } });
  expect(answer.status).toBe(200);
});
