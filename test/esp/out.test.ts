import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startServer, type TestServer } from "../support/server.ts";
import { openFeed, type SseFrame } from "../support/feedClient.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const bearer = () => ({ Authorization: `Bearer ${server.secretKey}` });
const changesOf = (found: readonly SseFrame[]) =>
  found.map(({ data }) => (JSON.parse(data) as { event: { messageId: string } }).event.messageId);

async function track(userId: string, messageId: string, event = "Seen"): Promise<void> {
  expect((await server.post("/v1/track", { userId, event, messageId })).status).toBe(200);
}

async function frames(
  path: string,
  count: number,
  headers: Record<string, string> = {},
): Promise<SseFrame[]> {
  await using feed = await openFeed(`${server.origin}${path}`, { ...bearer(), ...headers });
  const found: SseFrame[] = [];
  while (found.length < count) {
    const frame = await feed.next();
    if (frame === null) break;
    found.push(frame);
  }
  return found;
}

async function cursorNow(): Promise<string> {
  return ((await (await server.get("/v1/changes")).json()) as { nextCursor: string }).nextCursor;
}

describe("a profile read", () => {
  test("shows at once what was answered, by every identifier, and 304 while it is the same", async () => {
    await server.post("/v1/identify", {
      userId: "r1",
      anonymousId: "ra1",
      traits: { email: "Ann@Example.com", firstName: "Ann" },
    });
    const first = await server.get("/v1/profiles/user_id:r1");
    const body = (await first.json()) as { traits: unknown; identifiers: unknown };
    expect(body.traits).toEqual({ email: "Ann@Example.com", firstName: "Ann" });
    expect(body.identifiers).toEqual([
      { type: "user_id", value: "r1" },
      { type: "email", value: "ann@example.com" },
      { type: "anonymous_id", value: "ra1" },
    ]);
    const etag = first.headers.get("etag") ?? "";
    for (const id of ["user_id:r1", "anonymous_id:ra1", "email:ANN%40example.com"]) {
      expect(
        (await server.get(`/v1/profiles/${id}`, { ...bearer(), "If-None-Match": `W/${etag}, "other"` }))
          .status,
      ).toBe(304);
    }
    await server.post("/v1/identify", { userId: "r1", traits: { firstName: "Bo" } });
    const second = await server.get("/v1/profiles/user_id:r1", { ...bearer(), "If-None-Match": etag });
    expect(second.status).toBe(200);
    expect(((await second.json()) as { traits: { firstName: string } }).traits.firstName).toBe("Bo");
  });

  test("is never stale on the heels of a post", async () => {
    for (let turn = 0; turn < 300; turn += 1) {
      await server.post("/v1/identify", { userId: "r2", traits: { turn } });
      const body = (await (await server.get("/v1/profiles/user_id:r2")).json()) as {
        traits: { turn: number };
      };
      expect(body.traits.turn).toBe(turn);
    }
  });

  test("refuses what it should", async () => {
    expect((await server.get("/v1/profiles/user_id:r1", {})).status).toBe(401);
    expect(
      (await server.get("/v1/profiles/user_id:r1", { Authorization: `Bearer ${server.writeKey}` })).status,
    ).toBe(403);
    expect((await server.get("/v1/profiles/shoe_size:42")).status).toBe(400);
    expect((await server.get("/v1/profiles/user_id:nobody")).status).toBe(404);
    expect((await server.get(`/v1/profiles/user_id:${"x".repeat(513)}`)).status).toBe(400);
    expect((await server.get("/v1/profiles/user_id:%ff")).status).toBe(400);
  });

  test("in batches keeps the order and names the misses", async () => {
    const answer = await server.post(
      "/v1/profiles/batch",
      { ids: ["user_id:nobody", "user_id:r1"] },
      bearer(),
    );
    const { profiles } = (await answer.json()) as {
      profiles: { id?: string; error?: { code: string }; profileId?: string }[];
    };
    expect(profiles[0]).toMatchObject({ id: "user_id:nobody", error: { code: "profile_not_found" } });
    expect(profiles[1]?.profileId).toMatch(/^prf_[0-9A-Z]{8}$/);
    expect(
      (
        await server.post(
          "/v1/profiles/batch",
          { ids: Array.from({ length: 1_001 }, () => "user_id:r1") },
          bearer(),
        )
      ).status,
    ).toBe(413);
  });

  test("of history pages through all events, across a merge", async () => {
    for (let at = 0; at < 7; at += 1)
      await server.post("/v1/track", { anonymousId: "ra3", event: "Seen", messageId: `h-a${at}` });
    for (let at = 0; at < 7; at += 1) await track("r3", `h-u${at}`);
    await server.post("/v1/identify", { userId: "r3", anonymousId: "ra3", messageId: "h-join" });
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const page = (await (
        await server.get(`/v1/profiles/user_id:r3/events?limit=4${cursor === "" ? "" : `&cursor=${cursor}`}`)
      ).json()) as {
        events: { messageId: string }[];
        nextCursor: string | null;
      };
      seen.push(...page.events.map(({ messageId }) => messageId));
      cursor = page.nextCursor;
    }
    expect(seen).toHaveLength(15);
    expect(new Set(seen).size).toBe(15);
    expect(seen[0]).toBe("h-join");
    const trace = (await (await server.get("/v1/events/h-a0")).json()) as { events: { folded: boolean }[] };
    expect(trace.events[0]?.folded).toBe(true);
  });
});

