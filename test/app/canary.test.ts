/**
 * A canary in every place where a stranger, a client or an operator can put a text: none of it may come back in an
 * error's body or header, in the log or in the metrics.
 */
import { expect, test } from "bun:test";
import { freshet } from "../support/command.ts";
import { rawExchange } from "../support/rawHttp.ts";
import { startServer, testKeys, type TestServer } from "../support/server.ts";

const canary = "kanarienvogel";
const email = `${canary}@x.example`;
const key = `wk_${canary}_0123456789`;
const secretKey = `sk_${canary}_0123456789`;
/** Whoever posts to the server finds them on the way; they count as canaries too. */
const secrets = [canary, btoa(`${canary}:`), testKeys.writeKey, testKeys.secretKey];

const deep = `${'{"a":'.repeat(40)}"${canary}"${"}".repeat(40)}`;
/** A refusal names the messageId, so that the sender can tell which it was: that one is no canary. */
const good = { userId: canary, event: canary, messageId: "m-1" };

/** Bodies that are refused for one reason each, every one with the canary in it. */
const badBodies: readonly (readonly [what: string, body: unknown])[] = [
  ["no JSON", `{"userId": ${canary}`],
  ["too deep", deep],
  ["an event too large", { ...good, properties: { text: canary.repeat(4_000) } }],
  ["a key that is not allowed", `{"userId":"${canary}","event":"x","__proto__":{"${canary}":1}}`],
  ["a key twice", `{"userId":"${canary}","userId":"${email}","event":"x"}`],
  ["nobody", { event: canary, properties: { email } }],
  ["an id too long", { ...good, userId: canary.repeat(100) }],
  ["an id of a wrong type", { ...good, userId: { [canary]: email } }],
  ["no event name", { userId: canary, properties: { [canary]: email } }],
  ["a lone surrogate", `{"userId":"${canary}\\ud800","event":"x"}`],
  ["a time that is none", { ...good, messageId: "m-2", timestamp: canary }],
  ["a batch of bad ones", { batch: [{ type: canary, userId: email }, canary, { type: "track" }] }],
];

const queries = [
  `/v1/profiles/user_id:${canary}`,
  `/v1/profiles/email:${email}?verbose=${canary}`,
  `/v1/profiles/${canary}:${canary}`,
  `/v1/profiles/profile_id:prf_${canary}`,
  `/v1/profiles/user_id:${canary}?maxAge=${canary}&traits=${canary}`,
  `/v1/profiles/user_id:%ff${canary}`,
  `/v1/profiles/user_id:${canary.repeat(60)}`,
  `/v1/profiles/user_id:${canary}/events?cursor=${canary}`,
  `/v1/profiles/user_id:${canary}/events?limit=${canary}`,
  `/v1/events/${canary}-unknown`,
  `/v1/changes?cursor=${canary}`,
  `/v1/changes?cursor=9.9&traits=${canary}`,
  `/v1/feed?cursor=${canary}`,
  `/v1/feed?profile=${canary}&token=${canary}`,
  `/v1/feed/ws?cursor=${canary}`,
  `/v1/projects/${key}/settings`,
  `/${canary}?${canary}=${canary}`,
  `/v1/${canary}`,
];

const credentials: readonly Record<string, string>[] = [
  { "X-Write-Key": key },
  { Authorization: `Bearer ${secretKey}` },
  { Authorization: `Basic ${btoa(`${key}:`)}` },
  { Authorization: `${canary} ${canary}` },
  { "X-Write-Key": testKeys.writeKey, "Content-Encoding": canary },
  { "X-Write-Key": testKeys.writeKey, "Content-Encoding": "gzip" },
];

/** Everything of the answer that says no; an answer that says yes may give a reader what is theirs. */
async function refusalOf(answer: Response): Promise<string> {
  if (answer.status >= 400)
    return `${JSON.stringify(Object.fromEntries(answer.headers))} ${await answer.text()}`;
  await answer.body?.cancel();
  return "";
}

function expectNone(where: string, text: string): void {
  const found = secrets.filter((secret) => text.toLowerCase().includes(secret.toLowerCase()));
  expect([where, found]).toEqual([where, []]);
}

async function sendEverything(server: TestServer): Promise<number> {
  let refused = 0;
  const note = async (where: string, answer: Response) => {
    const text = await refusalOf(answer);
    if (text !== "") refused += 1;
    expectNone(where, text);
  };
  const secret = { Authorization: `Bearer ${testKeys.secretKey}` };
  for (const [what, body] of badBodies)
    for (const path of [
      "/v1/track",
      "/v1/identify",
      "/v1/batch",
      "/v1/import",
      "/v1/profiles/batch",
      "/v1/feed/tokens",
    ])
      await note(`${what} to ${path}`, await server.post(path, body, secret));
  for (const path of queries)
    for (const headers of [secret, { Authorization: `Bearer ${secretKey}` }, {}])
      await note(path, await server.get(path, headers));
  for (const headers of credentials)
    for (const path of ["/v1/track", "/v1/batch", "/v1/stream"])
      await note(
        `${path} ${Object.keys(headers).join()}`,
        await server.post(path, { batch: [good] }, headers),
      );
  await note("a key in the body", await server.post("/v1/track", { ...good, writeKey: key }, {}));
  await note("a key in the query", await server.post(`/v1/track?writeKey=${key}`, good, {}));
  return refused;
}

test("no text that came in goes out in a refusal, the log or the metrics", async () => {
  await using server = await startServer({ args: ["--log-level", "trace"] });
  const identify = { userId: canary, anonymousId: canary, traits: { email, [canary]: canary } };
  expect((await server.post("/v1/identify", identify)).status).toBe(200);
  expect((await server.post("/v1/track", good)).status).toBe(200);
  const lines = `${JSON.stringify({ type: "track", ...good })}\n{"type":"track","event":"${canary}"}\n{${canary}\n`;
  const streamed = await server.post("/v1/stream", lines);
  expectNone("the stream's answers", await streamed.text());
  expect(await sendEverything(server)).toBeGreaterThan(100);
  const raw = [
    `GET /v1/profiles/user_id:${canary} HTTP/1.1\r\nHost: ${canary}.example\r\nConnection: close\r\n\r\n`,
    `GET /v1/changes HTTP/1.1\r\nHost: localhost\r\nHost: ${canary}\r\nConnection: close\r\n\r\n`,
    `${canary} /${canary} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    `GET /${canary}\r\n\r\n`,
  ];
  for (const request of raw) expectNone(request, await rawExchange(server.port, request, 2_000));
  const erased = await freshet(["erase", `user_id:${canary}`, "--data", server.data]);
  expect(erased.code).toBe(0);
  expectNone("what the command says", erased.stdout + erased.stderr);
  expectNone("the metrics", await (await fetch(`${server.origin}/metrics`)).text());
  await server.kill();
  await using again = await startServer({ data: server.data, args: ["--log-level", "trace"] });
  expect(await again.stop()).toBe(0);
  expect(server.stderr).toContain("started");
  expectNone("the output", server.stdout + server.stderr + again.stdout + again.stderr);
});
