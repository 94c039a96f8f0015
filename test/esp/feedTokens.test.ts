/** Tokens that let a page follow one profile, over a real connection. */
import { describe, expect, test } from "bun:test";
import { FakeClock } from "../support/fakeClock.ts";
import { MemoryStore } from "../support/memoryStore.ts";
import { SseReader } from "../support/sseReader.ts";
import { until } from "../support/until.ts";
import { FeedTokens } from "../../src/esp/feedTokens.ts";
import { seededIds } from "../../src/lib/id.ts";
import { keys, OutServer, type KeyText } from "./outServer.ts";

const ticksPerBeat = 4;

async function ask(server: OutServer, body: unknown, key: KeyText = "sk_all_0000000000"): Promise<Response> {
  return server.fetch("/v1/feed/tokens", { method: "POST", body: JSON.stringify(body), key });
}

async function tokenFor(server: OutServer, profile: string, key?: KeyText, ttlMs = 60_000): Promise<string> {
  const answer = await ask(server, { profile, ttlMs }, key);
  return ((await answer.json()) as { token: string }).token;
}

function follow(server: OutServer, token: string, query = ""): Promise<SseReader> {
  return SseReader.open(`${server.origin}/v1/feed?token=${token}${query}`, {});
}

/** Of each frame its name and what it says. */
function said(reader: SseReader): readonly (readonly [string, Record<string, unknown>])[] {
  return reader.events.map(({ event, data }) => [event, JSON.parse(data) as Record<string, unknown>]);
}

describe("a token is made", () => {
  test("for one profile, with its end", async () => {
    const clock = new FakeClock();
    await using server = new OutServer({ store: new MemoryStore(clock) });
    const answer = await ask(server, { profile: "anonymous_id:a1" });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    const { token, ...rest } = (await answer.json()) as { token: string };
    expect(rest).toEqual({
      profile: "anonymous_id:a1",
      expiresAt: new Date(clock.nowMs() + 900_000).toISOString(),
    });
    expect(token).toMatch(/^ft_[\w-]+\.[\w-]+$/);
  });

  test("that says nothing of whom it is for", async () => {
    await using server = new OutServer();
    const token = await tokenFor(server, "email:ann@example.com");
    const inside = Buffer.from(token.split(".")[1] ?? "", "base64url").toString("latin1");
    expect(inside).not.toContain("ann");
    expect(await tokenFor(server, "email:ann@example.com")).not.toBe(token);
  });

  test.each([
    [{}, "invalid_request"],
    [{ profile: "a1" }, "invalid_request"],
    [{ profile: "shoe_size:42" }, "invalid_request"],
    [{ profile: "email_sha256:00" }, "invalid_request"],
    [{ profile: "email:no address" }, "invalid_request"],
    [{ profile: "user_id:" }, "invalid_request"],
    [{ profile: `user_id:${"x".repeat(513)}` }, "id_too_long"],
    [{ profile: "user_id:1", ttlMs: 999 }, "invalid_request"],
    [{ profile: "user_id:1", ttlMs: 86_400_001 }, "invalid_request"],
    [{ profile: "user_id:1", ttlMs: "60000" }, "invalid_request"],
    [[], "invalid_request"],
  ])("but not for any other wish (%#)", async (body, code) => {
    await using server = new OutServer();
    const answer = await ask(server, body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { code } });
  });

  test("only by a key with the scope feed", async () => {
    await using server = new OutServer();
    for (const key of ["sk_reads_only_000", "wk_writes_only_00"] as const)
      expect((await ask(server, { profile: "user_id:1" }, key)).status).toBe(403);
    expect((await fetch(`${server.origin}/v1/feed/tokens`, { method: "POST", body: "{}" })).status).toBe(401);
  });
});