describe("the feed", () => {
  test("resumes behind every frame without a gap or a repeat", async () => {
    const start = await cursorNow();
    const sent = Array.from({ length: 8 }, (_, at) => `f1-${at}`);
    for (const messageId of sent) await track("f1", messageId);
    const all = await frames(`/v1/feed?cursor=${start}`, sent.length);
    expect(changesOf(all)).toEqual(sent);
    for (const [at, frame] of all.entries()) {
      if (at === sent.length - 1) break;
      const rest = await frames("/v1/feed?cursor=earliest", sent.length - 1 - at, {
        "Last-Event-ID": frame.id,
      });
      expect(changesOf(rest)).toEqual(sent.slice(at + 1));
    }
  });

  test("takes a snapshot, then goes on without a gap", async () => {
    await track("f2", "f2-before");
    await using feed = await openFeed(`${server.origin}/v1/feed?snapshot=true`, bearer());
    const profiles: string[] = [];
    let frame = await feed.next();
    for (; frame?.event === "snapshot"; frame = await feed.next())
      profiles.push((JSON.parse(frame.data) as { profileId: string }).profileId);
    expect(frame?.event).toBe("live");
    expect(new Set(profiles).size).toBe(profiles.length);
    await track("f2", "f2-after");
    const change = await feed.next();
    expect(change === null ? [] : changesOf([change])).toEqual(["f2-after"]);
  });

  test("says reset for a cursor of another journal, and refuses a malformed one", async () => {
    const lost = await frames("/v1/feed?cursor=99999.5&snapshot=true", 1);
    expect(lost.map(({ event }) => event)).toEqual(["reset"]);
    const [reset] = await frames("/v1/feed?cursor=99999.5", 1);
    expect(reset?.event).toBe("reset");
    await track("f6", "f6-after-reset");
    const [next] = await frames(`/v1/feed?cursor=${reset?.id ?? ""}`, 1);
    expect(next === undefined ? [] : changesOf([next])).toEqual(["f6-after-reset"]);
    expect((await server.get("/v1/feed?cursor=nonsense")).status).toBe(400);
    expect((await server.get("/v1/changes?cursor=99999.5")).status).toBe(410);
    expect((await server.get("/v1/changes?cursor=nonsense")).status).toBe(400);
  });

  test("shows only what a filter asks for", async () => {
    const start = await cursorNow();
    await track("f3", "f3-track");
    await server.post("/v1/identify", {
      userId: "f3",
      messageId: "f3-plan",
      traits: { plan: "pro", city: "Rome" },
    });
    const [change] = await frames(`/v1/feed?cursor=${start}&traits=plan`, 1);
    expect(JSON.parse(change?.data ?? "{}")).toMatchObject({
      event: { messageId: "f3-plan" },
      traits: { plan: { old: null, new: "pro" } },
    });
    expect(change?.data).not.toContain("Rome");
  });

  test("can't be forged by an event's name", async () => {
    const start = await cursorNow();
    for (const name of ["a\nid: 9.9\nevent: reset\ndata: {}\n\n", "b\r\ndata: x\r\r", "c\u2028d"]) {
      await server.post("/v1/track", { userId: "f4", event: name, messageId: `f4-${name.length}` });
    }
    const all = await frames(`/v1/feed?cursor=${start}`, 3);
    expect(all.map(({ event }) => event)).toEqual(["change", "change", "change"]);
    expect((JSON.parse(all[0]?.data ?? "{}") as { event: { name: string } }).event.name).toContain(
      "\nid: 9.9\n",
    );
  });

  test("is the same over a WebSocket and by long poll", async () => {
    const start = await cursorNow();
    await track("f5", "f5-a");
    await track("f5", "f5-b");
    const overSse = (await frames(`/v1/feed?cursor=${start}`, 2)).map(
      ({ data }) => JSON.parse(data) as unknown,
    );
    const polled = (await (await server.get(`/v1/changes?cursor=${start}`)).json()) as {
      changes: unknown[];
      nextCursor: string;
    };
    expect(polled.changes).toEqual(overSse);
    const socket = new WebSocket(`${server.origin.replace("http", "ws")}/v1/feed/ws?cursor=${start}`, {
      headers: bearer(),
    });
    const overSocket: unknown[] = [];
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("error", () => reject(new Error("the socket failed")));
      socket.addEventListener("message", ({ data }) => {
        const message = JSON.parse(String(data)) as { event: string; data: unknown };
        if (message.event === "change") overSocket.push(message.data);
        if (overSocket.length === 2) resolve();
      });
    });
    socket.close();
    expect(overSocket).toEqual(overSse);
  });
});
