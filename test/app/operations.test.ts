import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { operationsRoutes } from "../../src/admin/operationsRoutes.ts";
import { paths } from "../../src/admin/paths.ts";
import { errorCatalogue } from "../../src/errors.ts";
import type { StoreStatus } from "../../src/store/storeApi.ts";
import { rawExchange, statusOf } from "../support/rawHttp.ts";
import { freshet } from "../support/command.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const idleStatus: StoreStatus = {
  mode: "live",
  progress: null,
  rulesProgress: null,
  head: 0,
  visible: 0,
  inFlightRequests: 0,
  inFlightBytes: 0,
  journalBytes: 0,
  profilesBytes: 0,
  counts: null,
};

const unasked = (): never => {
  throw new Error("nobody asked for metrics");
};

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ args: ["--public-url", "https://events.example.com"] });
  await server.post("/v1/track", { userId: "42", event: "Seen", messageId: "m-1" });
});
afterAll(() => server[Symbol.asyncDispose]());

describe("/metrics", () => {
  const get = (headers: string) =>
    rawExchange(server.port, `GET /metrics HTTP/1.1\r\n${headers}\r\nConnection: close\r\n\r\n`, 2_000);

  test("is open to this machine", async () => {
    expect(statusOf(await get("Host: localhost"))).toBe(200);
  });

  test.each([
    ["that came through a proxy of this machine", "Host: localhost\r\nX-Forwarded-For: 1.2.3.4"],
    ["to a public name", "Host: events.example.com"],
    ["with a proxy's Via", "Host: localhost\r\nVia: 1.1 proxy"],
  ])("wants a key from a request %s", async (_name, headers) => {
    expect(statusOf(await get(headers))).toBe(401);
    expect(statusOf(await get(`${headers}\r\nX-Write-Key: ${server.writeKey}`))).toBe(403);
    expect(statusOf(await get(`${headers}\r\nAuthorization: Bearer ${server.secretKey}`))).toBe(200);
  });

  test("wants the scope admin", async () => {
    const made = await freshet([
      "keys",
      "create",
      "--kind",
      "secret",
      "--scopes",
      "read,feed",
      "--data",
      server.data,
    ]);
    expect(
      statusOf(await get(`Host: events.example.com\r\nAuthorization: Bearer ${made.stdout.trim()}`)),
    ).toBe(403);
  });

  test("counts events, requests, answers and latencies, in Prometheus' form", async () => {
    const text = await (await fetch(`${server.origin}/metrics`)).text();
    expect(text).toContain('freshet_events_total{outcome="accepted"} 1\n');
    expect(text).toContain('freshet_submissions_total{call="track",outcome="accepted"} 1\n');
    expect(text).toMatch(/freshet_http_responses_total\{status="200"\} [1-9]/);
    expect(text).toMatch(/freshet_event_latency_seconds_count\{stage="visible"\} 1\n/);
    expect(text).toMatch(/freshet_event_latency_seconds_bucket\{le="\+Inf",stage="committed"\} 1\n/);
    expect(text).toContain("freshet_journal_head_seq 1\n");
    expect(text).toContain("freshet_visible_seq 1\n");
    expect(text).toMatch(/freshet_journal_bytes [1-9]/);
    expect(text).toMatch(/freshet_profiles_bytes [1-9]/);
    expect(text).toContain("freshet_ready 1\n");
    for (const line of text.trim().split("\n"))
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{[^}]*\})? [-+.\deE]+|)$/);
  });

  test("knows how long a change took to a reader, and how many there are", async () => {
    const abort = new AbortController();
    const stream = await fetch(`${server.origin}/v1/feed`, {
      headers: { Authorization: `Bearer ${server.secretKey}` },
      signal: abort.signal,
    });
    const reader = stream.body?.getReader();
    let received = "";
    const decoder = new TextDecoder();
    await server.post("/v1/track", { userId: "42", event: "Seen", messageId: "m-2" });
    while (!received.includes('"m-2"')) received += decoder.decode((await reader?.read())?.value);
    const text = await (await fetch(`${server.origin}/metrics`)).text();
    expect(text).toContain('freshet_event_latency_seconds_count{stage="fed"} 1\n');
    expect(text).toContain("freshet_streams 1\n");
    abort.abort();
    await until("the reader is gone", async () =>
      (await (await fetch(`${server.origin}/metrics`)).text()).includes("freshet_streams 0\n"),
    );
  });
});