describe("a stream with a token", () => {
  test("carries the changes of that profile and of no other, whatever becomes of those", async () => {
    await using server = new OutServer();
    const { store } = server;
    store.send({ anonymousId: "a1", traits: { seen: 1 } });
    store.send({ userId: "other", traits: { secret: 1 } });
    await using reader = await follow(server, await tokenFor(server, "anonymous_id:a1"));
    store.send({ userId: "other", traits: { secret: 2 } });
    store.send({ anonymousId: "a2", traits: { secret: 3 } });
    store.send({ userId: "other", anonymousId: "a2" });
    store.send({ namespace: "test", anonymousId: "a1", traits: { secret: 4 } });
    store.erase("live", "user_id", "other");
    store.send({ anonymousId: "a1", traits: { seen: 2 } });
    await reader.take(1);
    expect(said(reader)).toMatchObject([["change", { traits: { seen: { old: 1, new: 2 } } }]]);
    expect(reader.text).not.toContain("secret");
    expect(reader.text).not.toContain("other");
  });

  test("begins before the profile is there", async () => {
    await using server = new OutServer();
    await using reader = await follow(server, await tokenFor(server, "anonymous_id:new"), "&snapshot=true");
    await reader.take(1);
    server.store.send({ anonymousId: "other" });
    server.store.send({ anonymousId: "new", traits: { seen: 1 } });
    await reader.take(2);
    expect(said(reader)).toMatchObject([
      ["live", {}],
      ["change", { traits: { seen: { old: null, new: 1 } } }],
    ]);
  });

  test("goes on when the visitor becomes somebody, and shows what that one does elsewhere", async () => {
    await using server = new OutServer();
    const { store } = server;
    store.send({ userId: "42", traits: { firstName: "Ann" } });
    store.send({ anonymousId: "a1", traits: { seen: 1 } });
    await using reader = await follow(server, await tokenFor(server, "anonymous_id:a1"));
    store.send({ anonymousId: "a1", userId: "42" });
    store.send({ userId: "42", traits: { plan: "pro" } });
    await reader.take(2);
    expect(said(reader)).toMatchObject([
      ["change", { cause: "merge", identifiers: [{ value: "42" }, { value: "a1" }] }],
      ["change", { traits: { plan: { new: "pro" } } }],
    ]);
  });

  test("follows a profileId through a merge", async () => {
    await using server = new OutServer();
    const { store } = server;
    store.send({ userId: "42" });
    store.send({ anonymousId: "a1" });
    await using reader = await follow(server, await tokenFor(server, "profile_id:prf_00000002"));
    store.send({ userId: "42", traits: { secret: 1 } });
    store.send({ anonymousId: "a1", userId: "42" });
    store.send({ userId: "42", traits: { plan: "pro" } });
    await reader.take(2);
    expect(said(reader).map(([, change]) => change["traits"])).toEqual([
      expect.anything(),
      { plan: { old: null, new: "pro" } },
    ]);
    expect(reader.text).not.toContain('"version":3');
  });

  test("shows that profile alone as its snapshot, with ages where asked", async () => {
    await using server = new OutServer();
    const { store } = server;
    store.send({ userId: "other", traits: { secret: 1 } });
    store.send({ anonymousId: "a1", messageId: "m-1", traits: { seen: 1 } });
    const token = await tokenFor(server, "anonymous_id:a1");
    store.clock.advance(5_000);
    await using plain = await follow(server, token, "&snapshot=true");
    await using verbose = await follow(server, token, "&snapshot=true&verbose=true");
    await plain.take(2);
    await verbose.take(2);
    expect(said(plain)).toMatchObject([
      ["snapshot", { traits: { seen: 1 } }],
      ["live", {}],
    ]);
    expect(said(verbose)).toMatchObject([
      ["snapshot", { traits: { seen: { value: 1, ageMs: 5_000, eventMessageId: "m-1" } } }],
      ["live", {}],
    ]);
    expect(plain.text + verbose.text).not.toContain("secret");
  });

  test("hears of the profile's erasure, and of nothing after it", async () => {
    await using server = new OutServer();
    const { store } = server;
    store.send({ userId: "42", anonymousId: "a1" });
    await using reader = await follow(server, await tokenFor(server, "anonymous_id:a1"));
    store.erase("live", "user_id", "42");
    store.send({ userId: "other" });
    store.send({ anonymousId: "a1", traits: { seen: 1 } });
    await reader.take(2);
    expect(said(reader)).toMatchObject([
      ["change", { cause: "erase" }],
      ["change", { traits: { seen: { old: null, new: 1 } } }],
    ]);
  });

  test("resumes by its cursor, still with that profile only", async () => {
    await using server = new OutServer();
    const { store } = server;
    store.send({ anonymousId: "a1", traits: { seen: 1 } });
    store.send({ userId: "other", traits: { secret: 1 } });
    store.send({ anonymousId: "a1", traits: { seen: 2 } });
    const token = await tokenFor(server, "anonymous_id:a1");
    await using reader = await follow(server, token, "&cursor=earliest");
    await reader.take(2);
    await using later = await follow(server, token, `&cursor=${reader.events[0]?.id}`);
    await later.take(1);
    expect(said(later)).toMatchObject([["change", { version: 3 }]]);
    expect(reader.text).not.toContain("secret");
  });

  test("shows no trait that the token's key may not read", async () => {
    await using server = new OutServer();
    const token = await tokenFor(server, "user_id:42", "sk_names_only_000");
    await using reader = await follow(server, token, "&snapshot=true");
    server.store.send({ userId: "42", traits: { firstName: "Ann", plan: "secret" } });
    await reader.until("a change", ({ text }) => text.includes("firstName"));
    expect(reader.text).not.toContain("secret");
  });

  test("may be read by a page of any origin; one with a key may not", async () => {
    await using server = new OutServer();
    await using reader = await follow(server, await tokenFor(server, "user_id:42"));
    expect(reader.response.headers.get("access-control-allow-origin")).toBe("*");
    await using keyed = await server.feed();
    expect(keyed.response.headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("a token ends", () => {
  test("with its time: streams end, new ones are refused", async () => {
    await using server = new OutServer();
    const token = await tokenFor(server, "user_id:42");
    await using reader = await follow(server, token);
    server.store.clock.advance(59_999);
    await server.timers.tick(ticksPerBeat);
    expect(reader.hasEnded).toBe(false);
    server.store.clock.advance(1);
    await server.timers.tick();
    await reader.ended();
    expect((await fetch(`${server.origin}/v1/feed?token=${token}`)).status).toBe(401);
  });

  test("with its key", async () => {
    await using server = new OutServer();
    const token = await tokenFor(server, "user_id:42");
    await using reader = await follow(server, token);
    server.revoked.add("sk_all_0000000000");
    await server.timers.tick();
    await reader.ended();
    expect((await fetch(`${server.origin}/v1/feed?token=${token}`)).status).toBe(401);
  });

  test("with its journal: after a restoration its profile's number may be somebody else's", () => {
    const clock = new FakeClock();
    const info = keys.sk_all_0000000000;
    const tokensOf = (epoch: number) =>
      new FeedTokens({
        findById: () => ({ info, digest: new Uint8Array(32) }),
        clock,
        ids: seededIds(epoch),
        epoch,
      });
    const identifier = { type: "profile_id", value: "prf_01JDF3Q8" };
    const { token } = tokensOf(1).mint(info.id, identifier, 60_000);
    expect(tokensOf(1).open(token).identifier).toEqual(identifier);
    expect(() => tokensOf(2).open(token)).toThrow("not valid");
  });

  test("is not to be had by changing one, nor by giving it another key's name", async () => {
    await using server = new OutServer();
    const token = await tokenFor(server, "user_id:42");
    const [head = "", sealed = ""] = token.split(".");
    const flipped = Buffer.from(sealed, "base64url");
    for (let at = 0; at < flipped.length; at += 1) {
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      const answer = await fetch(`${server.origin}/v1/feed?token=${head}.${flipped.toString("base64url")}`);
      expect(answer.status).toBe(401);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
    }
    for (const other of [
      `ft_key_test.${sealed}`,
      `ft_key_all.`,
      "ft_",
      "",
      "x".repeat(10_000),
      `${head}.AAAA`,
    ])
      expect((await fetch(`${server.origin}/v1/feed?token=${other}`)).status).toBe(401);
  });

  test("opens nothing but the stream, and yields to a key that is there", async () => {
    await using server = new OutServer();
    const token = await tokenFor(server, "user_id:42");
    for (const path of ["/v1/changes", "/v1/feed/ws", "/v1/profiles/user_id:42"])
      expect((await fetch(`${server.origin}${path}?token=${token}`)).status).toBe(401);
    const headers = { Authorization: "Bearer sk_not_known_00000" };
    expect((await fetch(`${server.origin}/v1/feed?token=${token}`, { headers })).status).toBe(401);
    expect(server.hub.size).toBe(0);
    await until("nothing is left open", () => server.errors.length === 0);
  });
});
