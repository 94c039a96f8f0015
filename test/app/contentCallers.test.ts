/** Who may ask for content: each credential that an ESP can use, through a whole server. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT, type JWK } from "jose";
import { freshet } from "../support/command.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

const opened = new AsyncDisposableStack();
const issuer = "https://login.esp.example/";
let server: TestServer;
let keyPair: Awaited<ReturnType<typeof generateKeyPair>>;
let published: readonly JWK[] = [];
let keySetAsked = 0;

beforeAll(async () => {
  keyPair = await generateKeyPair("ES256", { extractable: true });
  published = [{ ...(await exportJWK(keyPair.publicKey)), kid: "k1", alg: "ES256", use: "sig" }];
  const keySet = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => {
      keySetAsked += 1;
      return Response.json({ keys: published });
    },
  });
  opened.defer(() => keySet.stop(true));
  const folder = opened.use(tempFolder());
  mkdirSync(folder.at("content"));
  for (const block of ["hello", "other"])
    writeFileSync(
      folder.at(`content/${block}.liquid`),
      "---\nneeds: [firstName]\nfallback: <p>fallback</p>\n---\n<p>{{ firstName }}</p>",
    );
  writeFileSync(
    folder.at("freshet.yaml"),
    `version: 1
content:
  folder: ./content
  ampSenders: ["hello@shop.example", "*@news.shop.example"]
  issuers:
    esp:
      issuer: ${issuer}
      audience: freshet
      keySet: http://127.0.0.1:${keySet.port}/keys
      algorithms: [ES256]
      blocks: [hello]
`,
  );
  const args = ["--config", folder.at("freshet.yaml"), "--public-url", "https://events.shop.example"];
  server = opened.use(await startServer({ data: folder.at("data"), args }));
  await server.post("/v1/identify", { userId: "42", messageId: "m-1", traits: { firstName: "Ann" } });
  await server.post("/v1/identify", { userId: "43", messageId: "m-2", traits: { firstName: "Bo" } });
});
afterAll(() => opened.disposeAsync());

const path = "/v1/content/hello.html";
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
/** Status and HTML of a block. A machine that has too much else to do answers from memory for a moment: that is asked again. */
const ask = (url: string, headers: Record<string, string> = {}, from = server) =>
  until("it is not answered from memory", async () => {
    const answer = await from.get(url.replace(".html", ""), headers);
    if (answer.status !== 200) return [answer.status, null] as const;
    const { html, reason } = (await answer.json()) as { html?: string; reason?: string | null };
    return reason === "overloaded" ? null : ([200, html ?? null] as const);
  });
const cli = async (...args: string[]) => {
  const ran = await freshet([...args, "--data", server.data]);
  if (ran.code !== 0) throw new Error(ran.stderr);
  return ran.stdout.trim();
};
const own = () => ["--key", keyIdOf(server.secretKey)];
const keyIdOf = (text: string) =>
  `key_${new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 12)}`;
const askToken = (body: Record<string, string> | string, headers: Record<string, string> = {}) =>
  fetch(`${server.origin}/oauth/token`, {
    method: "POST",
    body: new URLSearchParams(body).toString(),
    headers: { "Content-Type": "application/x-www-form-urlencoded", ...headers },
  });

