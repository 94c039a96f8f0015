import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { freshet } from "../support/command.ts";
import { startServer, testKeys } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

/** A port that was free a moment ago is not the program's fault. */
function retryTaken(error: unknown): false {
  if (error instanceof Error && /is taken/.test(error.message)) return false;
  throw error;
}

const event = { userId: "42", event: "Seen", messageId: "m-1" };

describe("start", () => {
  test("says where it listens, and on the first start the keys, once", async () => {
    using folder = tempFolder();
    const data = folder.at("data");
    const first = await startServer({ data, keys: null });
    const { writeKey, secretKey } = first;
    expect(writeKey).toMatch(/^wk_[0-9a-z]{32}$/);
    expect(secretKey).toMatch(/^sk_[0-9a-z]{32}$/);
    expect((await first.post("/v1/track", event)).status).toBe(200);
    expect((await first.get("/v1/profiles/user_id:42")).status).toBe(200);
    expect(first.stderr).not.toContain(writeKey);
    expect(await first.stop()).toBe(0);

    await using second = await startServer({ data, keys: null });
    expect(second.stdout).not.toMatch(/[ws]k_/);
    expect(
      (await second.get("/v1/profiles/user_id:42", { Authorization: `Bearer ${secretKey}` })).status,
    ).toBe(200);
    expect((await second.post("/v1/track", event, { "X-Write-Key": writeKey })).status).toBe(200);
  });

  test("takes the first keys from variables, and keeps them without", async () => {
    using folder = tempFolder();
    const data = folder.at("data");
    const first = await startServer({ data });
    expect(first.stdout).not.toMatch(/[ws]k_/);
    expect((await first.post("/v1/track", event)).status).toBe(200);
    expect(await first.stop()).toBe(0);
    await using second = await startServer({ data, keys: null });
    expect(second.stdout).not.toMatch(/[ws]k_/);
    expect(
      (await second.get("/v1/profiles/user_id:42", { Authorization: `Bearer ${testKeys.secretKey}` })).status,
    ).toBe(200);
  });

  test("takes sources from freshet.yaml", async () => {
    using folder = tempFolder();
    const config = folder.at("freshet.yaml");
    writeFileSync(config, 'version: 1\nsources:\n  shop: { trust: server, writeKey: "${SHOP_KEY}" }\n');
    await using server = await startServer({
      args: ["--config", config],
      env: { SHOP_KEY: "wk_shop_0123456789" },
    });
    expect((await server.post("/v1/track", event, { "X-Write-Key": "wk_shop_0123456789" })).status).toBe(200);
    const traced = (await (await server.get("/v1/events/m-1")).json()) as { events: { source: string }[] };
    expect(traced.events[0]?.source).toBe("shop");
  });

  test("keeps test data apart", async () => {
    const keys = { writeKey: "wk_test_0123456789", secretKey: "sk_test_0123456789" };
    await using server = await startServer({ keys });
    expect((await server.post("/v1/track", event)).status).toBe(200);
    expect((await server.get("/v1/profiles/user_id:42")).status).toBe(200);
    expect((await freshet(["profile", "user_id:42", "--data", server.data])).code).toBe(1);
    expect((await freshet(["profile", "user_id:42", "--test", "--data", server.data])).code).toBe(0);
  });

  test("refuses a taken port with exit 2 and names a free one", async () => {
    await using server = await startServer();
    using folder = tempFolder();
    const tryIt = async () => {
      const ran = await freshet(["serve", "--data", folder.at("data"), "--port", String(server.port)]);
      expect(ran.code).toBe(2);
      const free = Number(/--port (\d+) is free/.exec(ran.stderr)?.[1]);
      expect(ran.stderr).toContain(`serve --port ${free})`);
      expect(free).toBeGreaterThan(server.port);
      await using other = await startServer({ data: folder.at("data"), args: ["--port", String(free)] });
      return other.port === free;
    };
    // Whoever else starts servers on this machine may take the free one first.
    await until("the one that is named is free", () => tryIt().catch(retryTaken));
  });

  test("refuses an address that is not this machine's with exit 2", async () => {
    using folder = tempFolder();
    const ran = await freshet(["serve", "--data", folder.at("data"), "--host", "192.0.2.1", "--port", "0"]);
    expect([ran.code, ran.stderr]).toEqual([
      2,
      expect.stringContaining("is --host an address of this machine?"),
    ]);
  });

  test("refuses a data folder that another process has with exit 3", async () => {
    await using server = await startServer();
    const ran = await freshet(["serve", "--data", server.data, "--port", "0"]);
    expect([ran.code, ran.stderr]).toEqual([
      3,
      expect.stringContaining(
        `another Freshet is running on ${server.data}: ${server.origin} (process ${server.pid}).`,
      ),
    ]);
    expect((await server.post("/v1/track", event)).status).toBe(200);
  });

  test("refuses a bad variable with exit 2 before it makes anything", async () => {
    using folder = tempFolder();
    const ran = await freshet(["serve", "--data", folder.at("data")], {
      env: { FRESHET_SECRET_KEY: "sk_short" },
    });
    expect([ran.code, existsSync(folder.at("data"))]).toEqual([2, false]);
  });

  test("makes folder and socket readable for its own user only", async () => {
    await using server = await startServer();
    expect(statSync(server.data).mode & 0o777).toBe(0o700);
    expect(statSync(`${server.data}/freshet.sock`).mode & 0o777).toBe(0o600);
  });
});

