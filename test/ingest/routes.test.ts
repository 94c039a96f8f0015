import { describe, expect, test } from "bun:test";
import { ingestPaths } from "../../src/ingest/routes.ts";
import { rawExchange, statusOf } from "../support/rawHttp.ts";
import { batchOf, errorCode, keyTexts, startIngest, track } from "./ingestServer.ts";

describe("paths", () => {
  const bodies: Readonly<
    Record<string, { readonly path: string; readonly short: string; readonly body: Record<string, unknown> }>
  > = {
    track: { path: "/v1/track", short: "/v1/t", body: track },
    identify: { path: "/v1/identify", short: "/v1/i", body: { userId: "42", traits: { plan: "pro" } } },
    page: {
      path: "/v1/page",
      short: "/v1/p",
      body: { anonymousId: "a-1", name: "Home", properties: { path: "/" } },
    },
    screen: { path: "/v1/screen", short: "/v1/s", body: { anonymousId: "a-1", name: "Start" } },
    group: { path: "/v1/group", short: "/v1/g", body: { userId: "42", groupId: "g-1" } },
    alias: { path: "/v1/alias", short: "/v1/a", body: { userId: "42", previousId: "a-1" } },
  };

  test.each(Object.entries(bodies))(
    "%s and its short form take one event",
    async (type, { path, short, body }) => {
      await using server = startIngest();
      for (const place of [path, short]) {
        const response = await server.post(place, body);
        expect(response.status).toBe(200);
        expect(await response.text()).toBe('{"success":true}');
      }
      expect(server.accept.events.map(({ event }) => event.type as string)).toEqual([type, type]);
      expect(server.accept.frames.map(({ lane }) => lane)).toEqual(["live", "live"]);
    },
  );

  test("batch, its short form and import take many, import in its own lane", async () => {
    await using server = startIngest();
    for (const path of ["/v1/batch", "/v1/b", "/v1/import"]) {
      const response = await server.post(path, batchOf(3));
      expect(await response.text()).toBe('{"success":true}');
    }
    expect(server.accept.events).toHaveLength(9);
    expect(server.accept.frames.map(({ lane }) => lane)).toEqual(["live", "live", "import"]);
  });

  test("are 16, and all answer", async () => {
    await using server = startIngest();
    expect(ingestPaths).toHaveLength(16);
    for (const path of ingestPaths) expect((await server.post(path, "{}")).status).toBe(400);
  });

  test.each([
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "nonsense",
    "",
  ])("take JSON whatever the content type says: %p", async (type) => {
    await using server = startIngest();
    const response = await server.post("/v1/track", track, {
      "X-Write-Key": keyTexts.server,
      "Content-Type": type,
    });
    expect(response.status).toBe(200);
  });

  test("take an empty body for bad JSON", async () => {
    await using server = startIngest();
    const response = await server.post("/v1/track", "");
    expect(response.status).toBe(400);
    expect(await errorCode(response)).toBe("invalid_json");
    const bare = await rawExchange(
      server.port,
      `POST /v1/track HTTP/1.1\r\nHost: localhost\r\nX-Write-Key: ${keyTexts.server}\r\n\r\n`,
    );
    expect(statusOf(bare)).toBe(400);
  });
});