describe("an access token", () => {
  const grant = { grant_type: "client_credentials" };
  const client = () => ({ client_id: keyIdOf(server.secretKey), client_secret: server.secretKey });
  const basic = (id: string, secret: string) => ({
    Authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64")}`,
  });

  test("is given for a key, by either way of RFC 6749, and opens content alone, one or many", async () => {
    const ways = [
      await askToken({ ...grant, ...client() }),
      await askToken({ ...grant, scope: "content" }, basic(client().client_id, client().client_secret)),
      // What has no value is as if it were not there; of the same scope there is one.
      await askToken({ ...grant, ...client(), scope: "" }),
      await askToken(
        { ...grant, scope: "content content", client_id: "", client_secret: "" },
        basic(client().client_id, client().client_secret),
      ),
    ];
    for (const answer of ways) {
      expect(answer.status).toBe(200);
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(answer.headers.get("pragma")).toBe("no-cache");
      const token = (await answer.json()) as Record<"access_token", string>;
      const { access_token: _text, ...rest } = token;
      expect(JSON.stringify(rest)).toBe('{"token_type":"Bearer","expires_in":900,"scope":"content"}');
      const key = bearer(token.access_token);
      expect(await ask(`${path}?id=user_id:42`, key)).toEqual([200, "<p>Ann</p>"]);
      expect((await ask("/v1/profiles/user_id:42", key))[0]).toBe(401);
      const many = await server.post("/v1/content/hello", { ids: ["user_id:43"] }, key);
      expect([many.status, ((await many.json()) as { results: object[] }).results.length]).toEqual([200, 1]);
      const { kid, alg, typ } = decodeProtectedHeader(token.access_token);
      expect([alg, typ]).toEqual(["ES256", "at+jwt"]);
      const set = (await (await server.get("/.well-known/jwks.json", {})).json()) as { keys: JWK[] };
      expect(set.keys.map((one) => one.kid)).toContain(kid);
      expect(set.keys.every((one) => one.d === undefined)).toBe(true);
    }
  });

  test.each([
    [{ ...grant }, {}, 401, "invalid_client"],
    [
      { ...grant, client_id: "key_000000000000", client_secret: "sk_nobody_knows" },
      {},
      401,
      "invalid_client",
    ],
    [{ ...grant }, { Authorization: "Bearer x" }, 401, "invalid_client"],
    [{ grant_type: "password", use: "client" }, {}, 400, "unsupported_grant_type"],
    [{ use: "client" }, {}, 400, "invalid_request"],
    [{ ...grant, scope: "admin", use: "client" }, {}, 400, "invalid_scope"],
    [{ grant_type: "", use: "client" }, {}, 400, "invalid_request"],
    [{ ...grant, scope: "content read", use: "client" }, {}, 400, "invalid_scope"],
    ["grant_type=client_credentials&grant_type=x", {}, 400, "invalid_request"],
    [{ ...grant, use: "client" }, { Authorization: "Basic YTpi" }, 400, "invalid_request"],
    [{ ...grant, use: "client" }, { "Content-Type": "application/json" }, 400, "invalid_request"],
  ])("is refused in the RFC's words: %p %p", async (body, headers, status, error) => {
    const { use, ...rest } = typeof body === "string" ? { use: "" } : (body as Record<string, string>);
    const form = typeof body === "string" ? body : use === "client" ? { ...rest, ...client() } : rest;
    const answer = await askToken(form, headers);
    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([status, error]);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("www-authenticate")).toBe(status === 401 ? 'Basic realm="freshet"' : null);
  });

  test("ends with its key, and with a rotation that drops the others; a rotation alone leaves it", async () => {
    const secret = await cli("keys", "create", "--kind", "secret", "--scopes", "content");
    const made = { ...grant, client_id: keyIdOf(secret), client_secret: secret };
    const token = ((await (await askToken(made)).json()) as { access_token: string }).access_token;
    expect((await ask(`${path}?id=user_id:42`, bearer(token)))[0]).toBe(200);
    await freshet(["keys", "rotate-signing", "--data", server.data]);
    expect((await ask(`${path}?id=user_id:42`, bearer(token)))[0]).toBe(200);
    const next = ((await (await askToken(made)).json()) as { access_token: string }).access_token;
    expect(decodeProtectedHeader(next).kid).not.toBe(decodeProtectedHeader(token).kid);
    await freshet(["keys", "rotate-signing", "--drop-others", "--data", server.data]);
    expect((await ask(`${path}?id=user_id:42`, bearer(token)))[0]).toBe(401);
    const last = ((await (await askToken(made)).json()) as { access_token: string }).access_token;
    expect((await ask(`${path}?id=user_id:42`, bearer(last)))[0]).toBe(200);
    await freshet(["keys", "revoke", made.client_id, "--data", server.data]);
    expect((await ask(`${path}?id=user_id:42`, bearer(last)))[0]).toBe(401);
    expect(statSync(`${server.data}/signing-keys.json`).mode & 0o777).toBe(0o600);
    const kept = readdirSync(server.data).filter((name) => /\.db(-wal)?$/.test(name));
    const { keys } = JSON.parse(readFileSync(`${server.data}/signing-keys.json`, "utf8")) as {
      keys: { jwk: { d: string } }[];
    };
    for (const name of kept)
      expect(readFileSync(`${server.data}/${name}`).includes(keys[0]?.jwk.d ?? "?")).toBe(false);
  });
});

