import { describe, expect, test } from "bun:test";
import { createGzip, gzipSync, constants } from "node:zlib";
import { StreamClient } from "../support/streamClient.ts";
import { until } from "../support/until.ts";
import { basic, gzipped, keyTexts, startIngest, track, type IngestServer } from "./ingestServer.ts";

const serverKey = { "X-Write-Key": keyTexts.server };
const browserKey = { "X-Write-Key": keyTexts.browser };
const event = (messageId: string) => ({ type: "track", ...track, messageId });
const overloaded = { kind: "unavailable", code: "overloaded", retryAfterSeconds: 1 } as const;
const idleBeats = 31;

test("each line is answered while the stream is open, in order, by its number", async () => {
  await using server = startIngest();
  const client = new StreamClient(server.origin, serverKey);
  client.send(event("m-1"));
  expect(await client.answered(1)).toEqual([{ line: 1, ok: true }]);
  expect(client.status).toBe(200);
  expect(client.header("content-type")).toStartWith("application/x-ndjson");
  client.send("", event("m-2"), event("m-3"));
  client.write(JSON.stringify(event("m-4")));
  client.end();
  await client.closed();
  expect(client.answers.map(({ line, ok }) => `${line} ${ok}`)).toEqual([
    "1 true",
    "3 true",
    "4 true",
    "5 true",
  ]);
  expect(client.ending).toBe("ended");
  expect(server.accept.events.map(({ event: { messageId } }) => messageId)).toEqual([
    "m-1",
    "m-2",
    "m-3",
    "m-4",
  ]);
  expect(server.streams.size).toBe(0);
});

test("events of one instant keep the order of their lines", async () => {
  await using server = startIngest();
  const client = new StreamClient(server.origin, serverKey);
  client.send(event("z"), event("y"));
  await client.answered(2);
  client.send(event("x"));
  await client.answered(3);
  expect(server.accept.events.map(({ event: { messageId, index } }) => [messageId, index])).toEqual([
    ["z", 0],
    ["y", 1],
    ["x", 2],
  ]);
  client.destroy();
});

test("one bad line is quarantined and said, and the others are taken", async () => {
  await using server = startIngest();
  const long = JSON.stringify({ ...event("long"), properties: { text: "x".repeat(40_000) } });
  const bad: readonly (readonly [line: string | Uint8Array, code: string])[] = [
    ["nonsense", "invalid_json"],
    [JSON.stringify(event("a")) + JSON.stringify(event("b")), "invalid_json"],
    [`${JSON.stringify(event("c"))}],"x":[0`, "invalid_json"],
    [`\uFEFF${JSON.stringify(event("d"))}`, "invalid_json"],
    [new Uint8Array([0x7b, 0xff, 0x7d]), "invalid_json"],
    ["[1]", "invalid_event"],
    ["7", "invalid_event"],
    [JSON.stringify({ ...event("e"), type: "purchase" }), "invalid_event"],
    [JSON.stringify({ ...event("f"), userId: undefined }), "missing_id"],
    [JSON.stringify({ ...event("g"), userId: "x".repeat(600) }), "id_too_long"],
    ['{"type":"track","event":"E","userId":"1","properties":{"__proto__":1}}', "forbidden_key"],
    ['{"type":"track","event":"E","userId":"1","userId":"2"}', "forbidden_key"],
    [
      `{"type":"track","event":"E","userId":"1","properties":${'{"a":'.repeat(40)}1${"}".repeat(41)}`,
      "too_deep",
    ],
    [long, "too_large"],
    [`{"a":"${"y".repeat(2_000_000)}"}`, "too_large"],
  ];
  const client = new StreamClient(server.origin, serverKey);
  for (const [at, [line]] of bad.entries()) {
    client.write(line);
    client.send("", event(`good-${at}`));
  }
  client.end();
  await client.closed();
  expect(client.answers.filter((_, at) => at % 2 === 0).map(({ ok, error }) => [ok, error?.code])).toEqual(
    bad.map(([, code]) => [false, code]),
  );
  expect(client.answers.filter((_, at) => at % 2 === 1).every(({ ok }) => ok === true)).toBe(true);
  expect(client.answers.map(({ line }) => line)).toEqual(bad.flatMap((_, at) => [at * 2 + 1, at * 2 + 2]));
  expect(server.accept.quarantined).toHaveLength(bad.length);
  expect(client.answers[0]?.quarantineId).toBe("qrn_1");
  expect(server.accept.events).toHaveLength(bad.length);
});

test("a line that was begun when the client broke off counts for nothing", async () => {
  await using server = startIngest();
  const client = new StreamClient(server.origin, serverKey);
  client.send(event("whole"));
  client.write('{"type":"track"');
  await client.answered(1);
  client.destroy();
  await until("the stream is gone", () => server.streams.size === 0);
  expect(server.accept.events).toHaveLength(1);
  expect(server.accept.quarantined).toEqual([]);
});