describe("answers", () => {
  test("of a batch with bad events name them", async () => {
    await using server = startIngest();
    const response = await server.post("/v1/batch", {
      batch: [
        { ...track, type: "track" },
        { type: "track", event: "x", messageId: "m-2" },
      ],
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      success: true,
      rejected: [
        {
          index: 1,
          messageId: "m-2",
          quarantineId: "qrn_1",
          error: { code: "missing_id", message: expect.any(String), hint: expect.any(String) },
        },
      ],
    });
  });

  test("of a single bad event, and of a batch of bad ones, are 400 with where they are kept", async () => {
    await using server = startIngest();
    for (const [path, body] of [
      ["/v1/track", {}],
      ["/v1/batch", { batch: [{ type: "track" }, 7] }],
    ] as const) {
      const response = await server.post(path, body);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        error: {
          code: "missing_id",
          message: expect.any(String),
          hint: expect.any(String),
          docs: "/docs#missing_id",
          requestId: expect.any(String),
        },
        rejected: [
          { index: 0, quarantineId: expect.stringMatching(/^qrn_/) },
          ...(path === "/v1/batch" ? [{ index: 1 }] : []),
        ],
      });
    }
  });

  test.each([
    ["overloaded", 429],
    ["draining", 429],
    ["disk_full", 503],
  ] as const)("for %s are %i with Retry-After", async (code, status) => {
    await using server = startIngest();
    server.accept.unavailable = { kind: "unavailable", code, retryAfterSeconds: 2.2 };
    const response = await server.post("/v1/track", track);
    expect(response.status).toBe(status);
    expect(response.headers.get("retry-after")).toBe("3");
    expect(await errorCode(response)).toBe(code);
  });

  test("echo nothing of the input", async () => {
    await using server = startIngest();
    const canary = "canary@example.com";
    for (const body of [
      `{"${canary}":`,
      { event: canary },
      { userId: { email: canary } },
      { event: "x", userId: canary, timestamp: canary },
      `["${canary}"]`,
    ]) {
      const response = await server.post(`/v1/track?q=${canary}`, body);
      expect(response.status).toBe(400);
      expect(await response.text()).not.toContain("canary");
    }
  });
});

describe("browsers", () => {
  test("may send from any page, without credentials", async () => {
    await using server = startIngest();
    for (const path of ingestPaths) {
      const preflight = await fetch(`${server.origin}${path}`, {
        method: "OPTIONS",
        headers: {
          Origin: "https://shop.example",
          "Access-Control-Request-Method": "POST",
          "Access-Control-Request-Headers": "authorization,content-type",
        },
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
      expect(preflight.headers.get("access-control-allow-credentials")).toBeNull();
      expect(preflight.headers.get("access-control-allow-headers")?.toLowerCase()).toContain("authorization");
    }
    const headers = { Origin: "https://shop.example", "Content-Type": "text/plain" };
    const simple = await server.post("/v1/t", { ...track, writeKey: keyTexts.browser }, headers);
    expect(simple.status).toBe(200);
    expect(simple.headers.get("access-control-allow-origin")).toBe("*");
    const refused = await server.post("/v1/t", track, headers);
    expect(refused.status).toBe(401);
    expect(refused.headers.get("access-control-allow-origin")).toBe("*");
  });

  test("can't read what a secret key is answered", async () => {
    await using server = startIngest();
    for (const body of [track, {}]) {
      const response = await server.post("/v1/track", body, {
        Authorization: `Bearer ${keyTexts.secret}`,
        Origin: "https://shop.example",
      });
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  const slowly = { eventsPerSecond: 10, burstEvents: 20 };
  const browser = { "X-Write-Key": keyTexts.browser };

  test("are slowed per key and address, by events", async () => {
    await using server = startIngest({ rate: slowly });
    expect((await server.post("/v1/batch", batchOf(30), browser)).status).toBe(200);
    const refused = await server.post("/v1/track", track, browser);
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await errorCode(refused)).toBe("rate_limited");
    expect((await server.post("/v1/track", { ...track, writeKey: keyTexts.browser }, {})).status).toBe(429);
    expect((await server.post("/v1/track", track)).status).toBe(200);
    server.address = "192.0.2.2";
    expect((await server.post("/v1/track", track, browser)).status).toBe(200);
    server.address = "192.0.2.1";
    server.clock.advance(1_100);
    expect((await server.post("/v1/track", track, browser)).status).toBe(200);
  });

  test("on servers are not slowed", async () => {
    await using server = startIngest({ rate: slowly });
    for (let round = 0; round < 5; round += 1)
      expect((await server.post("/v1/batch", batchOf(100))).status).toBe(200);
  });
});