describe("a token of a configured issuer", () => {
  const sign = (claims: Record<string, unknown>, header: Record<string, unknown> = {}) =>
    new SignJWT({ iss: issuer, aud: "freshet", exp: Math.floor(Date.now() / 1_000) + 60, ...claims })
      .setProtectedHeader({ alg: "ES256", kid: "k1", ...header })
      .sign(keyPair.privateKey, { crit: { b64: true } });

  test("opens the blocks that it is configured for", async () => {
    const token = await sign({});
    expect(await ask(`${path}?id=user_id:42`, bearer(token))).toEqual([200, "<p>Ann</p>"]);
    expect((await ask("/v1/content/other?id=user_id:42", bearer(token)))[0]).toBe(403);
    expect((await ask("/v1/profiles/user_id:42", bearer(token)))[0]).toBe(401);
    const many = await server.post("/v1/content/hello", { ids: ["user_id:42"] }, bearer(token));
    expect(many.status).toBe(200);
  });

  test("that is not as it should be opens nothing", async () => {
    const good = await sign({});
    const [head = "", body = "", signature = ""] = good.split(".");
    const raw = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const hmac = (text: string) =>
      new Bun.CryptoHasher("sha256", JSON.stringify(published[0])).update(text).digest("base64url");
    const hsHead = raw({ alg: "HS256", kid: "k1" });
    const other = await generateKeyPair("ES256");
    const bad: Record<string, string> = {
      none: `${raw({ alg: "none" })}.${body}.`,
      "none without a signature": `${raw({ alg: "None" })}.${body}.${signature}`,
      "signed with the public key as a secret": `${hsHead}.${body}.${hmac(`${hsHead}.${body}`)}`,
      expired: await sign({ exp: 1_000 }),
      "without an end": await sign({ exp: undefined }),
      "not yet": await sign({ nbf: Math.floor(Date.now() / 1_000) + 3_600 }),
      "of another audience": await sign({ aud: "elsewhere" }),
      "of nobody known": await sign({ iss: "https://evil.example/" }),
      "of another type": await sign({}, { typ: "logout+jwt" }),
      "that must be understood": await sign({}, { crit: ["b64"], b64: true }),
      "with a key of its own": await new SignJWT({ iss: issuer, aud: "freshet" })
        .setExpirationTime("1m")
        .setProtectedHeader({ alg: "ES256", kid: "k1", jwk: await exportJWK(other.publicKey) })
        .sign(other.privateKey),
      "with a path for a key id": await sign({}, { kid: "../../../dev/null" }),
      "with SQL for a key id": await sign({}, { kid: "k1' OR '1'='1" }),
      "of other claims": `${head}.${raw({ iss: issuer, aud: "freshet", exp: 9_999_999_999 })}.${signature}`,
      "cut short": good.slice(0, -2),
    };
    const found: Record<string, number> = {};
    for (const [why, token] of Object.entries(bad))
      found[why] = (await ask(`${path}?id=user_id:42`, bearer(token)))[0];
    expect(Object.entries(found).filter(([, status]) => status !== 401)).toEqual([]);
    expect((await ask(`${path}?id=user_id:42`, bearer(good)))[0]).toBe(200);
  });

  test("with a key id that nobody knows has the key set fetched once, not once each", async () => {
    const before = keySetAsked;
    for (let index = 0; index < 30; index += 1)
      await ask(`${path}?id=user_id:42`, bearer(await sign({}, { kid: `unknown-${index}` })));
    expect(keySetAsked - before).toBeLessThanOrEqual(1);
  });
});

