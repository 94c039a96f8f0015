/** The feed as server-sent events, over a real connection. */
import { describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import vectors from "../fixtures/sse/injection.json";
import { MemoryStore } from "../support/memoryStore.ts";
import { until } from "../support/until.ts";
import { OutServer } from "./outServer.ts";

const ticksPerBeat = 4;

function versionOf({ data }: { readonly data: string }): number {
  return (JSON.parse(data) as { version: number }).version;
}

describe("a stream", () => {
  test("begins with where it is and when to come back, before anything happens", async () => {
    await using server = new OutServer();
    server.store.send({ userId: "42" });
    await using reader = await server.feed();
    const { headers } = reader.response;
    expect(headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(headers.get("cache-control")).toBe("no-store, no-transform");
    expect(headers.get("x-accel-buffering")).toBe("no");
    await reader.until("a position", ({ parser }) => parser.lastEventId !== "");
    expect(reader.text).toBe("retry: 1000\nid: 3.1\n\n");
    expect(reader.parser.retryMs).toBe(1_000);
  });

  test("is not begun for HEAD, which hears what GET would begin with", async () => {
    await using server = new OutServer();
    const head = (query: string, headers?: Record<string, string>) =>
      fetch(`${server.origin}/v1/feed${query}`, { method: "HEAD", ...(headers && { headers }) });
    const key = { Authorization: "Bearer sk_all_0000000000" };
    const answer = await head("", key);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([
      200,
      "text/event-stream; charset=utf-8",
    ]);
    expect((await head("?cursor=x", key)).status).toBe(400);
    expect((await head("")).status).toBe(401);
    expect(server.hub.size).toBe(0);
  });

  test("carries changes in this form", async () => {
    await using server = new OutServer();
    await using reader = await server.feed();
    server.store.send({ userId: "42", messageId: "ajs-10", traits: { cart: { count: 1 } } });
    const [change] = await reader.take(1);
    const at = "2026-11-24T09:00:00.000Z";
    expect(change).toEqual({
      id: "3.1",
      event: "change",
      data:
        `{"profileId":"prf_00000001","version":1,"identifiers":[{"type":"user_id","value":"42"}],"cause":"event",` +
        `"event":{"messageId":"ajs-10","type":"identify","name":null,"source":"web"},"timestamp":"${at}","receivedAt":"${at}","committedAt":"${at}",` +
        `"traits":{"cart":{"old":null,"new":{"count":1}}},"segments":{"entered":[],"exited":[]}}`,
    });
    server.store.send({ anonymousId: "a-1" });
    server.store.send({ userId: "42", anonymousId: "a-1" });
    server.store.erase("live", "user_id", "42");
    const rest = (await reader.take(4)).slice(2).map(({ data }) => JSON.parse(data) as unknown);
    expect(rest).toMatchObject([
      { cause: "merge", profileId: "prf_00000001", mergedFrom: ["prf_00000002"] },
      {
        cause: "erase",
        profileId: "prf_00000001",
        identifiers: [],
        event: null,
        receivedAt: null,
        traits: {},
      },
    ]);
  });

  test("holds what a client wrote as data, whatever it is", async () => {
    await using server = new OutServer();
    await using reader = await server.feed();
    const texts = vectors.cases.map(({ v }) => v);
    for (const text of texts)
      server.store.send({
        userId: text || "none",
        traits: { [text || "none"]: text },
        messageId: `m ${text}`,
        source: text,
        name: text,
      });
    const events = await reader.take(texts.length);
    expect(events.every(({ event, id }) => event === "change" && /^3\.\d+$/.test(id))).toBe(true);
    const traits = events.map(({ data }) => (JSON.parse(data) as { traits: unknown }).traits);
    expect(traits).toEqual(texts.map((text) => ({ [text || "none"]: { old: null, new: text } })));
  });

  test("gives what the snapshot shows, then what changes", async () => {
    await using server = new OutServer();
    for (let index = 1; index <= 5; index += 1) server.store.send({ userId: `u-${index}` });
    await using reader = await server.feed("?snapshot=true");
    await reader.take(6);
    server.store.send({ userId: "u-9" });
    const events = await reader.take(7);
    expect(events.map(({ event, id }) => `${event} ${id}`)).toEqual([
      "snapshot 3.5.1",
      "snapshot 3.5.2",
      "snapshot 3.5.3",
      "snapshot 3.5.4",
      "snapshot 3.5.5",
      "live 3.5",
      "change 3.6",
    ]);
    expect(JSON.parse(events[0]?.data ?? "")).toEqual(await server.json("/v1/profiles/user_id:u-1"));
  });

  test("passes filters together", async () => {
    await using server = new OutServer();
    await using reader = await server.feed("?traits=plan,firstName&idType=email");
    server.store.send({ userId: "1", traits: { plan: "free" } });
    server.store.send({ userId: "2", traits: { email: "a@example.com" } });
    server.store.send({ userId: "2", traits: { plan: "pro", other: 1 } });
    const [change] = await reader.take(1);
    expect(versionOf(change ?? { data: "{}" })).toBe(3);
    expect(JSON.parse(change?.data ?? "")).toMatchObject({ traits: { plan: { old: null, new: "pro" } } });
    expect(change?.data).not.toContain("other");
  });

  test("shows a key what it may read, and nothing of another namespace", async () => {
    await using server = new OutServer();
    await using names = await server.feed("", { key: "sk_names_only_000" });
    await using tests = await server.feed("", { key: "sk_test_000000000" });
    server.store.send({ userId: "42", traits: { firstName: "Ann", email: "ann@example.com", city: "Ulm" } });
    server.store.send({ userId: "43", namespace: "test", traits: { city: "Bonn" } });
    await names.take(1);
    await tests.take(1);
    expect(names.text).toContain("Ann");
    expect(names.text).not.toMatch(/Ulm|example\.com|Bonn/);
    expect(tests.events.map(versionOf)).toEqual([2]);
  });

  test("notes for the trace what it handed on", async () => {
    await using server = new OutServer();
    await using reader = await server.feed();
    server.store.send({ userId: "42" });
    await reader.take(1);
    expect(server.fed).toEqual([1]);
  });

  test.each([
    ["?cursor=nonsense", 400],
    ["?cursor=3.1.2.3", 400],
    ["?snapshot=maybe", 400],
    ["?idType=shoe_size", 400],
  ])("is not begun for %s", async (query, status) => {
    await using server = new OutServer();
    expect((await server.fetch(`/v1/feed${query}`)).status).toBe(status);
    expect(server.hub.size).toBe(0);
  });

  test("needs a key with the scope feed", async () => {
    await using server = new OutServer();
    for (const path of ["/v1/feed", "/v1/changes", "/v1/feed/ws"]) {
      expect((await fetch(server.origin + path)).status).toBe(401);
      expect((await server.fetch(path, { key: "sk_reads_only_000" })).status).toBe(403);
      expect((await server.fetch(path, { key: "wk_writes_only_00" })).status).toBe(403);
    }
  });
});

describe("resuming", () => {
  const missedBy = async (server: OutServer, options: Parameters<OutServer["feed"]>[1], query = "") => {
    await using reader = await server.feed(query, options);
    await reader.take(1);
    return versionOf(reader.events[0] ?? { data: "{}" });
  };

  function served(count: number): OutServer {
    const server = new OutServer();
    for (let index = 1; index <= count; index += 1) server.store.send({ userId: `u-${index}` });
    return server;
  }

  test("goes on behind Last-Event-ID, which beats the cursor, which beats now", async () => {
    await using server = served(9);
    expect(await missedBy(server, {}, "?cursor=3.4")).toBe(5);
    expect(await missedBy(server, {}, "?cursor=earliest")).toBe(1);
    expect(await missedBy(server, { headers: { "Last-Event-ID": "3.7" } }, "?cursor=3.4")).toBe(8);
    expect(await missedBy(server, { headers: { "Last-Event-ID": "3.7" } }, "?cursor=nonsense")).toBe(8);
  });

  test.each(
    vectors.lastEventId_inputs.filter((id) => id !== "" && /^[\x21-\x7e ]*$/.test(id) && id.trim() === id),
  )("with the id %j is refused", async (id) => {
    await using server = served(1);
    const response = await server.fetch("/v1/feed", { headers: { "Last-Event-ID": id } });
    expect(response.status).toBe(400);
    expect(((await response.json()) as { error: { code: string } }).error.code).toBe("invalid_cursor");
  });

  test("from another journal's cursor says reset", async () => {
    await using server = served(3);
    await using reader = await server.feed("", { headers: { "Last-Event-ID": "2.1" } });
    server.store.send({ userId: "u-9" });
    const events = await reader.take(2);
    expect(events.map(({ event, id }) => `${event} ${id}`)).toEqual(["reset 3.3", "change 3.4"]);
    // Whoever loses the connection before it hears of the reset must hear of it again.
    expect(reader.text.indexOf("id: ")).toBeGreaterThan(reader.text.indexOf(":\n\n"));
  });

  test("after any number of lost connections misses nothing and repeats nothing", async () => {
    await using server = new OutServer();
    const seen: number[] = [];
    let lastEventId = "";
    let sent = 0;
    for (let round = 0; round < 25; round += 1) {
      await using reader = await server.feed(
        "",
        lastEventId === "" ? {} : { headers: { "Last-Event-ID": lastEventId } },
      );
      await reader.until(
        "a position",
        ({ parser, events }) => parser.lastEventId !== "" || events.length > 0,
      );
      for (let index = 0; index < 3; index += 1) server.store.send({ userId: `u-${(sent += 1)}` });
      await reader.take(1 + (round % 3));
      seen.push(...reader.events.map(versionOf));
      ({ lastEventId } = reader.parser);
    }
    await using reader = await server.feed("", { headers: { "Last-Event-ID": lastEventId } });
    server.store.send({ userId: "last" });
    await reader.until("the last", ({ events }) => events.some((event) => versionOf(event) === sent + 1));
    seen.push(...reader.events.map(versionOf));
    expect(seen).toEqual(Array.from({ length: sent + 1 }, (_, index) => index + 1));
  });
});

describe("a quiet stream", () => {
  test("beats once in the heartbeat's time, and only if it was quiet", async () => {
    await using server = new OutServer();
    await using reader = await server.feed();
    expect(server.timers.intervalsMs).toEqual([10_000 / ticksPerBeat]);
    await server.timers.tick(ticksPerBeat - 1);
    server.store.send({ userId: "42" });
    await reader.take(1);
    await server.timers.tick(ticksPerBeat - 1);
    expect(reader.parser.comments).toEqual([]);
    await server.timers.tick(1);
    await reader.until("a beat", ({ parser }) => parser.comments.length === 1);
    await server.timers.tick(ticksPerBeat * 3);
    await reader.until("more beats", ({ parser }) => parser.comments.length === 4);
    expect(reader.text.endsWith(":\n\n".repeat(4))).toBe(true);
  });

  test("tells how far the filter has gone, so that nothing is looked through again", async () => {
    await using server = new OutServer();
    await using reader = await server.feed("?traits=never");
    for (let index = 0; index < 5; index += 1) server.store.send({ userId: "42", traits: { other: index } });
    await server.timers.tick(ticksPerBeat);
    await reader.until("the position", ({ parser }) => parser.lastEventId === "3.5");
    expect(reader.events).toEqual([]);
  });

  test("goes on with its snapshot when profiles are back", async () => {
    await using server = new OutServer();
    server.store.send({ userId: "42" });
    server.store.profiles.isRebuilding = true;
    await using reader = await server.feed("?snapshot=true");
    await server.timers.tick(ticksPerBeat);
    await reader.until("a beat", ({ parser }) => parser.comments.length === 1);
    expect(reader.events).toEqual([]);
    server.store.profiles.isRebuilding = false;
    await server.timers.tick(1);
    expect((await reader.take(2)).map(({ event }) => event)).toEqual(["snapshot", "live"]);
  });

  test("ends when its key is no longer in force", async () => {
    await using server = new OutServer();
    await using reader = await server.feed();
    await using other = await server.feed("", { key: "sk_test_000000000" });
    server.revoked.add("sk_all_0000000000");
    await server.timers.tick(1);
    await reader.ended();
    expect([server.hub.size, other.hasEnded]).toEqual([1, false]);
  });
});

describe("room", () => {
  test("is bounded: one stream too many is told to wait", async () => {
    await using server = new OutServer({ maxListeners: 2 });
    await using first = await server.feed();
    await using second = await server.feed();
    const refused = await server.fetch("/v1/feed");
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect([first.hasEnded, second.hasEnded]).toEqual([false, false]);
  });

  test("is free again when a client goes", async () => {
    await using server = new OutServer({ maxListeners: 1 });
    for (let round = 0; round < 5; round += 1) {
      await using reader = await server.feed();
      expect(server.hub.size).toBe(1);
      await reader[Symbol.asyncDispose]();
      await until("the stream is closed", () => server.hub.size === 0);
    }
  });
});

test("at the end every stream is told when to come back, each at another time", async () => {
  await using server = new OutServer();
  const readers = await Promise.all(Array.from({ length: 4 }, () => server.feed()));
  server.hub[Symbol.dispose]();
  await Promise.all(readers.map((reader) => reader.ended()));
  const waits = readers.map(({ parser }) => parser.retryMs ?? 0);
  expect(new Set(waits).size).toBe(4);
  expect(waits.every((waitMs) => waitMs >= 1_000 && waitMs <= 5_000)).toBe(true);
  expect(server.hub.size).toBe(0);
  expect((await server.fetch("/v1/feed")).status).toBe(429);
});

test("a failing read ends that stream and is reported", async () => {
  const store = new MemoryStore();
  await using server = new OutServer({ store });
  await using reader = await server.feed();
  const read = store.changes.read.bind(store.changes);
  store.changes.read = () => {
    throw new Error("disk on fire");
  };
  store.send({ userId: "42" });
  await reader.ended();
  store.changes.read = read;
  expect(server.errors.map(String)).toEqual(["Error: disk on fire"]);
  await using again = await server.feed("", { headers: { "Last-Event-ID": "3.0" } });
  expect(await again.take(1)).toHaveLength(1);
});

describe("clients that never read", () => {
  /** Connects, asks for everything, and reads nothing. */
  function silent(port: number, path: string): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.pause();
        socket.write(
          `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer sk_all_0000000000\r\n\r\n`,
        );
        resolve(socket);
      });
      socket.on("error", reject);
    });
  }

  test("cost nothing while much happens, and hold up nobody", async () => {
    await using server = new OutServer();
    const path = "/v1/feed?cursor=earliest";
    const sockets = await Promise.all(Array.from({ length: 100 }, () => silent(server.port, path)));
    await using reader = await server.feed("?cursor=earliest");
    await until("all are connected", () => server.hub.size === 101);
    const rssBefore = await settledRss();
    const changes = 1_500;
    let read = 0;
    for (let index = 1; index <= changes; index += 1) {
      server.store.clock.advance(1);
      server.store.send({ userId: `u-${index % 20}`, traits: { text: `${index} ${"x".repeat(20_000)}` } });
      if (index % 300 !== 0) continue;
      await reader.until("all that was sent", ({ events }) => events.at(-1)?.id === `3.${index}`);
      read += reader.forget();
    }
    expect(read).toBe(changes);
    // Queued for each of the hundred, it would be 60 MB a client, old and new values: 6 GB.
    expect((await settledRss()) - rssBefore).toBeLessThan(400 * 1024 * 1024);
    expect(server.fed.length).toBeLessThan(changes + 100 * 400);
    for (const socket of sockets) socket.destroy();
    await until("they are gone", () => server.hub.size === 1);
  }, 60_000);

  async function settledRss(): Promise<number> {
    Bun.gc(true);
    await new Promise<void>((resolve) => setImmediate(resolve));
    return process.memoryUsage.rss();
  }
});

test("many readers of one feed get the same", async () => {
  await using server = new OutServer();
  const readers = await Promise.all(
    Array.from({ length: 150 }, (_, index) => (index % 3 === 0 ? server.feed("?traits=a") : server.feed())),
  );
  for (let index = 1; index <= 40; index += 1) {
    server.store.clock.advance(1);
    server.store.send({ userId: "42", traits: { [index % 2 === 0 ? "a" : "b"]: index } });
  }
  await Promise.all(readers.map((reader, index) => reader.take(index % 3 === 0 ? 20 : 40)));
  for (const [index, reader] of readers.entries()) {
    const all = Array.from({ length: 40 }, (_, version) => version + 1);
    expect(reader.events.map(versionOf)).toEqual(
      index % 3 === 0 ? all.filter((version) => version % 2 === 0) : all,
    );
    await reader[Symbol.asyncDispose]();
  }
}, 30_000);

test("a change that comes in pieces is whole", async () => {
  await using server = new OutServer();
  await using reader = await server.feed("?cursor=earliest");
  const text = "ü😀".repeat(5_000);
  server.store.send({ userId: "42", traits: { text } });
  const [change] = await reader.take(1);
  expect(change?.data.includes(text)).toBe(true);
});
