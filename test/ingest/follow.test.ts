import { describe, expect, test } from "bun:test";
import { Follower, type FollowedStream } from "../../src/ingest/follow.ts";
import { unpackLines } from "../../src/ingest/lines.ts";
import { seededIds } from "../../src/lib/id.ts";
import { silentLog } from "../../src/lib/log.ts";
import { FakeClock } from "../support/fakeClock.ts";
import { ManualTimers } from "../support/manualTimers.ts";
import { until } from "../support/until.ts";
import { MemoryAccept } from "./ingestServer.ts";

type Answer = (request: Request) => Response;

const silentTicks = 31;
const connectTicks = 4;
const event = (name: string) => JSON.stringify({ type: "track", event: name, userId: "1", messageId: name });
const sse = (id: string, data: string) => `id: ${id}\ndata: ${data}\n\n`;

function streamOf(text: string, { ends = false } = {}): Answer {
  return () => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode(text));
        if (ends) controller.close();
      },
    });
    return new Response(body, { headers: { "Content-Type": "text/event-stream; charset=utf-8" } });
  };
}

const status =
  (code: number, headers: Record<string, string> = {}) =>
  () =>
    new Response(code === 204 ? null : "no", { status: code, headers });

/** Another server that gives its answers one after the other, and a follower of it. */
function follow(
  answers: readonly Answer[],
  options: {
    readonly lastEventId?: string;
    readonly stream?: Partial<FollowedStream>;
    readonly credentials?: string;
  } = {},
) {
  const requests: { readonly path: string; readonly headers: Headers }[] = [];
  const left = [...answers];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      requests.push({ path: new URL(request.url).pathname, headers: request.headers });
      return left.shift()?.(request) ?? streamOf(": nothing more\n")(request);
    },
  });
  const accept = new MemoryAccept();
  const timers = new ManualTimers();
  const clock = new FakeClock();
  const follower = new Follower(
    {
      source: "prices",
      namespace: "live",
      trusted: true,
      url: `http://${options.credentials ?? ""}127.0.0.1:${server.port}/stream?token=t`,
      ...options.stream,
    },
    {
      accept,
      timers,
      clock,
      ids: seededIds(3),
      log: silentLog,
      lastEventId: () => options.lastEventId ?? null,
    },
  );
  follower.start();
  return {
    accept,
    timers,
    clock,
    follower,
    requests,
    names: () => accept.events.map(({ event: { name } }) => name),
    /** Lets the wait before the next connection end. */
    again: async () => {
      await until("it waits", () => follower.status().state === "waiting" && timers.delaysMs.length === 1);
      timers.fire();
    },
    [Symbol.asyncDispose]: async () => {
      await follower.stop();
      await server.stop(true);
    },
  };
}

test("each event comes in with its source, and its id goes with it", async () => {
  await using followed = follow([streamOf(sse("a", event("1")) + sse("b", event("2")))]);
  const { accept, requests, names } = followed;
  await until("both came", () => accept.events.length === 2);
  expect(names()).toEqual(["1", "2"]);
  expect(accept.frames.map(({ body }) => unpackLines(body).lastEventId).at(-1)).toBe("b");
  expect(accept.frames[0]).toMatchObject({
    source: "prices",
    trusted: true,
    namespace: "live",
    lane: "live",
  });
  expect(requests[0]?.headers.get("accept")).toBe("text/event-stream");
  expect(requests[0]?.headers.has("last-event-id")).toBe(false);
  expect(requests[0]?.headers.has("authorization")).toBe(false);
  expect(followed.follower.status()).toMatchObject({ state: "connected", failing: null, retries: 0 });
});

test("a bad event is quarantined, and what comes after it is taken", async () => {
  const long = event("x".repeat(40_000));
  const pretty = JSON.stringify(JSON.parse(event("pretty")), null, 2).replaceAll("\n", "\ndata: ");
  const text =
    sse("1", "nonsense") + sse("2", long) + sse("3", '"x') + sse("4", pretty) + sse("5", event("last"));
  await using followed = follow([streamOf(text)]);
  await until("the last came", () => followed.names().includes("last"));
  expect(followed.names()).toEqual(["pretty", "last"]);
  expect(followed.accept.quarantined.map(({ error }) => error.code)).toEqual([
    "invalid_json",
    "too_large",
    "invalid_json",
  ]);
});

describe("resuming", () => {
  test("begins where the journal says", async () => {
    await using followed = follow([], { lastEventId: "prix-é-7" });
    await until("it asked", () => followed.requests.length === 1);
    const sent = followed.requests[0]?.headers.get("last-event-id") ?? "";
    expect(Buffer.from(sent, "latin1").toString("utf8")).toBe("prix-é-7");
  });

  test("goes on behind the last event that was taken", async () => {
    await using followed = follow([
      streamOf(`retry: 40\n\n${sse("1", event("1"))}${sse("2", event("2"))}id: 3\ndata: half`, {
        ends: true,
      }),
      streamOf(sse("3", event("3"))),
    ]);
    await followed.again();
    await until("the third came", () => followed.accept.events.length === 3);
    expect(followed.requests[1]?.headers.get("last-event-id")).toBe("2");
    expect(followed.names()).toEqual(["1", "2", "3"]);
    expect(followed.follower.status()).toMatchObject({ state: "connected", retries: 1 });
  });

  test("an id that the other side takes back is not sent any more", async () => {
    await using followed = follow(
      [streamOf(`${sse("1", event("1"))}id\ndata: ${event("2")}\n\n`, { ends: true })],
      {
        lastEventId: "0",
      },
    );
    await followed.again();
    await until("it asked again", () => followed.requests.length === 2);
    expect(followed.requests[1]?.headers.has("last-event-id")).toBe(false);
  });
});

