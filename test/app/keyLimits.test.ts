/** Keys that open some blocks, or know people by some identifiers alone. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mintContentToken, signLink } from "../../src/esp/credentials/contentTokens.ts";
import type { KeyInfo } from "../../src/model/key.ts";
import { freshet } from "../support/command.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";

let server: TestServer;
const opened = new AsyncDisposableStack();
const sha256 = createHash("sha256").update("ann@example.com").digest("hex");

beforeAll(async () => {
  const folder = opened.use(tempFolder());
  mkdirSync(folder.at("content"));
  for (const block of ["hello", "other"])
    writeFileSync(
      folder.at(`content/${block}.liquid`),
      "---\nneeds: [firstName]\nfallback: <p>f</p>\n---\n{{ firstName }}",
    );
  writeFileSync(folder.at("freshet.yaml"), "version: 1\ncontent: { folder: ./content }\n");
  const args = ["--config", folder.at("freshet.yaml")];
  server = opened.use(await startServer({ data: folder.at("data"), args }));
  const traits = { firstName: "Ann", email: "ann@example.com" };
  await server.post("/v1/identify", { userId: "42", messageId: "m-1", traits });
});
afterAll(() => opened.disposeAsync());

async function makeKey(...flags: string[]): Promise<{ Authorization: string }> {
  const made = await freshet(["keys", "create", "--kind", "secret", "--data", server.data, ...flags]);
  expect([made.code, made.stderr]).toEqual([0, expect.stringContaining("only time")]);
  return { Authorization: `Bearer ${made.stdout.trim()}` };
}

const status = async (path: string, key: { Authorization: string }) => (await server.get(path, key)).status;

describe("a key limited to blocks", () => {
  test("opens these and nothing else", async () => {
    const key = await makeKey("--blocks", "hello");
    expect(await status("/v1/content/hello?id=user_id:42", key)).toBe(200);
    expect(await status("/v1/content/other?id=user_id:42", key)).toBe(403);
    expect(await status("/v1/profiles/user_id:42", key)).toBe(403);
    expect((await server.post("/v1/content/other", { ids: ["user_id:42"] }, key)).status).toBe(403);
  });
});

describe("a key limited to hashed addresses", () => {
  test("finds people by them alone, and sees nothing that they are called by else", async () => {
    const key = await makeKey("--id-types", "email_sha256");
    const profile = await server.get(`/v1/profiles/email_sha256:${sha256}?traits=firstName`, key);
    expect(await profile.json()).toMatchObject({
      identifiers: [],
      traits: { firstName: "Ann" },
    });
    expect(await status("/v1/profiles/user_id:42", key)).toBe(403);
    expect(await status("/v1/profiles/email:ann@example.com", key)).toBe(403);
    expect(await status(`/v1/profiles/email_sha256:${sha256}/events`, key)).toBe(403);
    expect(await status(`/v1/profiles/email_sha256:${sha256}/links`, key)).toBe(403);
    expect(await status("/v1/events/m-1", key)).toBe(403);
    expect(await status("/v1/changes", key)).toBe(403);
    const ids = ["user_id:42", `email_sha256:${sha256}`];
    const batch = await (await server.post("/v1/profiles/batch", { ids }, key)).json();
    expect(batch).toMatchObject({ profiles: [{ error: { code: "forbidden" } }, { traits: {} }] });
    expect(await status(`/v1/content/hello?id=email_sha256:${sha256}`, key)).toBe(200);
    expect(await status("/v1/content/hello?id=user_id:42", key)).toBe(403);
    expect((await server.post("/v1/content/hello", { ids }, key)).status).toBe(403);
  });

  test("opens nobody else by what it signs itself: not by links to other identifiers, nor by numbers of profiles", async () => {
    const text = (await makeKey("--id-types", "email_sha256")).Authorization.slice(7);
    const digest = createHash("sha256").update(text).digest();
    const info: KeyInfo = {
      id: `key_${digest.toString("hex").slice(0, 12)}`,
      kind: "secret",
      namespace: "live",
      source: "esp",
      trust: "server",
      scopes: ["content"],
      readableTraits: null,
      blocks: null,
      idTypes: null,
    };
    const linkTo = async (id: string) => {
      const link = { block: "hello", id, expiresAtSeconds: 99_999_999_999 };
      return (await server.get(`/v1/content/hello?${signLink({ info, digest }, link).toString()}`, {}))
        .status;
    };
    expect(await linkTo(`email_sha256:${sha256}`)).toBe(200);
    expect([await linkTo("user_id:42"), await linkTo("email:ann@example.com")]).toEqual([403, 403]);
    const statuses = new Set<number>();
    for (let pid = 1; pid < 10; pid += 1) {
      const token = mintContentToken({ info, digest }, { kind: "profile", pid, epoch: 99_999_999 }, [
        "hello",
      ]);
      statuses.add((await server.get(`/v1/content/hello?token=${token}`, {})).status);
    }
    expect([...statuses]).toEqual([403]);
    const everybody = mintContentToken({ info, digest }, { kind: "everybody" }, ["hello"]);
    expect((await server.get(`/v1/content/hello?token=${everybody}`, {})).status).toBe(200);
    const as = ["content-token", "hello", "--key", info.id, "--data", server.data, "--as", "user_id:42"];
    for (const flags of [[], ["--expires", "1h"]]) {
      const made = await freshet([...as, ...flags]);
      expect([made.code === 0, made.stdout]).toEqual([false, ""]);
      expect(made.stderr).toContain("can't open that");
    }
  });
});

test.each([
  [["--blocks", "hello", "--scopes", "content,read"], "--blocks"],
  [["--id-types", "email", "--scopes", "content,feed"], "--id-types"],
])("limits that would mean nothing are refused: %p", async (flags, word) => {
  const made = await freshet(["keys", "create", "--kind", "secret", "--data", server.data, ...flags]);
  expect([made.code, made.stdout]).toEqual([2, ""]);
  expect(made.stderr).toContain(word);
});
