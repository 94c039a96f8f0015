import { expect, test } from "bun:test";
import { freshet } from "../support/command.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";

const cycles = 8;

/** Posts without pause until the server is gone; returns what was answered with 200. */
async function pour(server: TestServer, cycle: number, lane: number): Promise<string[]> {
  const answered: string[] = [];
  for (let at = 0; ; at += 1) {
    const messageId = `c${cycle}-l${lane}-${at}`;
    try {
      const answer = await server.post("/v1/identify", {
        userId: `u${at % 7}`,
        messageId,
        traits: { [`l${lane}`]: `${cycle}.${at}` },
      });
      if (answer.status !== 200) return answered;
      answered.push(messageId);
    } catch {
      return answered;
    }
  }
}

test(`kill -9 under load, ${cycles} times: what was answered is there, once, and profiles are what the journal gives`, async () => {
  using folder = tempFolder();
  const data = folder.at("data");
  const answered: string[] = [];
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    const server = await startServer({ data });
    const lanes = Array.from({ length: 6 }, (_, lane) => pour(server, cycle, lane));
    await Bun.sleep(60 + 35 * cycle);
    await server.kill();
    for (const messageIds of await Promise.all(lanes)) answered.push(...messageIds);
  }
  const server = await startServer({ data });
  const kept = new Map<string, number>();
  for (let cursor = "earliest"; ;) {
    const page = (await (await server.get(`/v1/changes?cursor=${cursor}&limit=1000`)).json()) as {
      changes: { event: { messageId: string } }[];
      nextCursor: string;
    };
    for (const { event } of page.changes) kept.set(event.messageId, (kept.get(event.messageId) ?? 0) + 1);
    if (page.changes.length === 0) break;
    cursor = page.nextCursor;
  }
  expect(answered.length).toBeGreaterThan(cycles);
  expect(answered.filter((messageId) => !kept.has(messageId))).toEqual([]);
  expect([...kept].filter(([, count]) => count > 1)).toEqual([]);
  expect(await server.stop()).toBe(0);
  expect((await freshet(["verify", "--data", data])).code).toBe(0);
}, 60_000);