describe("a content token", () => {
  test("opens its blocks for its profile, and nothing else", async () => {
    const token = await cli("content-token", "hello", "--as", "user_id:42");
    expect(token).toMatch(/^ct_[A-Za-z0-9_-]{40,60}$/);
    expect(await ask(`${path}?token=${token}`)).toEqual([200, "<p>Ann</p>"]);
    // A reader may follow such a link, and what it shows may lead to a shop that need not hear of the token.
    const { headers } = await server.get(`${path}?token=${token}`, {});
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("x-robots-tag")).toBe("noindex");
    expect(headers.get("content-security-policy")).toStartWith("sandbox ");
    expect((await ask(`/v1/content/other?token=${token}`))[0]).toBe(403);
    expect((await ask(`/v1/profiles/user_id:42?token=${token}`))[0]).toBe(401);
    expect((await ask(`/v1/feed?token=${token}`))[0]).toBe(401);
    expect((await ask(`${path}?token=${token}&id=user_id:43`))[0]).toBe(403);
    expect((await ask(`${path}?token=${token}&id=user_id:42`))[0]).toBe(200);
    const many = (ids: string[]) => server.post(`/v1/content/hello?token=${token}`, { ids }, {});
    expect((await many(["user_id:43"])).status).toBe(403);
    expect((await many(["user_id:42"])).status).toBe(200);
    // A header decides before a URL does.
    expect((await ask(`${path}?token=${token}`, bearer("sk_nobody_knows_this_1")))[0]).toBeOneOf([401, 429]);
    const everybody = await cli("content-token", "hello,other", "--everybody");
    expect(await ask(`/v1/content/other.html?token=${everybody}`)).toEqual([200, "<p>fallback</p>"]);
    expect((await ask(`${path}?token=${everybody}&id=user_id:42`))[0]).toBe(403);
  });

  test("that is forged or swapped opens nothing", async () => {
    const token = await cli("content-token", "hello", "--as", "user_id:42");
    const bytes = Buffer.from(token.slice(3), "base64url");
    for (let index = 0; index < bytes.length; index += 1) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      const status = (await ask(`${path}?token=ct_${changed.toString("base64url")}`))[0];
      expect([index, status === 401 || status === 429]).toEqual([index, true]);
    }
    for (const text of ["", "ct_", `${token}A`, token.slice(0, -1), `${token}.`, "x".repeat(10_000)]) {
      const status = (await ask(`${path}?token=${text}`))[0];
      expect([text.slice(0, 80), status === 401 || status === 429]).toEqual([text.slice(0, 80), true]);
    }
    expect((await ask(`${path}?token=${token}&token=${token}`))[0]).toBeOneOf([401, 429]);
    await Promise.all(Array.from({ length: 100 }, () => server.get(`${path}?token=ct_x`, {})));
    // However many bad ones came from an address, a good one is let in.
    expect((await ask(`${path}?token=${token}`))[0]).toBe(200);
    const told = await server.get(`${path}?token=ct_x`, {});
    expect([told.status, Number(told.headers.get("retry-after")) > 0]).toEqual([429, true]);
  });

  test("follows its profile into another one, ends with it, and ends with its key", async () => {
    const secret = await cli(
      "keys",
      "create",
      "--kind",
      "secret",
      "--scopes",
      "content",
      "--blocks",
      "hello",
    );
    const key = keyIdOf(secret);
    await server.post("/v1/track", { anonymousId: "a-7", event: "Seen", messageId: "m-7" });
    const flags = ["--as", "anonymous_id:a-7", "--key", key];
    const token = await cli("content-token", "hello", ...flags);
    expect(await ask(`${path}?token=${token}`)).toEqual([200, "<p>fallback</p>"]);
    const traits = { firstName: "Cy" };
    await server.post("/v1/identify", { userId: "77", messageId: "m-8", traits });
    const other = await cli("content-token", "hello", "--as", "user_id:77", "--key", key);
    expect(other).not.toBe(token);
    expect(await ask(`${path}?token=${token}`)).toEqual([200, "<p>fallback</p>"]);
    // Two profiles become one, whichever survives.
    await server.post("/v1/identify", { userId: "77", anonymousId: "a-7", messageId: "m-9" });
    expect(await ask(`${path}?token=${token}`)).toEqual([200, "<p>Cy</p>"]);
    expect(await ask(`${path}?token=${other}`)).toEqual([200, "<p>Cy</p>"]);
    await freshet(["erase", "user_id:77", "--data", server.data]);
    expect(await ask(`${path}?token=${token}`)).toEqual([200, "<p>fallback</p>"]);
    expect(await ask(`${path}?token=${other}`)).toEqual([200, "<p>fallback</p>"]);
    await freshet(["keys", "revoke", key, "--data", server.data]);
    expect((await ask(`${path}?token=${token}`))[0]).toBeOneOf([401, 429]);
  });

  test("is made for all profiles at once, as CSV or NDJSON", async () => {
    const csv = await cli("content-token", "hello", "--all", "user_id", ...own());
    const [head, ...lines] = csv.split("\r\n");
    expect(head).toBe("user_id,freshet_token");
    const ann = lines.find((line) => line.startsWith("42,")) ?? "";
    expect(await ask(`${path}?token=${ann.slice(3)}`)).toEqual([200, "<p>Ann</p>"]);
    const json = await cli("content-token", "hello", "--all", "user_id", "--format", "ndjson", ...own());
    expect(json.split("\n").map((line) => (JSON.parse(line) as { user_id: string }).user_id)).toContain("43");
  });
});