describe("what is no stream", () => {
  test.each([
    ["it answered 500", status(500)],
    ["it answered 401", status(401)],
    ["it answered 301", status(301, { Location: "/elsewhere" })],
    [
      "the answer is no event stream",
      () => new Response("{}", { headers: { "Content-Type": "application/json" } }),
    ],
    ["the server ended it", streamOf("", { ends: true })],
  ] as const)("is asked again later: %s", async (why, answer) => {
    await using followed = follow([answer, streamOf(sse("1", event("1")))]);
    await until("it waits", () => followed.follower.status().state === "waiting");
    expect(followed.follower.status()).toMatchObject({ failing: why, retries: 1 });
    expect(followed.requests.map(({ path }) => path)).toEqual(["/stream"]);
    await followed.again();
    await until("the event came", () => followed.accept.events.length === 1);
    expect(followed.follower.status().failing).toBeNull();
  });

  test("waits longer each time, but never less than the stream asked for", async () => {
    await using followed = follow([
      streamOf("retry: 5000\n\n", { ends: true }),
      ...Array.from({ length: 9 }, () => status(503)),
    ]);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 10; attempt += 1) {
      await until("it waits", () => followed.timers.delaysMs.length === 1);
      waits.push(...followed.timers.delaysMs);
      await followed.again();
    }
    expect(waits.every((waitMs) => waitMs >= 5_000 && waitMs <= 65_000)).toBe(true);
    expect(Math.max(...waits.slice(6))).toBeGreaterThan(Math.max(...waits.slice(0, 3)));
  });

  test("204 means that there is nothing more", async () => {
    await using followed = follow([status(204)]);
    await until("it is over", () => followed.follower.status().state === "over");
    expect(followed.timers.delaysMs).toEqual([]);
    expect(followed.follower.status().failing).toBeNull();
  });

  test("a server that is not there is said", async () => {
    await using followed = follow([], { stream: { url: "http://127.0.0.1:1/stream" } });
    await until("it waits", () => followed.follower.status().state === "waiting");
    expect(followed.follower.status().failing).toBe("ECONNREFUSED");
  });
});

test("a user and a password in the URL go as such, and are never shown", async () => {
  await using followed = follow([], { credentials: "ann:p%40ss@" });
  await until("it asked", () => followed.requests.length === 1);
  expect(followed.requests[0]?.headers.get("authorization")).toBe(`Basic ${btoa("ann:p@ss")}`);
  expect(followed.follower.status().url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/stream$/);
});

describe("silence", () => {
  test("on an open stream ends it, and it is asked anew", async () => {
    await using followed = follow([streamOf(sse("1", event("1")))]);
    await until("it came", () => followed.accept.events.length === 1);
    await followed.timers.tick(silentTicks);
    await followed.again();
    await until("it asked again", () => followed.requests.length === 2);
    expect(followed.requests[1]?.headers.get("last-event-id")).toBe("1");
  });

  test("instead of an answer is waited for less long", async () => {
    const pending = new Promise<Response>(() => {});
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => pending });
    await using followed = follow([], { stream: { url: `http://127.0.0.1:${server.port}/` } });
    await until("it asked", () => server.pendingRequests === 1);
    await followed.timers.tick(connectTicks);
    await until("it waits", () => followed.follower.status().state === "waiting");
    expect(followed.follower.status().failing).toBe("no answer in time");
    await server.stop(true);
  });
});

describe("a writer that can't take it now", () => {
  test("is asked again with the same events, and nothing more is read meanwhile", async () => {
    await using followed = follow([streamOf(sse("1", event("1")))]);
    followed.accept.unavailable = { kind: "unavailable", code: "disk_full", retryAfterSeconds: 5 };
    await until("it waits", () => followed.timers.delaysMs.length === 1);
    expect(followed.timers.delaysMs).toEqual([5_000]);
    followed.accept.unavailable = null;
    followed.timers.fire();
    await until("it came", () => followed.accept.events.length === 1);
  });

  test("because it is about to end leaves the id where it was", async () => {
    await using followed = follow([streamOf(sse("1", event("1")))]);
    followed.accept.unavailable = { kind: "unavailable", code: "draining", retryAfterSeconds: 5 };
    await until("it asked", () => followed.requests.length === 1);
    await followed.follower.stop();
    expect(followed.follower.status().state).toBe("stopped");
    expect(followed.accept.frames).toEqual([]);
  });
});

test("a flood is read no faster than it is taken in", async () => {
  let sent = 0;
  const line = new TextEncoder().encode(sse("1", event("flood")).repeat(200));
  const flood: Answer = () =>
    new Response(
      new ReadableStream<Uint8Array>({
        pull: (controller) => {
          sent += line.length;
          controller.enqueue(line);
        },
      }),
      { headers: { "Content-Type": "text/event-stream" } },
    );
  await using followed = follow([flood]);
  followed.accept.unavailable = { kind: "unavailable", code: "overloaded", retryAfterSeconds: 1 };
  await until("it waits", () => followed.timers.delaysMs.length === 1);
  for (let still = 0, before = -1; still < 20; still += 1) {
    if (sent !== before) still = 0;
    before = sent;
    await Bun.sleep(10);
  }
  expect(sent).toBeLessThan(64 * 1024 * 1024);
});
