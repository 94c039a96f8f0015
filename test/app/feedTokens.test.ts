/** Tokens against a whole server: its store, its restart, its erasure. What each of them may see is in test/esp. */
import { describe, expect, test } from "bun:test";
import { freshet } from "../support/command.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { SseReader } from "../support/sseReader.ts";
import { tempFolder } from "../support/tempFolder.ts";

async function tokenFor(server: TestServer, profile: string): Promise<string> {
  const answer = await server.post(
    "/v1/feed/tokens",
    { profile },
    { Authorization: `Bearer ${server.secretKey}` },
  );
  return ((await answer.json()) as { token: string }).token;
}

function follow(server: TestServer, token: string, query: string): Promise<SseReader> {
  return SseReader.open(`${server.origin}/v1/feed?token=${token}${query}`, {});
}

function data(reader: SseReader): readonly unknown[] {
  return reader.events.map((one) => JSON.parse(one.data) as unknown);
}

describe("a token", () => {
  test("follows a visitor from the first page over signing up to erasure, and nobody else", async () => {
    await using server = await startServer();
    await using reader = await follow(server, await tokenFor(server, "anonymous_id:a1"), "&snapshot=true");
    await reader.take(1);
    await server.post("/v1/identify", { userId: "42", traits: { firstName: "Ann" } });
    await server.post("/v1/page", { anonymousId: "a1" });
    await server.post("/v1/identify", { userId: "other", anonymousId: "a2", traits: { secret: 1 } });
    await server.post("/v1/identify", { anonymousId: "a1", userId: "42", traits: { plan: "pro" } });
    await server.post("/v1/track", { userId: "42", event: "Seen elsewhere" });
    const erase = ["erase", "--data", server.data];
    expect((await freshet([...erase, "user_id:other"])).code).toBe(0);
    expect((await freshet([...erase, "user_id:42"])).code).toBe(0);
    await reader.take(5);
    expect(data(reader)).toMatchObject([
      {},
      { event: { type: "page" } },
      { traits: { plan: { new: "pro" } } },
      { event: { name: "Seen elsewhere" } },
      { cause: "erase" },
    ]);
    expect(reader.text).not.toContain("other");
    expect(reader.text).not.toContain("secret");
  });

  test("holds over a restart, and resumes where it was", async () => {
    using folder = tempFolder();
    const folderPath = folder.at("data");
    let token = "";
    let cursor = "";
    {
      await using before = await startServer({ data: folderPath });
      token = await tokenFor(before, "user_id:42");
      await using reader = await follow(before, token, "");
      await before.post("/v1/identify", { userId: "42", traits: { step: 1 } });
      await reader.take(1);
      cursor = reader.parser.lastEventId;
      await before.stop();
    }
    await using after = await startServer({ data: folderPath });
    await after.post("/v1/identify", { userId: "42", traits: { step: 2 } });
    await using reader = await follow(after, token, `&cursor=${cursor}`);
    await reader.take(1);
    expect(data(reader)).toMatchObject([{ traits: { step: { old: 1, new: 2 } } }]);
  });

  test("ends when its key is revoked", async () => {
    await using server = await startServer();
    const made = await freshet([
      "keys",
      "create",
      "--kind",
      "secret",
      "--scopes",
      "feed",
      "--data",
      server.data,
    ]);
    const key = made.stdout.trim();
    const answer = await server.post(
      "/v1/feed/tokens",
      { profile: "user_id:42" },
      { Authorization: `Bearer ${key}` },
    );
    const { token } = (await answer.json()) as { token: string };
    await using reader = await follow(server, token, "");
    const listed = await freshet(["keys", "list", "--json", "--data", server.data]);
    const id = /"id":"(key_\w+)"[^}]*"scopes":\["feed"\]/.exec(listed.stdout)?.[1] ?? "";
    expect((await freshet(["keys", "revoke", id, "--data", server.data])).code).toBe(0);
    expect((await fetch(`${server.origin}/v1/feed?token=${token}`)).status).toBe(401);
    await reader.ended();
  });
});