test("a content token does not lead to whoever has its profile's number after a restoration", async () => {
  using folder = tempFolder();
  const data = (name: string) => folder.at(name);
  mkdirSync(folder.at("content"));
  const block = "---\nneeds: [firstName]\nfallback: <p>fallback</p>\n---\n<p>{{ firstName }}</p>";
  writeFileSync(folder.at("content/hello.liquid"), block);
  writeFileSync(folder.at("freshet.yaml"), "version: 1\ncontent: { folder: ./content }\n");
  const args = ["--config", folder.at("freshet.yaml")];
  const tokenOf = async (from: TestServer, userId: string) => {
    const made = await freshet(["content-token", "hello", "--as", `user_id:${userId}`, "--data", from.data]);
    return made.stdout.trim();
  };
  const name = (to: TestServer, userId: string) =>
    to.post("/v1/identify", { userId, messageId: `n-${userId}`, traits: { firstName: `N${userId}` } });
  const tokens: string[] = [];
  {
    await using before = await startServer({ data: data("one"), args });
    await name(before, "1");
    await freshet(["backup", data("copy"), "--data", before.data]);
    await name(before, "2");
    tokens.push(await tokenOf(before, "1"), await tokenOf(before, "2"));
  }
  const [copy = ""] = readdirSync(data("copy"));
  const restored = await freshet(["restore", `${data("copy")}/${copy}`, "--data", data("two")]);
  expect([restored.code, restored.stderr]).toEqual([0, expect.anything()]);
  await using after = await startServer({ data: data("two"), args });
  // The number that the second had is the third's now.
  await name(after, "3");
  tokens.push(await tokenOf(after, "3"));
  const answers: (string | null)[] = [];
  for (const token of tokens) answers.push((await ask(`${path}?token=${token}`, {}, after))[1]);
  expect(answers).toEqual(["<p>N1</p>", "<p>fallback</p>", "<p>N3</p>"]);
});

