/** What analytics.js and RudderStack's client are told before they send. Both are tried in test/public/clients.test.ts. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startServer, type TestServer } from "../support/server.ts";

let server: TestServer;
const opened = new AsyncDisposableStack();
beforeAll(async () => {
  server = opened.use(await startServer({ args: ["--public-url", "https://events.shop.example"] }));
});
afterAll(() => opened.disposeAsync());

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${server.origin}${path}`, { headers });
const basic = (user: string) => ({ Authorization: `Basic ${btoa(`${user}:`)}` });

describe("Segment's settings", () => {
  const segment = async (headers: Record<string, string> = {}) => {
    const answer = await get(`/v1/projects/${server.writeKey}/settings`, headers);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    const body = (await answer.json()) as { readonly integrations: Record<string, unknown> };
    return body.integrations;
  };

  test("send events back to where the settings came from, and nowhere else", async () => {
    const integrations = await segment();
    expect(Object.keys(integrations)).toEqual(["Segment.io"]);
    const apiHost = `127.0.0.1:${server.port}/v1`;
    expect(integrations["Segment.io"]).toMatchObject({ apiKey: server.writeKey, apiHost, protocol: "http" });
  });

  test("say https where the name is a public URL's, or a proxy says so", async () => {
    const named = await segment({ Host: "events.shop.example" });
    expect(named["Segment.io"]).toMatchObject({ apiHost: "events.shop.example/v1", protocol: "https" });
    const behindProxy = await segment({ Host: "other.example", "X-Forwarded-Proto": "https" });
    expect(behindProxy["Segment.io"]).toMatchObject({ apiHost: "other.example/v1", protocol: "https" });
  });
});

describe("RudderStack's source config", () => {
  test("is there for the key as Basic user name or in the query: enabled, no destinations, no telemetry", async () => {
    const answers = [
      await get("/sourceConfig/?p=npm&v=3", basic(server.writeKey)),
      await get(`/sourceConfig/?writeKey=${server.writeKey}`),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(answer.headers.get("access-control-allow-origin")).toBe("*");
      const { source } = (await answer.json()) as { readonly source: Record<string, unknown> };
      expect(source).toMatchObject({ enabled: true, writeKey: server.writeKey, destinations: [] });
      expect(source["config"]).toEqual({
        statsCollection: { errors: { enabled: false }, metrics: { enabled: false } },
      });
    }
  });

  test("may be asked for across origins with a key in a header", async () => {
    const preflight = await fetch(`${server.origin}/sourceConfig/`, { method: "OPTIONS" });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
    expect(preflight.headers.get("access-control-allow-headers")).toContain("Authorization");
  });
});

test.each(["wk_nobody_has_this", "", "sk_for_tests_only_0001"])("the key %p gets nothing", async (key) => {
  const answers = [
    await get(`/v1/projects/${key === "" ? "%20" : key}/settings`),
    await get("/sourceConfig/", basic(key)),
  ];
  for (const answer of answers) {
    expect(answer.status).toBe(401);
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(await answer.json()).toMatchObject({ error: { code: "unauthorized" } });
  }
});

test("what Segment's mobile libraries ask for and send is understood", async () => {
  const settings = await get(`/v1/projects/${server.writeKey}/settings`, {
    "Content-Type": "application/json",
  });
  expect(settings.status).toBe(200);
  const event = { type: "track", event: "App Opened", userId: "u-mobile", messageId: "mobile-1" };
  const batch = { batch: [event], sentAt: "2026-11-24T09:00:00.000Z", writeKey: server.writeKey };
  const sent = await fetch(`${server.origin}/v1/b`, {
    method: "POST",
    headers: { "Content-Type": "text/plain", "Content-Encoding": "gzip" },
    body: Bun.gzipSync(JSON.stringify(batch)),
  });
  expect(await sent.text()).toBe('{"success":true}');
  expect((await server.get("/v1/events/mobile-1")).status).toBe(200);
});
