import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { program } from "../support/command.ts";
import { startServer, testKeys, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const event = JSON.stringify({ userId: "42", event: "Seen" });
const post = (body = event) =>
  `POST /v1/track HTTP/1.1\r\nHost: localhost\r\nX-Write-Key: ${testKeys.writeKey}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

interface Connection {
  readonly socket: Socket;
  received: string;
  isClosed: boolean;
}

/** Opens a connection and sends the text over it. */
function open(server: TestServer, text: string): Connection {
  const connection: Connection = {
    socket: connect(server.port, "127.0.0.1", () => connection.socket.write(text)),
    received: "",
    isClosed: false,
  };
  connection.socket.on("data", (chunk) => {
    connection.received += chunk.toString("latin1");
  });
  connection.socket.on("error", () => {});
  connection.socket.on("close", () => {
    connection.isClosed = true;
  });
  return connection;
}

/** A request whose body never comes, which stands in the server until its connection goes. */
const unfinished = post().slice(0, -event.length);

test("beyond the limit on requests: 429 with Retry-After, and room again after", async () => {
  await using server = await startServer({ args: ["--max-in-flight-requests", "4"] });
  const waiting = Array.from({ length: 3 }, () => open(server, unfinished));
  await until("three are in, and this question", async () =>
    /in_flight_requests 4\n/.test(await (await fetch(`${server.origin}/metrics`)).text()),
  );
  const last = [open(server, unfinished), open(server, unfinished)];
  const refused = await until("one of two more is refused", () =>
    last.find(({ received }) => received.startsWith("HTTP/1.1 429")),
  );
  expect(refused.received).toMatch(/\r\nRetry-After: [1-9]/);
  expect(refused.received).toContain('"code":"overloaded"');
  expect(last.filter(({ received }) => received === "")).toHaveLength(1);
  for (const { socket } of [...waiting, ...last]) socket.destroy();
  await until("there is room again", async () => (await server.post("/v1/track", event)).status === 200);
});

test("beyond the limit on bytes: 429, while small requests still pass", async () => {
  await using server = await startServer({ args: ["--max-in-flight-bytes", "4MB"] });
  const big = `POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${testKeys.secretKey}\r\nContent-Length: 3000000\r\n\r\n{`;
  const first = open(server, big);
  await until("the first is in", async () =>
    /in_flight_bytes 3000000/.test(await (await fetch(`${server.origin}/metrics`)).text()),
  );
  const second = open(server, big);
  await until("the second is refused", () => second.received.startsWith("HTTP/1.1 429"));
  expect((await server.post("/v1/track", event)).status).toBe(200);
  first.socket.destroy();
  second.socket.destroy();
});

test("300 connections at a file limit of 256: all are served, and the server lives on", async () => {
  await using server = await startServer({
    program: ["/bin/sh", "-c", 'ulimit -n 256; exec "$@"', "sh", ...program],
  });
  const connections = Array.from({ length: 300 }, () => open(server, post()));
  await until(
    "everybody has an answer",
    () => connections.every(({ received }) => received.startsWith("HTTP/1.1 ")),
    30_000,
  );
  const statuses = new Set(connections.map(({ received }) => received.slice(9, 12)));
  expect([...statuses].filter((status) => status !== "200" && status !== "429")).toEqual([]);
  for (const { socket } of connections) socket.destroy();
  await until("new clients are served", async () => (await server.post("/v1/track", event)).status === 200);
  expect(await server.stop()).toBe(0);
}, 60_000);

test("beyond the limit on connections: the idle ones are closed", async () => {
  await using server = await startServer({ args: ["--max-connections", "50"] });
  const idle = Array.from({ length: 120 }, () => open(server, post()));
  await until("idle ones are closed", () => idle.filter(({ isClosed }) => isClosed).length >= 70);
  expect((await server.post("/v1/track", event)).status).toBe(200);
  for (const { socket } of idle) socket.destroy();
});

test("a body that never comes whole does not stay for ever", async () => {
  await using server = await startServer({ args: ["--request-timeout", "1s", "--idle-timeout", "20s"] });
  const dripping = open(server, unfinished);
  await until("it is ended", () => dripping.isClosed || /^HTTP\/1\.1 4\d\d/.test(dripping.received));
  dripping.socket.destroy();
  await until("nothing is left inside", async () =>
    /in_flight_requests 1\n/.test(await (await fetch(`${server.origin}/metrics`)).text()),
  );
});

test.each([
  ["with its length", {}],
  ["in chunks", { chunked: true }],
])("a body larger than any path takes is 413 in our words, %s", async (_name, how) => {
  await using server = await startServer();
  const bytes = new Uint8Array(5 * 1024 * 1024).fill(0x20);
  const body =
    "chunked" in how
      ? new ReadableStream({ pull: (controller) => (controller.enqueue(bytes), controller.close()) })
      : bytes;
  const answer = await fetch(`${server.origin}/v1/track`, {
    method: "POST",
    body,
    headers: { "X-Write-Key": server.writeKey },
  });
  expect([answer.status, await answer.json()]).toEqual([
    413,
    expect.objectContaining({ error: expect.objectContaining({ code: "too_large" }) }),
  ]);
});

test("whoever is refused hears it, however much it was sending", async () => {
  await using server = await startServer();
  const bytes = 16 * 1024 * 1024;
  const head = `POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${testKeys.secretKey}\r\nContent-Length: ${bytes}\r\n\r\n`;
  const connections = Array.from({ length: 4 }, () => open(server, head + " ".repeat(bytes)));
  await until("all have an answer or nothing", () =>
    connections.every(({ received, isClosed }) => isClosed || received.endsWith("}}")),
  );
  expect(connections.map(({ received }) => received.slice(0, 12))).toEqual(
    connections.map(() => "HTTP/1.1 413"),
  );
  for (const { socket } of connections) socket.write(`GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await until("the connections live on", () =>
    connections.every(({ received }) => received.includes("HTTP/1.1 200")),
  );
  for (const { socket } of connections) socket.destroy();
}, 30_000);
