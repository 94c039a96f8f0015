import { describe, expect, test } from "bun:test";
import { basic, batchOf, errorCode, gzipped, keyTexts, startIngest, track } from "./ingestServer.ts";

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
