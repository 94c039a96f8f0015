/** The feed as long poll. */
import { describe, expect, test } from "bun:test";
import { until } from "../support/until.ts";
import { OutServer } from "./outServer.ts";

interface Answer {
  readonly changes: readonly { readonly version: number; readonly traits: unknown }[];
  readonly snapshots?: readonly { readonly profileId: string }[];
  readonly nextCursor: string;
}

async function poll(server: OutServer, query: string): Promise<Answer> {
  const response = await server.fetch(`/v1/changes${query}`);
  expect([response.status, response.headers.get("cache-control")]).toEqual([200, "no-store"]);
  return (await response.json()) as Answer;
}

function served(count: number): OutServer {
  const server = new OutServer();
  for (let index = 1; index <= count; index += 1) {
    server.store.clock.advance(1);
    server.store.send({ userId: `u-${index}`, traits: { index } });
  }
  return server;
}

/** Follows the cursors until nothing more comes. */
async function follow(server: OutServer, first: string, query = ""): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let cursor = first; ;) {
    const pending = poll(server, `?cursor=${cursor}${query}`);
    const answer = await settled(server, pending);
    if (answer.nextCursor === cursor && answer.changes.length === 0) return answers;
    answers.push(answer);
    cursor = answer.nextCursor;
  }
}

/** The answer, whose wait is ended as soon as it begins. */
async function settled(server: OutServer, pending: Promise<Answer>): Promise<Answer> {
  let answer: Answer | null = null;
  const done = pending.then((came) => {
    answer = came;
  });
  await until("an answer", () => {
    server.timers.fire();
    return answer;
  });
  await done;
  return pending;
}

describe("a poll", () => {
  test("gives what is there, and where to go on", async () => {
    await using server = served(3);
    const answer = await poll(server, "?cursor=3.1");
    expect(answer).toMatchObject({ changes: [{ version: 2 }, { version: 3 }], nextCursor: "3.3" });
    expect(Object.keys(answer)).toEqual(["changes", "nextCursor"]);
  });

  test("without a cursor is from now: it gives the cursor of now", async () => {
    await using server = served(3);
    expect(await settled(server, poll(server, ""))).toEqual({ changes: [], nextCursor: "3.3" });
  });

  test("takes no more than its limit, and loses nothing to it", async () => {
    await using server = served(23);
    expect((await poll(server, "?cursor=earliest&limit=5")).changes).toHaveLength(5);
    for (const limit of [1, 4, 23, 1_000]) {
      const answers = await follow(server, "earliest", `&limit=${limit}`);
      const versions = answers.flatMap(({ changes }) => changes.map(({ version }) => version));
      expect(versions).toEqual(Array.from({ length: 23 }, (_, index) => index + 1));
    }
  });

  test("waits for what comes, and answers at once then", async () => {
    await using server = served(1);
    const pending = poll(server, "?cursor=3.1&waitMs=20000");
    await until("it waits", () => server.timers.delaysMs.includes(20_000));
    server.store.send({ userId: "42" });
    expect(await pending).toMatchObject({ changes: [{ version: 2 }], nextCursor: "3.2" });
    expect([server.timers.delaysMs, server.hub.size]).toEqual([[], 0]);
  });

  test("answers empty when nothing came in time, but moves over what the filter kept back", async () => {
    await using server = served(5);
    const pending = poll(server, "?cursor=3.1&waitMs=20000&traits=other");
    await until("it waits", () => server.timers.delaysMs.includes(20_000));
    server.timers.fire();
    expect(await pending).toEqual({ changes: [], nextCursor: "3.5" });
  });

  test("gives a snapshot in pages, then goes on with the changes since", async () => {
    await using server = served(7);
    const first = await poll(server, "?snapshot=true&limit=3");
    server.store.clock.advance(1);
    server.store.send({ userId: "u-1", traits: { index: 99 } });
    const answers = [first, ...(await follow(server, first.nextCursor, "&snapshot=true&limit=3"))];
    const profiles = answers.flatMap(({ snapshots = [] }) => snapshots.map(({ profileId }) => profileId));
    expect(profiles).toEqual([1, 2, 3, 4, 5, 6, 7].map((pid) => `prf_0000000${pid}`));
    expect(answers.flatMap(({ changes }) => changes.map(({ version }) => version))).toEqual([8]);
    expect(answers.at(-1)).not.toHaveProperty("snapshots");
    expect(answers.slice(0, -1).every((answer) => "snapshots" in answer)).toBe(true);
  });

  test.each([
    ["?cursor=2.1", 410, "cursor_expired"],
    ["?cursor=3.99", 410, "cursor_expired"],
    ["?cursor=3.1", 410, "cursor_expired"],
    ["?cursor=3.1.0", 410, "cursor_expired"],
    ["?cursor=x", 400, "invalid_cursor"],
    ["?limit=0", 400, "invalid_request"],
    ["?limit=1001", 400, "invalid_request"],
    ["?waitMs=25001", 400, "invalid_request"],
    ["?waitMs=-1", 400, "invalid_request"],
    ["?idType=shoe", 400, "invalid_request"],
  ])("%s is refused with %i", async (query, status, code) => {
    await using server = served(5);
    server.store.changes.trim(2);
    const response = await server.fetch(`/v1/changes${query}`);
    const body = (await response.json()) as { error: { code: string } };
    expect([response.status, body.error.code]).toEqual([status, code]);
    expect([server.hub.size, server.timers.delaysMs]).toEqual([0, []]);
  });
});

