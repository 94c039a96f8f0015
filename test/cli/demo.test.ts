/** What `freshet demo` is at the command line and over HTTP; what it looks like is in test/public/demo.test.ts. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { freshet } from "../support/command.ts";
import { startDemo, type TestDemo } from "../support/demo.ts";
import { startServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";

const anonymousId = "mhz1k2ab-0123456789abcdef01234567";

function askToken(demo: TestDemo, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${demo.origin}/demo/token`, { method: "POST", body: JSON.stringify(body), headers });
}

describe("the start", () => {
  test("says in five lines where to look, which keys there are, what to try next", async () => {
    await using demo = await startDemo();
    const lines = demo.stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(5);
    expect(lines[0]).toContain(`${demo.origin}/demo`);
    expect(lines[1]).toContain(`${demo.origin}/admin`);
    expect(lines[1]).toContain(`${demo.origin}/docs`);
    expect(lines[4]).toContain(
      `npm run -s freshet -- simulate --url ${demo.origin} --write-key ${demo.writeKey}`,
    );
    for (const path of ["/demo", "/docs"]) expect((await fetch(`${demo.origin}${path}`)).status).toBe(200);
    for (const [path, page] of [
      ["/", "/demo"],
      ["/demo/", "/demo"],
      ["/admin/", "/admin"],
    ] as const) {
      const { status, url } = await fetch(`${demo.origin}${path}`);
      expect([status, url]).toEqual([200, `${demo.origin}${page}`]);
    }
  });

  test("keeps its data in a folder of its own, and its keys nowhere", async () => {
    using place = tempFolder();
    await using first = await startDemo({ folder: place.path });
    expect(readdirSync(place.path)).toEqual(["demo-data"]);
    const track = { userId: "42", event: "Seen" };
    const sent = await fetch(`${first.origin}/v1/track`, {
      method: "POST",
      body: JSON.stringify(track),
      headers: { "X-Write-Key": first.writeKey },
    });
    expect(sent.status).toBe(200);
    expect(await first.stop()).toBe(0);
    await using second = await startDemo({ folder: place.path });
    expect(second.secretKey).not.toBe(first.secretKey);
    const read = (key: string) =>
      fetch(`${second.origin}/v1/profiles/user_id:42`, { headers: { Authorization: `Bearer ${key}` } });
    expect((await read(second.secretKey)).status).toBe(200);
    expect((await read(first.secretKey)).status).toBe(401);
  });

  test("is told to whoever looks into ./data meanwhile, where commands look without --data", async () => {
    await using demo = await startDemo();
    const at = { cwd: demo.folder };
    const hint = "A server runs on ./demo-data; to speak with it: --data ./demo-data\n";
    for (const words of [["profile", "user_id:1"], ["tail"]]) {
      const ran = await freshet(words, at);
      expect([words, ran.code, ran.stderr]).toEqual([words, 2, expect.stringContaining(hint)]);
    }
    expect(readdirSync(demo.folder)).toEqual(["demo-data"]);
    const made = await freshet(["keys", "create"], at);
    expect([made.code, made.stderr]).toEqual([
      0,
      `No server runs on ./data: the folder is new, and is made now. ${hint}`,
    ]);
    const spoken = await freshet(["keys", "list", "--data", "./demo-data"], at);
    expect([spoken.code, spoken.stderr]).toEqual([0, ""]);
  });

  test("a second time in one folder says where it runs already: exit 3", async () => {
    await using demo = await startDemo();
    const ran = await freshet(["demo", "--port", "0"], { cwd: demo.folder });
    expect([ran.code, ran.stderr]).toEqual([
      3,
      `freshet: another Freshet is running on ./demo-data: ${demo.origin} (process ${demo.pid}). Use that one, stop it (kill ${demo.pid}), or use another --data folder.\n`,
    ]);
  });

  test("takes the keys, the folder and the log level of the environment", async () => {
    using place = tempFolder();
    const env = {
      FRESHET_WRITE_KEY: "wk_for_tests_only_0001",
      FRESHET_SECRET_KEY: "sk_for_tests_only_0001",
      FRESHET_DATA: place.at("mine"),
      // As `bun run start` sets it, where there may be no npm to be told of.
      npm_config_user_agent: "bun/1.4.5 npm/? node/v24.0.0 linux x64",
    };
    await using demo = await startDemo({ env });
    expect(demo.stdout).not.toContain("sk_for_tests");
    expect(demo.stdout).toContain(
      `bun run --silent freshet simulate --url ${demo.origin} --write-key wk_for_tests_only_0001\n`,
    );
    expect(existsSync(join(place.path, "mine"))).toBe(true);
    const headers = { Authorization: `Bearer ${env.FRESHET_SECRET_KEY}` };
    expect((await fetch(`${demo.origin}/v1/profiles/user_id:1`, { headers })).status).toBe(404);
  });

  test("on a port that is taken ends with exit 2 and names a free one", async () => {
    await using demo = await startDemo();
    using place = tempFolder();
    const { port } = new URL(demo.origin);
    const ran = await freshet(["demo", "--port", port], { cwd: place.path });
    expect(ran.code).toBe(2);
    const free = /--port (\d+) is free/.exec(ran.stderr)?.[1] ?? "";
    // As this run was started: from the source, or by the binary.
    expect(ran.stderr).toMatch(new RegExp(`\\((npm start --|freshet demo) --port ${free}\\)`));
    await using other = await startDemo({ args: ["--port", free] });
    expect(other.origin).toBe(`http://127.0.0.1:${free}`);
  });
});

describe("a token of the demo", () => {
  test("shows the visitor's own profile, without what the e-mail does not need", async () => {
    await using demo = await startDemo();
    const { token } = (await (await askToken(demo, { anonymousId })).json()) as { token: string };
    const traits = { firstName: "Ann", plan: "secret" };
    await fetch(`${demo.origin}/v1/identify`, {
      method: "POST",
      body: JSON.stringify({ anonymousId, traits }),
      headers: { "X-Write-Key": demo.writeKey },
    });
    const abort = new AbortController();
    const feed = `${demo.origin}/v1/feed?snapshot=true&token=${token}`;
    const stream = await fetch(feed, { signal: abort.signal });
    let text = "";
    for await (const chunk of stream.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      if (text.includes("event: live")) break;
    }
    abort.abort();
    expect(text).toContain('"firstName":"Ann"');
    expect(text).not.toContain("secret");
  });

  test("is given for nothing but an anonymousId of the snippet's form", async () => {
    await using demo = await startDemo();
    for (const body of [
      {},
      { anonymousId: "a1" },
      { anonymousId: 42 },
      { anonymousId: "user_id:42" },
      [anonymousId],
    ])
      expect([body, (await askToken(demo, body)).status]).toEqual([body, 400]);
    expect((await askToken(demo, { anonymousId })).status).toBe(200);
  });

  test("is not given to pages of other sites, and not without end", async () => {
    await using demo = await startDemo();
    for (const site of ["cross-site", "same-site", "none"])
      expect((await askToken(demo, { anonymousId }, { "Sec-Fetch-Site": site })).status).toBe(403);
    const answers = [];
    for (let asked = 0; asked < 40; asked += 1) answers.push(await askToken(demo, { anonymousId }));
    expect(answers.at(0)?.status).toBe(200);
    expect(answers.at(-1)?.status).toBe(429);
    expect(Number(answers.at(-1)?.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});

test("a server without the demo has none of it", async () => {
  await using server = await startServer();
  for (const path of ["/demo", "/demo/river", "/demo/main.js"])
    expect((await fetch(`${server.origin}${path}`)).status).toBe(404);
  const token = await fetch(`${server.origin}/demo/token`, {
    method: "POST",
    body: JSON.stringify({ anonymousId }),
  });
  expect(token.status).toBe(404);
  const shop = await server.post(
    "/v1/track",
    { anonymousId, event: "x" },
    { "X-Write-Key": "wk_demo_shop_window" },
  );
  expect(shop.status).toBe(401);
});