describe("stop", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "on %s: exit 0, and all that was answered is there",
    async (signal) => {
      using folder = tempFolder();
      const data = folder.at("data");
      const server = await startServer({ data });
      expect((await server.post("/v1/track", event)).status).toBe(200);
      server.signal(signal);
      expect(await server.exited).toBe(0);
      expect(existsSync(`${data}/freshet.sock`)).toBe(false);
      await using again = await startServer({ data });
      expect((await again.get("/v1/profiles/user_id:42")).status).toBe(200);
      expect(again.stderr).not.toContain("rebuild");
    },
  );

  test("ends open streams, telling when to come back", async () => {
    await using server = await startServer();
    const stream = await server.get("/v1/feed");
    expect(stream.status).toBe(200);
    const received = stream.text();
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
    expect(await received).toMatch(/retry: \d+\n\n$/);
  });

  test("answers 429 draining with Retry-After on kept-alive connections, and the probes", async () => {
    // A long poll that is waiting keeps the server stopping for a moment.
    await using server = await startServer({ env: {} });
    const socket = connect(server.port, "127.0.0.1");
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
    });
    socket.on("error", () => {});
    const ask = (path: string) => socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    ask("/healthz");
    await until("the connection is kept alive", () => received.includes('"ok"'));
    // A body that is still on its way keeps the server waiting while it drains.
    const slow = connect(server.port, "127.0.0.1");
    slow.on("error", () => {});
    slow.write(
      `POST /v1/track HTTP/1.1\r\nHost: localhost\r\nX-Write-Key: ${testKeys.writeKey}\r\nContent-Length: 40\r\n\r\n{`,
    );
    await until("the slow request is in", async () =>
      /in_flight_requests [2-9]/.test(await (await fetch(`${server.origin}/metrics`)).text()),
    );
    server.signal("SIGTERM");
    await until("it stops", () => server.stderr.includes("stopping"));
    ask("/readyz");
    await until("readiness is answered", () => received.includes('{"status":"draining"}'));
    ask("/v1/profiles/user_id:42");
    await until("the refusal is there", () => received.includes('"code":"draining"'));
    expect(received).toMatch(/HTTP\/1\.1 429 [^]*Retry-After: \d+/);
    slow.destroy();
    expect(await server.exited).toBe(0);
  });

  test("a second wish to stop ends it at once", async () => {
    await using server = await startServer();
    const slow = connect(server.port, "127.0.0.1");
    slow.on("error", () => {});
    slow.write(
      `POST /v1/track HTTP/1.1\r\nHost: localhost\r\nX-Write-Key: ${testKeys.writeKey}\r\nContent-Length: 40\r\n\r\n{`,
    );
    await until("the slow request is in", async () =>
      /in_flight_requests [2-9]/.test(await (await fetch(`${server.origin}/metrics`)).text()),
    );
    server.signal("SIGTERM");
    await until("it stops", () => server.stderr.includes("stopping"));
    let code: number | null = null;
    server.exited.then(
      (exited) => {
        code = exited;
      },
      () => {},
    );
    await until("it is gone", () => {
      server.signal("SIGTERM");
      return code;
    });
    expect(await server.exited).toBe(130);
    slow.destroy();
  });
});