describe("keys", () => {
  test.each([
    [401, {}, ""],
    [401, { "X-Write-Key": keyTexts.revoked }, ""],
    [403, { Authorization: `Bearer ${keyTexts.reader}` }, ""],
    [200, { Authorization: basic(keyTexts.secret) }, ""],
    [200, {}, `?writeKey=${keyTexts.server}`],
  ] as const)("answer %d to %j %s", async (status, headers, query) => {
    await using server = startIngest();
    const client = new StreamClient(server.origin, headers, `/v1/stream${query}`);
    client.end();
    await client.closed();
    expect(client.status).toBe(status);
  });

  test("are looked for in the query while the stream is open, too", async () => {
    await using server = startIngest();
    const client = new StreamClient(server.origin, {}, `/v1/stream?writeKey=${keyTexts.browser}`);
    for (let line = 1; line <= 3; line += 1) {
      client.send(event(`m-${line}`));
      await client.answered(line);
    }
    expect(server.accept.frames.map(({ source }) => source)).toEqual(["web", "web", "web"]);
    client.destroy();
  });

  test("say who the events are from", async () => {
    await using server = startIngest();
    const client = new StreamClient(server.origin, browserKey);
    client.send(event("m-1"));
    client.end();
    await client.closed();
    expect(
      server.accept.frames.map(({ source, trusted, namespace }) => [source, trusted, namespace]),
    ).toEqual([["web", false, "live"]]);
  });

  test("that are revoked end their stream before the next line", async () => {
    await using server = startIngest();
    const client = new StreamClient(server.origin, serverKey);
    client.send(event("m-1"));
    await client.answered(1);
    server.keys.replace([]);
    client.send(event("m-2"));
    await client.closed();
    expect(client.answers[1]?.error?.code).toBe("unauthorized");
    expect(client.ending).toBe("ended");
    expect(server.accept.events).toHaveLength(1);
  });
});

describe("what can't be taken now", () => {
  test("waits while the writer is busy, and is not refused", async () => {
    await using server = startIngest();
    const client = new StreamClient(server.origin, serverKey);
    server.accept.unavailable = overloaded;
    client.send(event("m-1"), event("m-2"));
    await until("the stream waits", () => server.timers.delaysMs.length === 1);
    expect(server.timers.delaysMs).toEqual([1_000]);
    server.accept.unavailable = null;
    server.timers.fire();
    expect((await client.answered(2)).every(({ ok }) => ok === true)).toBe(true);
    client.destroy();
  });

  test("waits until a browser's rate allows it", async () => {
    await using server = startIngest({ rate: { eventsPerSecond: 10, burstEvents: 10 } });
    const client = new StreamClient(server.origin, browserKey);
    client.send(...Array.from({ length: 40 }, (_, at) => event(`a-${at}`)));
    await client.answered(40);
    client.send(event("late"));
    await until("the stream waits", () => server.timers.delaysMs.length === 1);
    expect(server.timers.delaysMs).toEqual([3_000]);
    server.clock.advance(3_100);
    server.timers.fire();
    await client.answered(41);
    expect(server.accept.events).toHaveLength(41);
    client.destroy();
  });

  test.each(["disk_full", "draining"] as const)("for %s ends the stream and says so", async (code) => {
    await using server = startIngest();
    const client = new StreamClient(server.origin, serverKey);
    server.accept.unavailable = { kind: "unavailable", code, retryAfterSeconds: 5 };
    client.send(event("m-1"));
    await client.closed();
    expect(client.answers.map(({ ok, error }) => [ok, error?.code])).toEqual([[undefined, code]]);
    expect(client.ending).toBe("ended");
  });

  test("is a stream too many", async () => {
    await using server = startIngest({ maxStreams: 1 });
    const first = new StreamClient(server.origin, serverKey);
    await until("the first is open", () => first.status === 200);
    const second = new StreamClient(server.origin, serverKey);
    await second.closed();
    expect(second.status).toBe(429);
    expect(second.header("retry-after")).toBe("1");
    first.destroy();
  });

  test("at the end of the server: what is under way is answered, then it says so", async () => {
    await using server = startIngest();
    const client = new StreamClient(server.origin, serverKey);
    client.send(event("m-1"));
    await client.answered(1);
    server.streams.end();
    await client.closed();
    expect(client.answers.map(({ line, error }) => line ?? error?.code)).toEqual([1, "draining"]);
    const late = new StreamClient(server.origin, serverKey);
    await late.closed();
    expect(late.status).toBe(429);
  });
});

