/** The feed over a WebSocket. */
import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { MemoryStore } from "../support/memoryStore.ts";
import { until } from "../support/until.ts";
import { OutServer, type KeyText } from "./outServer.ts";

const ticksPerBeat = 4;

interface Message {
  readonly id: string;
  readonly event?: string;
  readonly data?: { readonly version: number };
}

/** A client that keeps all that it is told. */
class Client implements AsyncDisposable {
  readonly messages: Message[] = [];
  closed: { readonly code: number } | null = null;
  readonly socket: WebSocket;

  constructor(server: OutServer, query: string, key: KeyText, headers: Record<string, string> = {}) {
    const options = { headers: { Authorization: `Bearer ${key}`, ...headers } };
    this.socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1/feed/ws${query}`, options);
    this.socket.addEventListener("message", ({ data }) =>
      this.messages.push(JSON.parse(String(data)) as Message),
    );
    this.socket.addEventListener("close", ({ code }) => {
      this.closed = { code };
    });
  }

  get events(): readonly Message[] {
    return this.messages.filter(({ event }) => event !== undefined);
  }

  get versions(): readonly unknown[] {
    return this.events.map(({ data }) => data?.version);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close();
    await until("the socket is closed", () => this.closed);
  }
}

async function open(server: OutServer, query = "", key: KeyText = "sk_all_0000000000"): Promise<Client> {
  const client = new Client(server, query, key);
  await until("the socket is open", () => client.messages.length > 0);
  return client;
}

describe("a socket", () => {
  test("says where it is, then what happens", async () => {
    await using server = new OutServer();
    server.store.send({ userId: "42" });
    await using client = await open(server);
    expect(client.messages).toEqual([{ id: "3.1" }]);
    server.store.send({ userId: "42", messageId: "m-2", traits: { firstName: 'Ann "\n\u2028' } });
    await until("a change", () => client.events.length === 1);
    expect(client.events[0]).toMatchObject({
      id: "3.2",
      event: "change",
      data: {
        version: 2,
        cause: "event",
        event: { messageId: "m-2" },
        traits: { firstName: { old: null, new: 'Ann "\n\u2028' } },
      },
    });
  });

  test("resumes behind a cursor, and begins with a snapshot if asked", async () => {
    await using server = new OutServer();
    for (let index = 1; index <= 5; index += 1) server.store.send({ userId: `u-${index}` });
    await using resumed = await open(server, "?cursor=3.3");
    await until("the rest", () => resumed.events.length === 2);
    expect(resumed.versions).toEqual([4, 5]);
    await using snapshot = await open(server, "?snapshot=true");
    await until("all profiles", () => snapshot.events.length === 6);
    expect(snapshot.events.map(({ id, event }) => `${event} ${id}`)).toEqual([
      "snapshot 3.5.1",
      "snapshot 3.5.2",
      "snapshot 3.5.3",
      "snapshot 3.5.4",
      "snapshot 3.5.5",
      "live 3.5",
    ]);
    await using lost = await open(server, "?cursor=9.9");
    await until("a reset", () => lost.events.length === 1);
    expect(lost.messages).toMatchObject([{ id: "3.5", event: "reset", data: { reason: "epoch" } }]);
  });

  test("passes filters and shows a key what it may read", async () => {
    await using server = new OutServer();
    await using names = await open(server, "?traits=firstName", "sk_names_only_000");
    server.store.send({ userId: "1", traits: { city: "Ulm" } });
    server.store.send({ userId: "2", traits: { firstName: "Ann", email: "ann@example.com" } });
    await until("a change", () => names.events.length === 1);
    expect(names.versions).toEqual([2]);
    expect(JSON.stringify(names.messages)).not.toContain("example.com");
  });

  test("tells how far the filter has gone", async () => {
    await using server = new OutServer();
    await using client = await open(server, "?traits=never");
    server.store.send({ userId: "1", traits: { city: "Ulm" } });
    await server.timers.tick(ticksPerBeat);
    await until("the position", () => client.messages.length === 2);
    expect(client.messages).toEqual([{ id: "3.0" }, { id: "3.1" }]);
  });

  test("minds no words from its client, and closes on too many", async () => {
    await using server = new OutServer();
    await using client = await open(server);
    client.socket.send("hello");
    client.socket.send(new Uint8Array([1, 2, 3]));
    server.store.send({ userId: "1" });
    await until("a change", () => client.events.length === 1);
    client.socket.send("x".repeat(100_000));
    await until("the end", () => client.closed);
    await until("nobody is there", () => server.hub.size === 0);
  });

  test("ends when its key is no longer in force", async () => {
    await using server = new OutServer();
    await using client = await open(server);
    server.revoked.add("sk_all_0000000000");
    await server.timers.tick();
    await until("the end", () => client.closed);
    expect([client.closed?.code, server.hub.size]).toEqual([1008, 0]);
  });

  test("is told that the server restarts", async () => {
    await using server = new OutServer();
    await using client = await open(server);
    server.hub[Symbol.dispose]();
    await until("the end", () => client.closed);
    expect(client.closed?.code).toBe(1012);
  });

  test("that fails is closed and reported", async () => {
    const store = new MemoryStore();
    await using server = new OutServer({ store });
    await using client = await open(server);
    store.changes.read = () => {
      throw new Error("disk on fire");
    };
    store.send({ userId: "1" });
    await until("the end", () => client.closed);
    expect([client.closed?.code, server.hub.size, server.errors.map(String)]).toEqual([
      1011,
      0,
      ["Error: disk on fire"],
    ]);
  });
});

describe("a socket is not opened", () => {
  const upgrade = {
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
  };

  test("without a request for one", async () => {
    await using server = new OutServer();
    const response = await server.fetch("/v1/feed/ws");
    expect([response.status, server.hub.size]).toEqual([400, 0]);
  });

  test("for a page of another origin", async () => {
    await using server = new OutServer();
    for (const origin of ["https://evil.example", "null", "http://127.0.0.1:1", "nonsense"]) {
      expect((await server.fetch("/v1/feed/ws", { headers: { ...upgrade, Origin: origin } })).status).toBe(
        403,
      );
    }
    await using own = new Client(server, "", "sk_all_0000000000", { Origin: server.origin });
    await until("the socket is open", () => own.messages.length > 0);
  });

  test("with a malformed cursor, or one stream too many", async () => {
    await using server = new OutServer({ maxListeners: 1 });
    expect((await server.fetch("/v1/feed/ws?cursor=x", { headers: upgrade })).status).toBe(400);
    await using client = await open(server);
    expect((await server.fetch("/v1/feed/ws", { headers: upgrade })).status).toBe(429);
    expect(client.closed).toBeNull();
  });
});

test("sockets that never read cost nothing, and hold up nobody", async () => {
  await using server = new OutServer();
  const handshake = [
    "GET /v1/feed/ws?cursor=earliest HTTP/1.1",
    "Host: 127.0.0.1",
    "Authorization: Bearer sk_all_0000000000",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    "",
    "",
  ].join("\r\n");
  const sockets = Array.from({ length: 50 }, () =>
    connect(server.port, "127.0.0.1", function (this: ReturnType<typeof connect>) {
      this.pause();
      this.write(handshake);
    }),
  );
  await using client = await open(server, "?cursor=earliest");
  await until("all are connected", () => server.hub.size === 51);
  Bun.gc(true);
  const rssBefore = process.memoryUsage.rss();
  for (let index = 1; index <= 1_000; index += 1) {
    server.store.clock.advance(1);
    server.store.send({ userId: `u-${index % 20}`, traits: { text: `${index} ${"x".repeat(20_000)}` } });
    if (index % 200 === 0) await until("all that was sent", () => client.events.length === index);
  }
  expect(client.versions).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1));
  Bun.gc(true);
  // Queued for each of the fifty, it would be 40 MB a client: 2 GB.
  expect(process.memoryUsage.rss() - rssBefore).toBeLessThan(400 * 1024 * 1024);
  expect(server.fed.length).toBeLessThan(1_000 + 50 * 400);
  for (const socket of sockets) socket.destroy();
  await until("they are gone", () => server.hub.size === 1);
}, 60_000);
