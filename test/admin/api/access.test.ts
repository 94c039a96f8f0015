import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { freshet } from "../../support/command.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import type { AuditAnswer } from "../../../src/admin/api/adminWire.ts";
import { adminClient, signIn } from "./adminClient.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ args: ["--public-url", "https://events.example.com", "--trust-proxy", "1"] });
});
afterAll(() => server[Symbol.asyncDispose]());

/** An address that no other test signs in from. */
const from = (address: string) => ({ "X-Forwarded-For": address });

describe("signing in", () => {
  test("sets a cookie that scripts and other sites can't use", async () => {
    const answer = await signIn(server, server.secretKey);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("set-cookie")).toMatch(
      /^freshet_admin_[0-9a-f]{8}=[\w-]{43}; Path=\/admin; Max-Age=43200; HttpOnly; SameSite=Strict$/,
    );
    expect(await answer.json()).toMatchObject({
      signedIn: true,
      keyId: expect.stringMatching(/^key_/),
      source: "default",
    });
  });

  test("keeps the cookie to https where the host is reached by it", async () => {
    const answer = await signIn(server, server.secretKey, {
      Host: "events.example.com",
      Origin: "https://events.example.com",
    });
    expect(answer.headers.get("set-cookie")).toEndWith("; SameSite=Strict; Secure");
  });

  test.each([
    ["a write key", () => server.writeKey],
    ["a key of the test namespace", () => made("--test")],
    ["a key without the scope admin", () => made("--scopes", "read,feed")],
    ["a key that may read some traits only", () => made("--traits", "plan")],
  ])("is refused with %s, and that is written down", async (name, key) => {
    const address = from(`198.51.100.${name.length}`);
    const answer = await signIn(server, await key(), address);
    expect([answer.status, answer.headers.get("set-cookie")]).toEqual([403, null]);
    const { entries } = await (
      await adminClient(server)
    ).get<AuditAnswer>("audit?action=sign_in_refused&limit=1");
    expect(entries).toEqual([
      expect.objectContaining({
        actor: expect.stringMatching(/^key_/),
        address: address["X-Forwarded-For"],
        detail: { tries: 1, why: "the key may not administer" },
      }),
    ]);
  });

  test("waits after some tries with a key that may not administer, which anybody finds in a page", async () => {
    const tried = async () => (await signIn(server, server.writeKey, from("203.0.113.50"))).status;
    expect([await tried(), await tried(), await tried(), await tried()]).toEqual([403, 403, 429, 429]);
  });

  test("is refused to pages of other sites", async () => {
    for (const headers of [{ Origin: "https://evil.example" }, { "Sec-Fetch-Site": "cross-site" }])
      expect((await signIn(server, server.secretKey, headers)).status).toBe(403);
  });

  test("works behind a proxy that changes the host, as long as the browser vouches for it", async () => {
    const headers = { Origin: "https://events.example.com", "Sec-Fetch-Site": "same-origin" };
    expect((await signIn(server, server.secretKey, headers)).status).toBe(200);
  });

  test("costs an address that guesses a wait that doubles, and no other address", async () => {
    const guess = async (address: string) => {
      const answer = await signIn(server, "sk_guessed_0000000000", from(address));
      return [answer.status, answer.headers.get("retry-after")];
    };
    expect(await guess("203.0.113.5")).toEqual([401, null]);
    expect(await guess("203.0.113.5")).toEqual([401, null]);
    expect(await guess("203.0.113.5")).toEqual([429, "1"]);
    // Even the right key waits.
    expect((await signIn(server, server.secretKey, from("203.0.113.5"))).status).toBe(429);
    expect(await guess("203.0.113.6")).toEqual([401, null]);
  });

  test("is written down from the first key that is none", async () => {
    expect((await signIn(server, "sk_guessed_0000000000", from("203.0.113.77"))).status).toBe(401);
    const log = await (await adminClient(server)).get<unknown>("audit");
    expect(JSON.stringify(log)).toContain("203.0.113.77");
  });

  test("never makes a browser ask for a password by itself", async () => {
    const answer = await fetch(`${server.origin}/admin/api/keys`);
    expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="freshet"']);
  });
});

describe("a session", () => {
  test("reads with its cookie, and acts only with its token", async () => {
    const admin = await adminClient(server);
    expect((await admin.send("GET", "keys", undefined, { "X-CSRF-Token": "" })).status).toBe(200);
    for (const token of ["", "x".repeat(43), admin.csrfToken.toLowerCase()]) {
      const answer = await admin.send("POST", "keys/revoke", { id: "key_0" }, { "X-CSRF-Token": token });
      expect(answer.status).toBe(403);
    }
    expect(await admin.post<unknown>("keys/revoke", { id: "key_0" })).toEqual({ revoked: false });
  });

  test("ends when its user signs out", async () => {
    const admin = await adminClient(server);
    const answer = await admin.send("POST", "session/end");
    expect(answer.headers.get("set-cookie")).toMatch(/^freshet_admin_[0-9a-f]{8}=; Path=\/admin; Max-Age=0;/);
    expect((await admin.send("GET", "keys")).status).toBe(401);
    expect(await (await admin.send("GET", "session")).json()).toEqual({ signedIn: false });
  });

  test("ends with the key that began it", async () => {
    const key = await made("--scopes", "admin");
    const admin = await adminClient({ origin: server.origin, secretKey: key });
    const { keyId } = await admin.get<{ keyId: string }>("session");
    expect((await admin.send("GET", "keys")).status).toBe(200);
    const other = await adminClient(server);
    expect(await other.post<unknown>("keys/revoke", { id: keyId })).toEqual({ revoked: true });
    expect((await admin.send("GET", "keys")).status).toBe(401);
  });

  test("is not opened by a second cookie of that name", async () => {
    const admin = await adminClient(server);
    const twice = { Cookie: `${admin.cookie.split("=")[0]}=planted; ${admin.cookie}` };
    expect((await admin.send("GET", "keys", undefined, twice)).status).toBe(401);
  });
});

test("a program comes with its key and needs no token", async () => {
  const headers = { Authorization: `Bearer ${server.secretKey}` };
  expect((await server.get("/admin/api/keys", headers)).status).toBe(200);
  expect((await server.post("/admin/api/keys/revoke", { id: "key_0" }, headers)).status).toBe(200);
  expect((await server.get("/admin/api/keys", { Authorization: "Bearer sk_wrong_0000000000" })).status).toBe(
    401,
  );
  expect((await server.get("/admin/api/keys", { "X-Write-Key": server.writeKey })).status).toBe(403);
});

/** Makes a secret key with these flags; gives its text. */
async function made(...flags: string[]): Promise<string> {
  const ran = await freshet(["keys", "create", "--kind", "secret", ...flags, "--data", server.data]);
  if (ran.code !== 0) throw new Error(ran.stderr);
  return ran.stdout.trim();
}
