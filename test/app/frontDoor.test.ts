import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rawExchange, statusOf } from "../support/rawHttp.ts";
import { startServer, testKeys, type TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    args: ["--public-url", "https://events.example.com", "--public-url", "http://x"],
  });
});
afterAll(() => server[Symbol.asyncDispose]());

const body = JSON.stringify({ userId: "42", event: "Seen" });
const post = `Content-Type: application/json\r\nX-Write-Key: ${testKeys.writeKey}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;

/** Sends one request as bytes: `head` are the request line and what comes with it, without the end. */
function send(head: string, rest = "Connection: close\r\n\r\n"): Promise<string> {
  return rawExchange(server.port, `${head}\r\n${rest}`, 2_000);
}

/** The error code in an answer, or null. */
function codeOf(received: string): string | null {
  return /"code":"(\w+)"/.exec(received)?.[1] ?? null;
}

describe("the Host header", () => {
  test.each([
    ["a public name", "events.example.com"],
    ["in capitals", "EVENTS.Example.COM"],
    ["with a port", "events.example.com:8443"],
    ["localhost", "localhost"],
    ["a loopback address", "127.0.0.1:1"],
    ["another loopback address", "127.1.2.3"],
    ["an IPv6 loopback address", "[::1]:8787"],
  ])("%s is answered for", async (_name, host) => {
    expect(statusOf(await send(`GET /openapi.json HTTP/1.1\r\nHost: ${host}`))).toBe(200);
  });

  test.each([
    ["evil.example"],
    ["events.example.com.evil.example"],
    ["10.0.0.1"],
    ["[::2]"],
    ["127.0.0.1.evil.example"],
    ["0.0.0.0"],
  ])("%s is unknown: 421", async (host) => {
    for (const path of [
      "/openapi.json",
      "/metrics",
      "/docs",
      "/v1/profiles/user_id:42",
      "/v1/feed",
      "/nowhere",
    ]) {
      const received = await send(`GET ${path} HTTP/1.1\r\nHost: ${host}`);
      expect([path, statusOf(received), codeOf(received)]).toEqual([path, 421, "unknown_host"]);
      expect(received).not.toContain(host);
    }
  });

  test.each([["/v1/track"], ["/v1/t"], ["/v1/batch"], ["/v1/import"]])("any is good for %s", async (path) => {
    const batch = JSON.stringify({ batch: [{ type: "track", userId: "42", event: "Seen" }] });
    const text = path.length > 5 && path !== "/v1/track" ? batch : body;
    const received = await send(
      `POST ${path} HTTP/1.1\r\nHost: whatever.example`,
      post.replace(/Content-Length: \d+/, `Content-Length: ${text.length}`).replace(body, text),
    );
    expect(received).toEndWith('{"success":true}');
  });

  test.each(["/healthz", "/readyz"])("any is good for %s", async (path) => {
    expect(statusOf(await send(`GET ${path} HTTP/1.1\r\nHost: whatever.example`))).toBe(200);
  });

  test.each([
    ["twice", "Host: localhost\r\nHost: evil.example"],
    ["twice the same", "Host: localhost\r\nHost: localhost"],
    ["joined by a comma", "Host: localhost, evil.example"],
    ["empty", "Host: "],
    ["with a path", "Host: localhost/metrics"],
    ["with a user", "Host: localhost@evil.example"],
    ["with a query", "Host: localhost?a"],
    ["with a fragment", "Host: localhost#a"],
    ["with a blank", "Host: local host"],
    ["with a port that is none", "Host: localhost:99999"],
    ["not in ASCII", "Host: localh\u00f6st"],
  ])("%s is malformed: 400, for ingest too", async (_name, line) => {
    for (const [head, rest] of [
      [`GET /openapi.json HTTP/1.1\r\n${line}`],
      [`POST /v1/track HTTP/1.1\r\n${line}`, post],
    ] as const) {
      const received = await send(head, rest);
      expect([statusOf(received), codeOf(received)]).toEqual([400, "invalid_host"]);
    }
  });

  test("missing is malformed: 400", async () => {
    expect(codeOf(await send("GET /healthz HTTP/1.0"))).toBe("invalid_host");
    expect(statusOf(await send("GET /healthz HTTP/1.1"))).toBe(400);
  });

  test("a short one does not shift the path", async () => {
    expect(statusOf(await send("GET /aa/openapi.json HTTP/1.1\r\nHost: x"))).toBe(404);
    expect(statusOf(await send("GET /aa/healthz HTTP/1.1\r\nHost: x"))).toBe(404);
    expect(statusOf(await send("GET /openapi.json HTTP/1.1\r\nHost: x"))).toBe(200);
    expect(await send("POST /v1/track HTTP/1.1\r\nHost: ab", post)).toEndWith('{"success":true}');
  });

  test("the target's own host does not count", async () => {
    expect(statusOf(await send("GET http://localhost/openapi.json HTTP/1.1\r\nHost: evil.example"))).toBe(
      421,
    );
  });
});

describe("paths and methods", () => {
  test("nothing there is 404, without a word of the path", async () => {
    for (const path of [
      "/nowhere/hunter2",
      "/v1/hunter2",
      "//healthz",
      "/%68ealthz",
      "/healthz/",
      "/v1/profiles/",
      "/v1/profiles",
    ]) {
      const received = await send(`GET ${path} HTTP/1.1\r\nHost: localhost`);
      expect([path, statusOf(received), codeOf(received)]).toEqual([path, 404, "not_found"]);
      expect(received).not.toContain("hunter2");
    }
  });

  test.each([
    ["GET", "/v1/track", "POST"],
    ["DELETE", "/v1/track", "POST"],
    ["POST", "/healthz", "GET"],
    ["PUT", "/v1/profiles/user_id:42", "GET"],
    ["DELETE", "/v1/profiles/batch", "GET, POST"],
  ])("%s %s is 405 and says what it takes", async (method, path, allowed) => {
    const answer = await fetch(`${server.origin}${path}`, { method });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, allowed]);
    const answered = (await answer.json()) as { error: { code: string; requestId: string; docs: string } };
    expect(answered.error.code).toBe("method_not_allowed");
    expect(answered.error.docs).toBe("/docs#method_not_allowed");
    expect(answered.error.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("HEAD answers like GET, without a body", async () => {
    const answer = await fetch(`${server.origin}/healthz`, { method: "HEAD" });
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
  });

  test("errors are neither stored nor sniffed", async () => {
    const { headers } = await fetch(`${server.origin}/nowhere`);
    expect([
      headers.get("cache-control"),
      headers.get("x-content-type-options"),
      headers.get("content-type"),
    ]).toEqual(["no-store", "nosniff", "application/json; charset=utf-8"]);
  });
});