describe("/readyz", () => {
  test("says 200 ready", async () => {
    const answer = await fetch(`${server.origin}/readyz`);
    expect([answer.status, await answer.text()]).toEqual([200, '{"status":"ready"}']);
  });

  test.each([
    ["rebuilding", 0.4267, "open", '{"status":"rebuilding","progress":0.42}'],
    ["rebuilding", null, "open", '{"status":"rebuilding","progress":0}'],
    ["live", null, "opening", '{"status":"starting"}'],
    ["live", null, "draining", '{"status":"draining"}'],
    ["closed", null, "open", '{"status":"draining"}'],
  ] as const)("says 503 while the store is %s (%p) and the door %s", async (mode, progress, phase, body) => {
    const routes = operationsRoutes({
      version: "0",
      home: "/admin",
      status: () => ({ ...idleStatus, mode, progress }),
      phase: () => phase,
      isLocal: () => true,
      keyOf: () => null,
      metrics: unasked,
    });
    const answer = await routes.handle(new Request("http://localhost/readyz"));
    expect([answer.status, await answer.text()]).toEqual([503, body]);
  });
});

describe("/openapi.json", () => {
  interface Description {
    readonly openapi: string;
    readonly paths: Readonly<Record<string, Readonly<Record<string, { responses: object }>>>>;
    readonly components: { readonly responses: object };
  }
  const describe31 = async () => (await (await fetch(`${server.origin}/openapi.json`)).json()) as Description;

  test("lists exactly the paths that are served", async () => {
    const { paths: described, openapi } = await describe31();
    expect(openapi).toBe("3.1.0");
    const listed = Object.entries(described).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`),
    );
    expect(listed.sort()).toEqual(paths.map(({ method, path }) => `${method} ${path}`).sort());
  });

  test("what leads elsewhere or is the same says so", async () => {
    const { paths: described } = await describe31();
    const known = described["/v1/profiles/{id}"]?.["get"]?.responses;
    expect(Object.keys(known ?? {})).toEqual(["200", "304", "default"]);
    for (const path of ["/", "/admin/"]) {
      expect(described[path]?.["get"]?.responses).toHaveProperty("302");
      const { status, headers } = await fetch(`${server.origin}${path}`, { redirect: "manual" });
      expect([path, status, headers.get("location")]).toEqual([path, 302, "/admin"]);
    }
  });

  test("what is listed is there, and what is there is listed", async () => {
    for (const { method, path } of paths) {
      const concrete = path
        .replace(":id", "user_id:42")
        .replace(":messageId", "m-1")
        .replace(":name", "main.js");
      const { status } = await fetch(`${server.origin}${concrete}`, { method });
      expect([method, path, status]).not.toEqual([method, path, 404]);
      expect([method, path, status]).not.toEqual([method, path, 405]);
    }
    // HEAD is understood wherever GET is.
    const served = (await servedRoutes()).filter((route) => !route.startsWith("HEAD "));
    expect(served.sort()).toEqual(paths.map(({ method, path }) => `${method} ${path}`).sort());
  });

  test("every error code has a response, and a place in /docs", async () => {
    const { components } = await describe31();
    const docs = await (await fetch(`${server.origin}/docs`)).text();
    expect(Object.keys(components.responses).sort()).toEqual(Object.keys(errorCatalogue).sort());
    for (const code of Object.keys(errorCatalogue)) expect(docs).toContain(`id="${code}"`);
  });
});

test("/docs loads nothing from anywhere", async () => {
  const answer = await fetch(`${server.origin}/docs`);
  expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
  expect(await answer.text()).not.toMatch(/<script|<link|src=|https?:\/\/|url\(/);
});

/** The routes that Elysia holds, whatever the table says; OPTIONS is the browser's own question. */
async function servedRoutes(): Promise<string[]> {
  const { buildRouter } = await import("../../src/routes.ts");
  const nothing = {} as Parameters<typeof buildRouter>[0];
  return buildRouter({
    ...nothing,
    operations: { version: "0" } as never,
    ingest: {} as never,
    rest: {} as never,
    feed: {} as never,
    admin: {} as never,
    files: {} as never,
    demo: null,
  })
    .routes.filter(({ method }) => method !== "OPTIONS")
    .map(({ method, path }) => `${method} ${path}`);
}