describe("a signed link", () => {
  test("opens one block for whom it names until it ends, then gives the fallback, and can't be changed", async () => {
    const url = await cli("content-token", "hello", "--as", "user_id:42", "--expires", "1h", ...own());
    expect(url).toStartWith("https://events.shop.example/v1/content/hello?id=user_id%3A42&expires=");
    const query = new URL(url).search;
    expect(await ask(`${path}${query}`)).toEqual([200, "<p>Ann</p>"]);
    const many = (id: string) => server.post(`/v1/content/hello${query}`, { ids: [id] }, {});
    expect((await many("user_id:42")).status).toBe(200);
    expect((await many("user_id:43")).status).toBe(403);
    const forged = [
      `/v1/content/other.html${query}`,
      `${path}${query.replace("42", "43")}`,
      `${path}${query.replace(/expires=\d/, "expires=9")}`,
      `${path}${query}&id=user_id:43`,
      `${path}${query.replace(/signature=../, "signature=AA")}`,
      `${path}${query.replace(/&key=key_.{12}/, "&key=key_000000000000")}`,
    ];
    for (const link of forged) {
      const status = (await ask(link))[0];
      expect([link, status === 401 || status === 429]).toEqual([link, true]);
    }
  });

  test("can be made by whoever has the key, as the docs say; over, it gives the fallback with its reason", async () => {
    const link = (expires: number) => {
      const digest = new Bun.CryptoHasher("sha256").update(server.secretKey).digest();
      const key = new Bun.CryptoHasher("sha256", digest).update("freshet content link 1").digest();
      const signature = new Bun.CryptoHasher("sha256", key)
        .update(`hello\n${expires}\nuser_id:42`)
        .digest("base64url");
      return `?id=user_id:42&expires=${expires}&key=${keyIdOf(server.secretKey)}&signature=${signature}`;
    };
    const nowSeconds = Math.floor(Date.now() / 1_000);
    expect(await ask(`${path}${link(nowSeconds + 600)}`)).toEqual([200, "<p>Ann</p>"]);
    const over = await (await server.get(`/v1/content/hello${link(nowSeconds - 1)}`, {})).json();
    expect(over).toMatchObject({ html: "<p>fallback</p>", servedFrom: "default", reason: "link_expired" });
  });
});

describe("an AMP e-mail", () => {
  const key = () => bearer(server.secretKey);
  const url = "/v1/content/hello?id=user_id:42";

  test("of a known sender hears so, in version 2 and in version 1", async () => {
    for (const sender of ["hello@shop.example", "any.body@news.shop.example"]) {
      const second = await server.get(url, { ...key(), "AMP-Email-Sender": sender });
      expect([second.status, second.headers.get("amp-email-allow-sender")]).toEqual([200, sender]);
      const origin = "https://mail.reader.example";
      const first = await server.get(`${url}&__amp_source_origin=${encodeURIComponent(sender)}`, {
        ...key(),
        Origin: origin,
      });
      expect([
        first.status,
        first.headers.get("access-control-allow-origin"),
        first.headers.get("amp-access-control-allow-source-origin"),
        first.headers.get("access-control-expose-headers"),
        first.headers.get("access-control-allow-credentials"),
      ]).toEqual([200, origin, sender, "AMP-Access-Control-Allow-Source-Origin", null]);
      expect(first.headers.get("vary")).toContain("Origin");
    }
  });

  test.each([
    [{ "AMP-Email-Sender": "hello@evil.example" }, ""],
    [{ "AMP-Email-Sender": "other@shop.example" }, ""],
    [{ "AMP-Email-Sender": "*" }, ""],
    [{ Origin: "https://mail.reader.example" }, "hello@evil.example"],
    [{ Origin: "http://mail.reader.example" }, "hello@shop.example"],
    [{ Origin: "null" }, "hello@shop.example"],
    [{}, "hello@shop.example"],
  ])("of anybody else is refused: %p %p", async (headers, source) => {
    const query = source === "" ? "" : `&__amp_source_origin=${source}`;
    const answer = await server.get(`${url}${query}`, { ...key(), ...(headers as Record<string, string>) });
    expect(answer.status).toBe(403);
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("and whoever asks from none hears nothing of it", async () => {
    const answer = await server.get(url, { ...key(), Origin: "https://mail.reader.example" });
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, null]);
  });
});
