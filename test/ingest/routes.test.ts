import { describe, expect, test } from "bun:test";
import { ingestPaths } from "../../src/ingest/routes.ts";
import { maxSecretKeyBodyBytes, maxWriteKeyBodyBytes } from "../../src/ingest/limits.ts";
import { rawExchange, statusOf } from "../support/rawHttp.ts";
import { basic, errorCode, gzipped, keyTexts, startIngest } from "./ingestServer.ts";

const track = { event: "Product Viewed", userId: "42", messageId: "m-1" };
const batchOf = (count: number) => ({
  batch: Array.from({ length: count }, (_, index) => ({ ...track, type: "track", messageId: `m-${index}` })),
});
/** An accepted body of exactly that many bytes. */
const padded = (bytes: number) => JSON.stringify(batchOf(1)).padEnd(bytes, " ");

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

  test("are 15, and all answer", async () => {
    await using server = startIngest();
    expect(ingestPaths).toHaveLength(15);
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

describe("keys", () => {
  const query = `?writeKey=${keyTexts.server}`;
  const cases: readonly (readonly [
    what: string,
    status: number,
    source: string | null,
    headers: Record<string, string>,
    body: Record<string, unknown>,
    query: string,
  ])[] = [
    ["Basic user name", 200, "shop", { Authorization: basic(keyTexts.server) }, {}, ""],
    ["Basic, any password", 200, "shop", { Authorization: basic(keyTexts.server, "x:y") }, {}, ""],
    [
      "Basic, scheme in lower case",
      200,
      "shop",
      { Authorization: basic(keyTexts.server).replace("Basic", "basic") },
      {},
      "",
    ],
    ["Basic without a colon", 200, "shop", { Authorization: `Basic ${btoa(keyTexts.server)}` }, {}, ""],
    ["Bearer", 200, "shop", { Authorization: `Bearer ${keyTexts.secret}` }, {}, ""],
    ["X-Write-Key", 200, "web", { "X-Write-Key": keyTexts.browser }, {}, ""],
    ["the body", 200, "web", {}, { writeKey: keyTexts.browser }, ""],
    ["the query", 200, "shop", {}, {}, query],
    [
      "Authorization before X-Write-Key",
      200,
      "shop",
      { Authorization: basic(keyTexts.server), "X-Write-Key": keyTexts.browser },
      {},
      "",
    ],
    [
      "X-Write-Key before the body",
      200,
      "web",
      { "X-Write-Key": keyTexts.browser },
      { writeKey: keyTexts.server },
      "",
    ],
    ["the body before the query", 200, "web", {}, { writeKey: keyTexts.browser }, query],
    ["null in the body is no key", 200, "shop", {}, { writeKey: null }, query],
    ["none", 401, null, {}, {}, ""],
    ["an unknown one", 401, null, { "X-Write-Key": "wk_unknown_000000001" }, {}, ""],
    ["a revoked one", 401, null, { "X-Write-Key": keyTexts.revoked }, {}, ""],
    ["an empty Basic user name, and no falling through", 401, null, { Authorization: basic("") }, {}, query],
    [
      "a bad Authorization, and no falling through",
      401,
      null,
      { Authorization: basic("wrong"), "X-Write-Key": keyTexts.server },
      {},
      "",
    ],
    [
      "another scheme, and no falling through",
      401,
      null,
      { Authorization: `Token ${keyTexts.server}`, "X-Write-Key": keyTexts.server },
      {},
      "",
    ],
    [
      "a bad X-Write-Key, and no falling through",
      401,
      null,
      { "X-Write-Key": "wrong" },
      { writeKey: keyTexts.server },
      query,
    ],
    ["a bad one in the body, and no falling through", 401, null, {}, { writeKey: "wrong" }, query],
    ["a number in the body", 401, null, {}, { writeKey: 5 }, query],
    ["a bad one in the query", 401, null, {}, {}, "?writeKey=wrong"],
    ["a key without the scope write", 403, null, { Authorization: `Bearer ${keyTexts.reader}` }, {}, ""],
  ];

  test.each(cases)("%s: %p", async (_what, status, source, headers, fields, search) => {
    await using server = startIngest();
    const response = await server.post(`/v1/track${search}`, { ...track, ...fields }, headers);
    expect(response.status).toBe(status);
    if (status !== 200) expect(await errorCode(response)).toBe(status === 401 ? "unauthorized" : "forbidden");
    expect(server.accept.frames[0]?.source ?? null).toBe(source);
  });

  test("decide the namespace and the trust", async () => {
    await using server = startIngest();
    for (const key of [keyTexts.test, keyTexts.server, keyTexts.browser])
      await server.post("/v1/track", track, { "X-Write-Key": key });
    const seen = server.accept.events.map(({ event }) => [event.namespace, event.source, event.trusted]);
    expect(seen).toEqual([
      ["test", "shop", true],
      ["live", "shop", true],
      ["live", "web", false],
    ]);
  });

  test("in the body are found behind escapes, in a batch and in gzip", async () => {
    await using server = startIngest();
    const escaped = JSON.stringify({ ...track, writeKey: keyTexts.server }).replace(
      "writeKey",
      "write\\u004bey",
    );
    expect((await server.post("/v1/track", escaped, {})).status).toBe(200);
    expect((await server.post("/v1/batch", { ...batchOf(1), writeKey: keyTexts.server }, {})).status).toBe(
      200,
    );
    expect(
      (
        await server.post("/v1/batch", gzipped({ ...batchOf(1), writeKey: keyTexts.server }), {
          "Content-Encoding": "gzip",
        })
      ).status,
    ).toBe(200);
    const inEventOnly = { batch: [{ ...track, type: "track", writeKey: keyTexts.server }] };
    expect((await server.post("/v1/batch", inEventOnly, {})).status).toBe(401);
  });

  test("can be revoked at any time", async () => {
    await using server = startIngest();
    const headers = { Authorization: basic(keyTexts.server) };
    expect((await server.post("/v1/track", track, headers)).status).toBe(200);
    server.keys.replace([]);
    expect((await server.post("/v1/track", track, headers)).status).toBe(401);
  });

  test("that are secret are not stored with an event", async () => {
    await using server = startIngest();
    expect((await server.post("/v1/track", { ...track, writeKey: keyTexts.secret }, {})).status).toBe(200);
    expect((await server.post("/v1/track", { userId: "", writeKey: keyTexts.secret }, {})).status).toBe(400);
    const batch = { batch: [{ ...track, type: "track", writeKey: keyTexts.secret }] };
    expect((await server.post("/v1/batch", batch)).status).toBe(200);
    const stored = server.accept.events.map(({ raw }) => new TextDecoder().decode(raw));
    expect(stored).toEqual([JSON.stringify(track), JSON.stringify({ ...track, type: "track" })]);
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

describe("sizes", () => {
  test.each([
    ["write key, at its limit", keyTexts.server, maxWriteKeyBodyBytes, 200],
    ["write key, above", keyTexts.server, maxWriteKeyBodyBytes + 1, 413],
    ["secret key, at its limit", keyTexts.secret, maxSecretKeyBodyBytes, 200],
    ["secret key, above", keyTexts.secret, maxSecretKeyBodyBytes + 1, 413],
  ] as const)("%s", async (_what, key, bytes, status) => {
    await using server = startIngest();
    const headers = { Authorization: `Bearer ${key}` };
    const plain = await server.post("/v1/batch", padded(bytes), headers);
    expect(plain.status).toBe(status);
    if (status === 413) expect(await errorCode(plain)).toBe("too_large");
    const chunked = await fetch(`${server.origin}/v1/batch`, {
      method: "POST",
      headers,
      body: new ReadableStream({
        start: (controller) => {
          controller.enqueue(new TextEncoder().encode(padded(bytes)));
          controller.close();
        },
      }),
    });
    expect(chunked.status).toBe(status);
  });

  test("without a key in the headers are those of a write key", async () => {
    await using server = startIngest();
    const body = JSON.stringify({ ...batchOf(1), writeKey: keyTexts.secret }).padEnd(
      maxWriteKeyBodyBytes + 1,
      " ",
    );
    expect((await server.post("/v1/batch", body, {})).status).toBe(413);
  });

  test.each([
    [2_500, 200],
    [2_501, 413],
  ])("a batch of %i events: %i", async (count, status) => {
    await using server = startIngest();
    const response = await server.post("/v1/batch", batchOf(count), {
      Authorization: `Bearer ${keyTexts.secret}`,
    });
    expect(response.status).toBe(status);
    if (status === 413) expect(await errorCode(response)).toBe("batch_too_large");
  });
});

describe("encodings", () => {
  test.each([
    ["gzip", 200],
    ["GZIP", 200],
    ["x-gzip", 200],
    ["br", 415],
    ["deflate", 415],
    ["zstd", 415],
    ["gzip, gzip", 415],
  ])("%s", async (encoding, status) => {
    await using server = startIngest();
    const response = await server.post("/v1/track", gzipped(track), {
      "X-Write-Key": keyTexts.server,
      "Content-Encoding": encoding,
    });
    expect(response.status).toBe(status);
    if (status === 415) expect(await errorCode(response)).toBe("unsupported_encoding");
  });

  test("identity is plain", async () => {
    await using server = startIngest();
    expect(
      (
        await server.post("/v1/track", track, {
          "X-Write-Key": keyTexts.server,
          "Content-Encoding": "identity",
        })
      ).status,
    ).toBe(200);
  });

  const good = gzipped(batchOf(2_000));
  test.each<[string, Uint8Array<ArrayBuffer>, string, number, string]>([
    [
      "what is not gzip",
      new TextEncoder().encode(JSON.stringify(track)),
      keyTexts.server,
      400,
      "invalid_json",
    ],
    ["what is cut short", good.slice(0, good.length - 9), keyTexts.server, 400, "invalid_json"],
    [
      "more than the limit inflated",
      gzipped(padded(maxWriteKeyBodyBytes + 1)),
      keyTexts.server,
      413,
      "too_large",
    ],
    ["a bomb", gzipped(" ".repeat(60_000_000)), keyTexts.secret, 413, "too_large"],
    [
      "a small bomb within the limit",
      gzipped(padded(maxSecretKeyBodyBytes)),
      keyTexts.secret,
      413,
      "too_large",
    ],
  ])("%s is refused", async (_what, body, key, status, code) => {
    await using server = startIngest();
    const response = await server.post("/v1/batch", body, {
      Authorization: `Bearer ${key}`,
      "Content-Encoding": "gzip",
    });
    expect(response.status).toBe(status);
    expect(await errorCode(response)).toBe(code);
    expect(server.accept.frames).toHaveLength(0);
  });

  test("a large good one is taken", async () => {
    await using server = startIngest();
    const varied = {
      batch: Array.from({ length: 2_000 }, (_, index) => ({
        ...track,
        type: "track",
        messageId: crypto.randomUUID(),
        properties: { index, note: crypto.randomUUID() },
      })),
    };
    const body = gzipped(varied);
    expect(body.length).toBeGreaterThan(32 * 1024);
    const response = await server.post("/v1/batch", body, {
      Authorization: `Bearer ${keyTexts.secret}`,
      "Content-Encoding": "gzip",
    });
    expect(response.status).toBe(200);
    expect(server.accept.events).toHaveLength(2_000);
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

/** The head of a request whose length is told by that header line. */
const headWith = (lengthLine: string) =>
  `POST /v1/track HTTP/1.1\r\nHost: localhost\r\nX-Write-Key: ${keyTexts.server}\r\n${lengthLine}\r\n\r\n`;

describe("slow and broken senders", () => {
  test.each(["Content-Length: 100", "Transfer-Encoding: chunked"])(
    "are let go at the deadline: %s",
    async (length) => {
      await using server = startIngest({ bodyDeadlineMs: 50 });
      const received = await rawExchange(server.port, `${headWith(length)}1\r\n{\r\n`, 5_000);
      expect(statusOf(received)).toBe(400);
      expect(received).toContain("invalid_request");
      expect(received.toLowerCase()).toContain("connection: close");
      expect(server.accept.frames).toHaveLength(0);
      expect((await server.post("/v1/track", track)).status).toBe(200);
    },
  );

  test("that hang up mid-body do no harm", async () => {
    await using server = startIngest();
    for (const length of ["Content-Length: 100", "Transfer-Encoding: chunked"])
      await rawExchange(server.port, `${headWith(length)}1\r\n{\r\n`, 20);
    expect((await server.post("/v1/track", track)).status).toBe(200);
    expect(server.accept.frames).toHaveLength(1);
  });

  test("may send a byte a chunk", async () => {
    await using server = startIngest();
    const body = JSON.stringify({ ...track, properties: { long: "x".repeat(10_000) } });
    const chunks = body
      .split("")
      .map((character) => `1\r\n${character}\r\n`)
      .join("");
    const received = await rawExchange(
      server.port,
      `${headWith("Transfer-Encoding: chunked")}${chunks}0\r\n\r\n`,
    );
    expect(statusOf(received)).toBe(200);
    expect(server.accept.events[0]?.event.properties).toEqual({ long: "x".repeat(10_000) });
  });

  test("get their 413 early and the connection lives on", async () => {
    await using server = startIngest();
    const tooLong = `${headWith("Content-Length: 600000")}${"x".repeat(600_000)}`;
    const body = JSON.stringify(track);
    const received = await rawExchange(
      server.port,
      `${tooLong}${headWith(`Content-Length: ${body.length}`)}${body}`,
    );
    expect(statusOf(received)).toBe(413);
    expect(received).toEndWith('{"success":true}');
  });
});