describe("the log", () => {
  test("is JSON lines with known fields, and holds nothing of what came in", async () => {
    await using server = await startServer({ args: ["--log-level", "trace"] });
    const canaries = [
      "canary-user",
      "canary@example.com",
      "canary-trait",
      "canary-path",
      "wk_canary_0123456789",
      testKeys.secretKey,
      testKeys.writeKey,
    ];
    await server.post("/v1/identify", {
      userId: "canary-user",
      traits: { email: "canary@example.com", x: "canary-trait" },
    });
    await server.post("/v1/identify", { userId: "canary-user" }, { "X-Write-Key": "wk_canary_0123456789" });
    await server.post("/v1/identify", '{"userId": canary-user');
    await server.get("/canary-path?canary-trait");
    await server.get("/v1/profiles/email:canary@example.com");
    const metrics = await (await fetch(`${server.origin}/metrics`)).text();
    expect(await server.stop()).toBe(0);
    for (const canary of canaries) expect(server.stdout + server.stderr + metrics).not.toContain(canary);
    const lines = server.stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map((line) => line["msg"])).toContain("started");
    const known = ["level", "time", "msg", "host", "port", "folder", "durationMs", "why"];
    expect(lines.flatMap((line) => Object.keys(line)).filter((name) => !known.includes(name))).toEqual([]);
  });
});

test("a process that was killed is followed by one that serves, with what was answered", async () => {
  using folder = tempFolder();
  const data = folder.at("data");
  const first = await startServer({ data });
  expect((await first.post("/v1/track", event)).status).toBe(200);
  await first.kill();
  expect(readFileSync(`${data}/boot.json`, "utf8")).toContain('"clean":false');
  await using second = await startServer({ data });
  expect((await second.get("/v1/profiles/user_id:42")).status).toBe(200);
  expect(existsSync(`${data}/freshet.sock`)).toBe(true);
  expect((await freshet(["profile", "user_id:42", "--data", data])).code).toBe(0);
  expect(second.stderr).not.toContain("damaged");
});

test.each(["kill", "stop"] as const)("profiles damaged after a %s are noticed and made anew", async (end) => {
  using folder = tempFolder();
  const data = folder.at("data");
  const first = await startServer({ data });
  expect((await first.post("/v1/track", event)).status).toBe(200);
  await first[end]();
  for (const path of new Bun.Glob("profiles-*/data.mdb").scanSync(data))
    await Bun.write(`${data}/${path}`, "x".repeat(20_000));
  await using second = await startServer({ data });
  expect(second.stderr).toContain("damaged");
  expect((await second.get("/v1/profiles/user_id:42")).status).toBe(200);
  expect((await freshet(["verify", "--data", data])).code).toBe(0);
});

test("a revoked key stays revoked, also where a variable sets it, and that is said", async () => {
  using folder = tempFolder();
  const data = folder.at("data");
  const first = await startServer({ data });
  const keys = JSON.parse((await freshet(["keys", "list", "--json", "--data", data])).stdout) as {
    id: string;
    kind: string;
  }[];
  const id = keys.find(({ kind }) => kind === "write")?.id ?? "";
  expect((await freshet(["keys", "revoke", id, "--data", data])).code).toBe(0);
  expect((await first.post("/v1/track", event)).status).toBe(401);
  expect(await first.stop()).toBe(0);
  await using second = await startServer({ data });
  expect((await second.post("/v1/track", event)).status).toBe(401);
  expect(second.stderr).toContain("revoked");
});
