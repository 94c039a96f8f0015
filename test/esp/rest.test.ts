/** Reads over HTTP, to the letter of the contract. */
import { describe, expect, test } from "bun:test";
import { renderEntry } from "../../src/esp/historyView.ts";
import { OutServer, type KeyText } from "./outServer.ts";

const nine = "2026-11-24T09:00:00.000Z";

/** A server that knows Ann. */
function withAnn(): OutServer {
  const server = new OutServer();
  server.store.send({
    userId: "42",
    anonymousId: "a-91",
    messageId: "ajs-1",
    traits: { firstName: "Ann", lastName: "Lee", email: "ann@example.com", address: { city: "Ulm" } },
  });
  return server;
}

function code(body: Record<string, unknown>): unknown {
  return (body["error"] as Record<string, unknown> | undefined)?.["code"];
}

describe("a profile", () => {
  test("is this JSON", async () => {
    await using server = withAnn();
    const response = await server.fetch("/v1/profiles/user_id:42");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("private, max-age=0, stale-if-error=86400");
    expect(response.headers.get("etag")).toMatch(/^"[0-9a-z]+"$/);
    expect(await response.text()).toBe(
      `{"profileId":"prf_00000001","version":1,"firstSeenAt":"${nine}","lastSeenAt":"${nine}",` +
        `"identifiers":[{"type":"user_id","value":"42"},{"type":"email","value":"ann@example.com"},{"type":"anonymous_id","value":"a-91"}],` +
        `"traits":{"firstName":"Ann","lastName":"Lee","email":"ann@example.com","address":{"city":"Ulm"}},"segments":[]}`,
    );
  });

  test("is found by every identifier", async () => {
    await using server = withAnn();
    const hash = new Bun.CryptoHasher("sha256").update("ann@example.com").digest("hex");
    const plain = await server.json("/v1/profiles/user_id:42");
    for (const id of [
      "anonymous_id:a-91",
      "email:ann@example.com",
      "email:ANN%40example.com",
      `email_sha256:${hash}`,
      "profile_id:prf_00000001",
      "user_id%3A42",
    ]) {
      expect(await server.json(`/v1/profiles/${id}`)).toEqual(plain);
    }
  });

  test("may be called anything: values are percent-encoded and split off at the first colon", async () => {
    await using server = new OutServer();
    for (const value of [
      "a:b:c",
      "a/b",
      "ä ö",
      "a?b=c&d#e",
      "%",
      "+",
      "..",
      "日本",
      "'\"<>",
      "x".repeat(512),
    ]) {
      server.store.send({ userId: value, traits: { value } });
      const found = await server.json(`/v1/profiles/user_id:${encodeURIComponent(value)}`);
      expect(found["traits"]).toEqual({ value });
    }
  });

  test.each([
    ["nobody:42", 400, "invalid_request"],
    ["zebra", 400, "invalid_request"],
    [":zebra", 400, "invalid_request"],
    ["user_id:", 400, "invalid_request"],
    ["user_id:%ff", 400, "invalid_request"],
    ["user_id:%", 400, "invalid_request"],
    [`user_id:${"x".repeat(513)}`, 400, "id_too_long"],
    [`user_id:${encodeURIComponent("ä".repeat(257))}`, 400, "id_too_long"],
    ["user_id:43", 404, "profile_not_found"],
    ["user_id:__proto__", 404, "profile_not_found"],
    ["profile_id:prf_", 404, "profile_not_found"],
    ["user_id:42?verbose=maybe", 400, "invalid_request"],
    [`user_id:42?traits=${"a,".repeat(600)}`, 400, "invalid_request"],
  ])("%# is refused", async (id, status, expected) => {
    await using server = withAnn();
    const response = await server.fetch(`/v1/profiles/${id}`);
    const text = await response.text();
    expect([response.status, code(JSON.parse(text))]).toEqual([status, expected]);
    expect(text).not.toContain(id);
    expect(text).not.toContain("nobody");
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  test("shows the traits asked for, and no more", async () => {
    await using server = withAnn();
    const traits = async (query: string) => (await server.json(`/v1/profiles/user_id:42${query}`))["traits"];
    expect(await traits("?traits=firstName")).toEqual({ firstName: "Ann" });
    expect(await traits("?traits=address,firstName,nothing")).toEqual({
      address: { city: "Ulm" },
      firstName: "Ann",
    });
    expect(await traits("?traits=lastName%2CfirstName")).toEqual({ lastName: "Lee", firstName: "Ann" });
    expect(await traits("?traits=")).toEqual({});
    expect(await traits("?traits=constructor,__proto__,toString")).toEqual({});
  });

  test("tells where every value came from", async () => {
    await using server = withAnn();
    server.store.clock.advance(1_000);
    server.store.send({
      userId: "42",
      messageId: "ajs-2",
      source: "shop",
      traits: { lastName: "Day", email: null },
    });
    server.store.clock.advance(500);
    const response = await server.fetch(
      "/v1/profiles/user_id:42?verbose=true&traits=firstName,lastName,email",
    );
    expect(response.headers.get("etag")).toBeNull();
    expect(response.headers.get("cache-control")).toBe("no-store");
    const first = {
      updatedAt: nine,
      receivedAt: nine,
      ageMs: 1_500,
      source: "web",
      eventMessageId: "ajs-1",
      servedFrom: "live",
    };
    const second = {
      updatedAt: "2026-11-24T09:00:01.000Z",
      receivedAt: "2026-11-24T09:00:01.000Z",
      ageMs: 500,
      source: "shop",
      eventMessageId: "ajs-2",
      servedFrom: "live",
    };
    expect(await response.json()).toMatchObject({
      profileId: "prf_00000001",
      version: 2,
      asOf: "2026-11-24T09:00:01.500Z",
      traits: { firstName: { value: "Ann", ...first }, lastName: { value: "Day", ...second } },
      segments: [],
    });
  });

  test("is never older than zero, though its event lies ahead", async () => {
    await using server = new OutServer();
    server.store.send({ userId: "42", timestampMs: server.store.clock.nowMs() + 60_000, traits: { a: 1 } });
    const found = await server.json("/v1/profiles/user_id:42?verbose=true");
    expect(found["traits"]).toMatchObject({ a: { ageMs: 0 } });
  });
});

describe("a conditional read", () => {
  test("is answered 304 as long as nothing changed, and only so long", async () => {
    await using server = withAnn();
    const path = "/v1/profiles/user_id:42";
    const etag = (await server.fetch(path)).headers.get("etag") ?? "";
    const ask = async (tags: string) =>
      (await server.fetch(path, { headers: { "If-None-Match": tags } })).status;
    for (const tags of [etag, `W/${etag}`, "*", `"other", ${etag}`, `W/"other",W/${etag} , "more"`])
      expect(await ask(tags)).toBe(304);
    for (const tags of ['"other"', etag.slice(1, -1), `${etag}x`, '""', ",,", "W/"])
      expect(await ask(tags)).toBe(200);
    const unchanged = await server.fetch(path, { headers: { "If-None-Match": etag } });
    expect([await unchanged.text(), unchanged.headers.get("etag")]).toEqual(["", etag]);
    expect(unchanged.headers.get("cache-control")).toBe("private, max-age=0, stale-if-error=86400");
    server.store.send({ userId: "42", name: "Anything" });
    expect(await ask(etag)).toBe(200);
  });

  test("has another tag for another selection, and the same one for the same profile", async () => {
    await using server = withAnn();
    const tag = async (path: string) => (await server.fetch(`/v1/profiles/${path}`)).headers.get("etag");
    const whole = await tag("user_id:42");
    expect(await tag("anonymous_id:a-91")).toBe(whole);
    expect(await tag("user_id:42?traits=firstName")).not.toBe(whole);
  });

  test("sees what was written just before, every time", async () => {
    await using server = new OutServer();
    for (let round = 0; round < 50; round += 1) {
      server.store.clock.advance(1);
      server.store.send({ userId: "42", traits: { round } });
      const found = await server.json("/v1/profiles/user_id:42");
      expect(found["traits"]).toEqual({ round });
    }
  });
});

describe("many profiles", () => {
  const ask = (server: OutServer, body: unknown, key: KeyText = "sk_all_0000000000", query = "") =>
    server.fetch(`/v1/profiles/batch${query}`, {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
      key,
    });

  test("come in the order asked for, misses among them", async () => {
    await using server = withAnn();
    server.store.send({ userId: "100%", traits: { firstName: "Per" } });
    const response = await ask(server, {
      ids: ["user_id:100%", "user_id:nobody", "user_id:42", "shoe:9", "user_id:42"],
    });
    expect(response.status).toBe(200);
    const { profiles } = (await response.json()) as { profiles: Record<string, unknown>[] };
    const ann = await server.json("/v1/profiles/user_id:42");
    expect(profiles[0]?.["traits"]).toEqual({ firstName: "Per" });
    expect([profiles[2], profiles[4]]).toEqual([ann, ann]);
    expect(profiles[1]).toMatchObject({ id: "user_id:nobody", error: { code: "profile_not_found" } });
    expect(profiles[3]).toMatchObject({ id: "shoe:9", error: { code: "invalid_request" } });
  });

  test("can be a thousand, and none", async () => {
    await using server = withAnn();
    const thousand = Array.from({ length: 1_000 }, () => "user_id:42");
    const full = (await (await ask(server, { ids: thousand })).json()) as { profiles: unknown[] };
    expect(full.profiles).toHaveLength(1_000);
    expect(await (await ask(server, { ids: [] })).json()).toEqual({ profiles: [] });
    expect((await ask(server, { ids: [...thousand, "user_id:42"] })).status).toBe(413);
  });

  test("take selections as one does", async () => {
    await using server = withAnn();
    const plain = (await (
      await ask(server, { ids: ["user_id:42"] }, "sk_all_0000000000", "?traits=firstName")
    ).json()) as { profiles: unknown[] };
    expect(plain.profiles).toMatchObject([{ traits: { firstName: "Ann" } }]);
    const verbose = (await (
      await ask(server, { ids: ["user_id:42"] }, "sk_all_0000000000", "?verbose=true")
    ).json()) as { profiles: unknown[] };
    expect(verbose.profiles).toMatchObject([{ traits: { firstName: { value: "Ann", ageMs: 0 } } }]);
  });

  test.each([
    "",
    "{",
    "null",
    "[]",
    "{}",
    '{"ids":"user_id:42"}',
    '{"ids":[42]}',
    '{"ids":{"length":1}}',
    "[".repeat(500_000),
  ])("%# is no list of ids", async (body) => {
    await using server = withAnn();
    const response = await ask(server, body);
    expect(response.status).toBe(400);
    expect(["invalid_json", "invalid_request"]).toContain(
      String(code((await response.json()) as Record<string, unknown>)),
    );
  });

  test("are refused beyond a megabyte", async () => {
    await using server = withAnn();
    expect((await ask(server, { ids: ["x".repeat(1_100_000)] })).status).toBe(413);
  });
});

describe("a history", () => {
  test("is newest first, page by page", async () => {
    await using server = withAnn();
    for (let index = 2; index <= 7; index += 1)
      server.store.send({ userId: "42", name: `E${index}`, properties: { index } });
    const names: unknown[] = [];
    let cursor: string | null = null;
    do {
      const page = await server.json(
        `/v1/profiles/anonymous_id:a-91/events?limit=3${cursor === null ? "" : `&cursor=${cursor}`}`,
      );
      names.push(...(page["events"] as Record<string, unknown>[]).map((event) => event["name"]));
      cursor = page["nextCursor"] as string | null;
    } while (cursor !== null);
    expect(names).toEqual(["E7", "E6", "E5", "E4", "E3", "E2", null]);
  });

  test("shows events as they were sent", async () => {
    await using server = withAnn();
    server.store.send({ userId: "42", name: "Order Completed", properties: { total: 9 }, messageId: "m-9" });
    const page = await server.json("/v1/profiles/user_id:42/events?limit=1");
    expect(page["events"]).toEqual([
      {
        seq: 2,
        messageId: "m-9",
        type: "track",
        name: "Order Completed",
        source: "web",
        timestamp: nine,
        receivedAt: nine,
        committedAt: nine,
        event: { userId: "42", properties: { total: 9 }, event: "Order Completed" },
      },
    ]);
    expect(page["nextCursor"]).toBeString();
  });

  test.each([
    ["user_id:43/events", 404],
    ["user_id:42/events?limit=0", 400],
    ["user_id:42/events?limit=1001", 400],
    ["user_id:42/events?limit=1e2", 400],
    ["user_id:42/events?cursor=x", 400],
    ["shoe:42/events", 400],
  ])("%s is refused", async (path, status) => {
    await using server = withAnn();
    expect((await server.fetch(`/v1/profiles/${path}`)).status).toBe(status);
  });
});

describe("the trace of an event", () => {
  test("tells how far it came", async () => {
    await using server = withAnn();
    const [event] = (await server.json("/v1/events/ajs-1"))["events"] as unknown[];
    expect(event).toMatchObject({
      seq: 1,
      messageId: "ajs-1",
      type: "identify",
      source: "web",
      timestamp: nine,
      receivedAt: nine,
      committedAt: nine,
      profileId: "prf_00000001",
      folded: true,
      fedAt: null,
    });
    await server.json("/v1/changes?cursor=earliest");
    const [fed] = (await server.json("/v1/events/ajs-1"))["events"] as unknown[];
    expect(fed).toMatchObject({ fedAt: nine });
  });

  test("shows every source's event of that messageId", async () => {
    await using server = withAnn();
    server.store.send({ userId: "7", messageId: "ajs-1", source: "shop" });
    const answer = await server.json("/v1/events/ajs-1");
    expect((answer["events"] as Record<string, unknown>[]).map((event) => event["source"])).toEqual([
      "web",
      "shop",
    ]);
    expect(answer["nextCursor"]).toBeNull();
  });

  test("finds odd messageIds, and misses others", async () => {
    await using server = new OutServer();
    server.store.send({ userId: "42", messageId: "a/b c?d" });
    expect((await server.fetch(`/v1/events/${encodeURIComponent("a/b c?d")}`)).status).toBe(200);
    expect(code(await server.json("/v1/events/nothing"))).toBe("event_not_found");
  });
});

describe("a key", () => {
  const reads = ["/v1/profiles/user_id:42", "/v1/profiles/user_id:42/events", "/v1/events/ajs-1"];

  test.each(reads)("is needed for %s", async (path) => {
    await using server = withAnn();
    const missing = await fetch(server.origin + path);
    expect([missing.status, code((await missing.json()) as Record<string, unknown>)]).toEqual([
      401,
      "unauthorized",
    ]);
    expect(
      (await fetch(server.origin + path, { headers: { Authorization: "Bearer sk_unknown" } })).status,
    ).toBe(401);
    expect((await server.fetch(path, { key: "wk_writes_only_00" })).status).toBe(403);
    expect((await server.fetch(path, { key: "sk_reads_only_000" })).status).toBe(200);
  });

  test("comes as Bearer, as Basic user name or as X-Write-Key; the first present decides", async () => {
    await using server = withAnn();
    const key = "sk_all_0000000000";
    const ask = async (headers: Record<string, string>) =>
      (await fetch(`${server.origin}${reads[0]}`, { headers })).status;
    expect(await ask({ Authorization: `Basic ${btoa(`${key}:`)}` })).toBe(200);
    expect(await ask({ Authorization: `basic ${btoa(key)}` })).toBe(200);
    expect(await ask({ Authorization: `bearer  ${key}` })).toBe(200);
    expect(await ask({ "X-Write-Key": key })).toBe(200);
    expect(await ask({ Authorization: "Bearer wrong", "X-Write-Key": key })).toBe(401);
    expect(await ask({ Authorization: `Digest ${key}`, "X-Write-Key": key })).toBe(401);
  });

  test("for test data sees test data alone", async () => {
    await using server = withAnn();
    server.store.send({ userId: "7", namespace: "test", messageId: "t-1" });
    const key = "sk_test_000000000" as const;
    for (const path of [...reads, "/v1/profiles/profile_id:prf_00000001"])
      expect((await server.fetch(path, { key })).status).toBe(404);
    expect((await server.fetch("/v1/profiles/user_id:7", { key })).status).toBe(200);
    expect((await server.fetch("/v1/profiles/user_id:7")).status).toBe(404);
    expect((await server.fetch("/v1/events/t-1")).status).toBe(404);
  });

  test("that may read some traits reads no other, wherever it looks", async () => {
    await using server = withAnn();
    const key = "sk_names_only_000" as const;
    const body = JSON.stringify({ ids: ["user_id:42"] });
    const answers = await Promise.all([
      server.fetch("/v1/profiles/user_id:42", { key }),
      server.fetch("/v1/profiles/user_id:42?traits=email,address,firstName", { key }),
      server.fetch("/v1/profiles/user_id:42?verbose=true", { key }),
      server.fetch("/v1/profiles/batch", { key, method: "POST", body }),
      server.fetch("/v1/profiles/user_id:42/events", { key }),
      server.fetch("/v1/events/ajs-1", { key }),
    ]);
    for (const answer of answers) {
      const text = await answer.text();
      expect(answer.status).toBe(200);
      expect(text).toContain("Ann");
      expect(text).not.toContain("Ulm");
      expect(text).not.toContain("example.com");
    }
  });

  test("that may read some names sees of an event its envelope and those names", async () => {
    const entry = {
      seq: 1,
      messageId: "m-1",
      type: "track" as const,
      name: "Order Completed",
      source: "web",
      timestampMs: 0,
      receivedAtMs: 0,
      committedAtMs: 0,
      trusted: true,
      ignored: {},
      body: {
        event: "Order Completed",
        userId: "42",
        extra: "hidden",
        properties: { plan: "pro", email: "hidden" },
        context: { ip: "hidden", page: { url: "hidden" }, traits: { plan: "pro", email: "hidden" } },
      },
    };
    expect(renderEntry(entry, ["plan"]).event).toEqual({
      event: "Order Completed",
      userId: "42",
      properties: { plan: "pro" },
      context: { traits: { plan: "pro" } },
    });
    expect(renderEntry(entry, null).event).toBe(entry.body);
  });

  test("does not see what another key was answered before", async () => {
    await using server = withAnn();
    const traits = async (key: KeyText) => (await server.json("/v1/profiles/user_id:42", { key }))["traits"];
    const names = { firstName: "Ann", lastName: "Lee" };
    expect(await traits("sk_all_0000000000")).toHaveProperty("email");
    expect(await traits("sk_names_only_000")).toEqual(names);
    expect(await traits("sk_all_0000000000")).toHaveProperty("email");
    expect(await traits("sk_names_only_000")).toEqual(names);
  });

  test("revoked is no key", async () => {
    await using server = withAnn();
    expect((await server.fetch("/v1/profiles/user_id:42")).status).toBe(200);
    server.revoked.add("sk_all_0000000000");
    expect((await server.fetch("/v1/profiles/user_id:42")).status).toBe(401);
  });
});

test("while profiles are rebuilt, reads say so and when to come again", async () => {
  await using server = withAnn();
  server.store.profiles.isRebuilding = true;
  const asks = [
    "/v1/profiles/user_id:7",
    "/v1/profiles/user_id:42?verbose=true",
    "/v1/profiles/user_id:42/events",
  ].map((path) => server.fetch(path));
  asks.push(
    server.fetch("/v1/profiles/batch", { method: "POST", body: JSON.stringify({ ids: ["user_id:42"] }) }),
  );
  for (const response of await Promise.all(asks)) {
    expect(response.status).toBe(503);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(code((await response.json()) as Record<string, unknown>)).toBe("profiles_rebuilding");
  }
});