describe("a quiet stream", () => {
  test("is kept alive by blank lines", async () => {
    await using server = startIngest();
    const client = new StreamClient(server.origin, serverKey);
    await until("it is open", () => client.heartbeats === 1);
    await server.timers.tick();
    await until("another blank line came", () => client.heartbeats === 2);
    client.send(event("m-1"));
    await client.answered(1);
    client.destroy();
  });

  test("is ended after a long time, said by a last line", async () => {
    await using server = startIngest();
    const client = new StreamClient(server.origin, serverKey);
    client.send(event("m-1"));
    await client.answered(1);
    await server.timers.tick(idleBeats);
    await client.closed();
    expect(client.answers[1]?.error?.code).toBe("invalid_request");
    expect(client.ending).toBe("ended");
    expect(server.streams.size).toBe(0);
  });
});

describe("a client that reads no answers", () => {
  /** Sends until nothing moves any more since every buffer in between is full; gives how many lines were sent. */
  async function jam(server: IngestServer, client: StreamClient): Promise<number> {
    client.send(event("first"));
    await client.answered(1);
    client.pause();
    let sent = 1;
    for (let still = 0; still < 20; still += 1) {
      const before = server.accept.events.length;
      while (client.unsentBytes < 1024 * 1024) {
        client.send(...Array.from({ length: 100 }, (_, at) => event(`jam-${sent + at}`)));
        sent += 100;
      }
      await Bun.sleep(10);
      if (server.accept.events.length > before) still = 0;
    }
    return sent;
  }

  test("is not read from either, and delays nobody else", async () => {
    await using server = startIngest();
    const lazy = new StreamClient(server.origin, serverKey);
    const sent = await jam(server, lazy);
    const taken = server.accept.events.length;
    expect(taken).toBeLessThan(sent);
    const other = new StreamClient(server.origin, serverKey);
    other.send(event("other"));
    await other.answered(1);
    expect(server.accept.events).toHaveLength(taken + 1);
    lazy.resume();
    lazy.end();
    await lazy.closed();
    expect(lazy.answers).toHaveLength(sent);
    other.destroy();
  }, 60_000);

  test("does not hold up the end", async () => {
    await using server = startIngest();
    const lazy = new StreamClient(server.origin, serverKey);
    await jam(server, lazy);
    const taken = server.accept.events.length;
    server.streams.end();
    await until("the stream has left", () => server.streams.size === 0);
    lazy.resume();
    await until("it has read why", () => lazy.answers.at(-1)?.error?.code === "draining");
    expect(lazy.answers.slice(0, -1)).toHaveLength(taken);
    lazy.end();
    await lazy.closed();
    expect(lazy.ending).toBe("ended");
  }, 60_000);

  test("and does not go when the stream ends is left alone after a while", async () => {
    await using server = startIngest();
    const lazy = new StreamClient(server.origin, serverKey);
    await jam(server, lazy);
    server.streams.end();
    await until("the stream has left", () => server.streams.size === 0);
    let isClosed = false;
    const closed = server.streams.closed().then(() => {
      isClosed = true;
    });
    await server.timers.tick();
    expect(isClosed).toBe(false);
    server.timers.fire();
    await closed;
    lazy.destroy();
  }, 60_000);
});

describe("gzip", () => {
  const headers = { ...serverKey, "Content-Encoding": "gzip" };

  test("is inflated as it comes", async () => {
    await using server = startIngest();
    const client = new StreamClient(server.origin, headers);
    const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH });
    gzip.on("data", (chunk: Uint8Array) => client.write(chunk));
    gzip.write(`${JSON.stringify(event("m-1"))}\n`);
    expect(await client.answered(1)).toEqual([{ line: 1, ok: true }]);
    gzip.on("end", () => client.end());
    gzip.end(`${JSON.stringify(event("m-2"))}\n`);
    await client.closed();
    expect(client.answers).toHaveLength(2);
    expect(client.ending).toBe("ended");
  });

  test.each([
    ["is no gzip", new TextEncoder().encode(JSON.stringify(event("m-1")))],
    ["is cut short", gzipped(`${JSON.stringify(event("m-1"))}\n`).subarray(0, -9)],
    ["inflates a thousandfold", new Uint8Array(gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20)))],
  ])("that %s ends the stream and says so", async (_what, body) => {
    await using server = startIngest();
    const client = new StreamClient(server.origin, headers);
    client.write(body);
    client.end();
    await client.closed();
    expect(client.answers.at(-1)?.error?.code).toBe("invalid_json");
  });

  test("is the only encoding", async () => {
    await using server = startIngest();
    const client = new StreamClient(server.origin, { ...serverKey, "Content-Encoding": "br" });
    client.end();
    await client.closed();
    expect(client.status).toBe(415);
  });
});