describe("a waiting poll", () => {
  const wait = async (server: OutServer) => {
    const answer = poll(server, "?cursor=3.1&waitMs=20000");
    await until("it waits", () => server.hub.size > 0);
    return { answer };
  };

  test("is answered when the server stops", async () => {
    await using server = served(1);
    const { answer } = await wait(server);
    server.hub[Symbol.dispose]();
    expect(await answer).toEqual({ changes: [], nextCursor: "3.1" });
    expect((await server.fetch("/v1/changes")).status).toBe(429);
  });

  test("is one of the streams there can be", async () => {
    await using server = new OutServer({ maxListeners: 1 });
    server.store.send({ userId: "42" });
    const { answer } = await wait(server);
    expect((await server.fetch("/v1/changes?cursor=earliest")).status).toBe(429);
    server.timers.fire();
    await answer;
    expect((await server.fetch("/v1/changes?cursor=earliest")).status).toBe(200);
  });

  test("is forgotten when its client goes", async () => {
    await using server = served(1);
    const abort = new AbortController();
    const gone = server
      .fetch("/v1/changes?cursor=3.1&waitMs=20000", { signal: abort.signal })
      .catch(() => "gone");
    await until("it waits", () => server.hub.size === 1);
    abort.abort();
    expect(await gone).toBe("gone");
    await until("it is forgotten", () => server.hub.size === 0);
    expect(server.timers.delaysMs).toEqual([]);
  });

  test("waits through a rebuild for its snapshot", async () => {
    await using server = served(1);
    server.store.profiles.isRebuilding = true;
    const answer = poll(server, "?snapshot=true&waitMs=20000");
    await until("it waits", () => server.hub.size > 0);
    server.store.profiles.isRebuilding = false;
    await server.timers.tick();
    expect(await answer).toMatchObject({ snapshots: [{ profileId: "prf_00000001" }], nextCursor: "3.1" });
  });

  test("is refused, not lied to, when a read fails", async () => {
    await using server = served(1);
    const answer = server.fetch("/v1/changes?cursor=3.1&waitMs=20000");
    await until("it waits", () => server.hub.size > 0);
    server.store.changes.read = () => {
      throw new Error("disk on fire");
    };
    server.store.send({ userId: "42" });
    expect((await answer).status).toBe(500);
    expect(await (await answer).text()).not.toContain("fire");
    expect(server.hub.size).toBe(0);
  });
});
