import { expect, test } from "bun:test";
import { changesByMessage } from "../support/allChanges.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { StreamClient } from "../support/streamClient.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

const lines = 4_000;
const kills = 5;

const line = (at: number) => ({ type: "track", event: "Viewed", userId: `u${at % 9}`, messageId: `s-${at}` });

/** Sends lines from `from` on until all are answered or the server is gone; the number of the next one to send. */
async function pour(server: TestServer, from: number): Promise<number> {
  const client = new StreamClient(server.origin, { "X-Write-Key": server.writeKey });
  for (let at = from; at < lines && client.ending === "open"; at += 20) {
    client.send(...Array.from({ length: Math.min(20, lines - at) }, (_, ahead) => line(at + ahead)));
    await until("there is room", () => client.unsentBytes < 64 * 1024 || client.ending !== "open");
  }
  client.end();
  await client.closed();
  expect(client.answers.every(({ ok }, at) => ok === true && client.answers[at]?.line === at + 1)).toBe(true);
  return from + client.answers.length;
}

async function headOf(server: TestServer): Promise<number> {
  const metrics = await (await server.get("/metrics")).text();
  return Number(/freshet_journal_head_seq (\d+)/.exec(metrics)?.[1]);
}

test("kill -9 under a stream: who sends again from the first unanswered line has each event kept once", async () => {
  using folder = tempFolder();
  const data = folder.at("data");
  let answered = 0;
  for (let kill = 1; kill <= kills; kill += 1) {
    await using server = await startServer({ data });
    const pouring = pour(server, answered);
    await until("so much is kept", async () => (await headOf(server)) >= (lines * kill) / (kills + 1));
    await server.kill();
    answered = await pouring;
  }
  await using server = await startServer({ data });
  const kept = await changesByMessage(server);
  expect(Array.from({ length: answered }, (_, at) => `s-${at}`).filter((id) => !kept.has(id))).toEqual([]);
  expect(await pour(server, answered)).toBe(lines);
  const all = await changesByMessage(server);
  expect(all.size).toBe(lines);
  expect([...all.values()].every((count) => count === 1)).toBe(true);
}, 60_000);

test("a server that is stopped answers what it took and ends the stream", async () => {
  await using server = await startServer();
  const client = new StreamClient(server.origin, { "X-Write-Key": server.writeKey });
  client.send(...Array.from({ length: 200 }, (_, at) => line(at)));
  await client.answered(1);
  expect(await server.stop()).toBe(0);
  await client.closed();
  expect(client.ending).toBe("ended");
  expect(client.answers.at(-1)?.error?.code).toBe("draining");
  expect(client.answers.slice(0, -1).every(({ ok }) => ok === true)).toBe(true);
});
