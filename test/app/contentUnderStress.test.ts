/** Content while everything around it has trouble: an e-mail that is sent meanwhile must have something in it. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder, type TempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

function setUp(folder: TempFolder): { data: string; args: string[] } {
  mkdirSync(folder.at("content"));
  writeFileSync(
    folder.at("content/hello.liquid"),
    "---\nneeds: [firstName]\nfallback: <p>Hello.</p>\n---\n<p>Hi {{ firstName }}</p>",
  );
  writeFileSync(folder.at("freshet.yaml"), "version: 1\ncontent: { folder: ./content }\n");
  return { data: folder.at("data"), args: ["--config", folder.at("freshet.yaml")] };
}

interface Answer {
  readonly html: string;
  readonly reason: string | null;
  readonly servedFrom: string | null;
}

const path = "/v1/content/hello?id=user_id:42";

async function ask(server: TestServer): Promise<readonly [status: number, Answer]> {
  const answer = await server.get(path);
  return [answer.status, (await answer.json()) as Answer];
}

/** A machine that has too much else to do answers from memory for a moment, which is empty at first. */
const untilLive = (server: TestServer, html: string) =>
  until("the block is rendered from the profile", async () => {
    const [, { html: found, reason }] = await ask(server);
    return reason === null && found === html;
  });

/** Holds the only right to write into a database, as a disk that does not answer would. */
function stall(file: string): Disposable {
  const database = new Database(file);
  database.run("PRAGMA busy_timeout = 10000");
  database.run("BEGIN IMMEDIATE");
  return {
    [Symbol.dispose]: () => {
      database.run("ROLLBACK");
      database.close();
    },
  };
}

async function metric(server: TestServer, name: string): Promise<number> {
  const text = await (await server.get("/metrics")).text();
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? Number.NaN);
}

describe("an e-mail never gets nothing", () => {
  test("while profiles are rebuilt: each answer is 200 with the fallback, then live again", async () => {
    using folder = tempFolder();
    const { data, args } = setUp(folder);
    {
      await using server = await startServer({ data, args });
      const secret = { Authorization: `Bearer ${server.secretKey}` };
      await server.post("/v1/identify", { userId: "42", traits: { firstName: "Ann" } });
      for (let first = 0; first < 20_000; first += 1_000) {
        const batch = Array.from({ length: 1_000 }, (_, at) => ({
          type: "identify",
          userId: `u${first + at}`,
          traits: { firstName: "Bo" },
        }));
        expect((await server.post("/v1/batch", { batch }, secret)).status).toBe(200);
      }
      await untilLive(server, "<p>Hi Ann</p>");
      expect(await server.stop()).toBe(0);
    }
    for (const name of readdirSync(data))
      if (name.startsWith("profiles-")) rmSync(`${data}/${name}`, { recursive: true });
    await using server = await startServer({ data, args, waitFor: "listening" });
    const meanwhile = new Set<string>();
    await until("profiles are readable again", async () => {
      const [status, { html, servedFrom, reason }] = await ask(server);
      meanwhile.add(`${status} ${servedFrom} ${reason} ${html}`);
      return reason === null;
    });
    expect([...meanwhile].filter((one) => !one.includes("overloaded")).sort()).toEqual([
      "200 default profiles_rebuilding <p>Hello.</p>",
      "200 live null <p>Hi Ann</p>",
    ]);
  }, 60_000);

  test("while the writer stands still: it is rendered from the profile as it is, and the new event comes after", async () => {
    using folder = tempFolder();
    const { data, args } = setUp(folder);
    await using server = await startServer({ data, args });
    await server.post("/v1/identify", { userId: "42", traits: { firstName: "Ann" } });
    await untilLive(server, "<p>Hi Ann</p>");
    const journal = stall(`${data}/journal.db`);
    let isAnswered = false;
    const event = server.post("/v1/identify", { userId: "42", traits: { firstName: "Bo" } }).finally(() => {
      isAnswered = true;
    });
    for (let time = 0; time < 100; time += 1) {
      const [status, { html }] = await ask(server);
      expect([status, html]).toEqual([200, "<p>Hi Ann</p>"]);
    }
    expect(isAnswered).toBe(false);
    journal[Symbol.dispose]();
    expect((await event).status).toBe(200);
    await untilLive(server, "<p>Hi Bo</p>");
  }, 30_000);

  test("while receipts can't be written: none waits for them, and none of them is lost", async () => {
    using folder = tempFolder();
    const { data, args } = setUp(folder);
    await using server = await startServer({ data, args });
    await server.post("/v1/identify", { userId: "42", traits: { firstName: "Ann" } });
    await untilLive(server, "<p>Hi Ann</p>");
    await until(
      "its receipt is on disk",
      async () => (await metric(server, "freshet_content_receipts_total")) > 0,
    );
    const before = await metric(server, "freshet_content_receipts_total");
    const ops = stall(`${data}/ops.db`);
    for (let time = 0; time < 300; time += 1) expect((await ask(server))[0]).toBe(200);
    ops[Symbol.dispose]();
    await until(
      "all are on disk",
      async () => (await metric(server, "freshet_content_receipts_total")) >= before + 300,
    );
    expect(await metric(server, "freshet_content_receipts_lost_total")).toBe(0);
  }, 30_000);

  test("to ten thousand recipients whom nobody knows, and none of it keeps a known one from theirs", async () => {
    using folder = tempFolder();
    const { data, args } = setUp(folder);
    await using server = await startServer({ data, args });
    await server.post("/v1/identify", { userId: "42", traits: { firstName: "Ann" } });
    await untilLive(server, "<p>Hi Ann</p>");
    const secret = { Authorization: `Bearer ${server.secretKey}` };
    const seen = new Map<string, number>();
    const flood = Array.from({ length: 100 }, async (_, of) => {
      const ids = Array.from({ length: 100 }, (_one, at) => `user_id:nobody-${of}-${at}`);
      const answer = await server.post("/v1/content/hello", { ids }, secret);
      const { results } = (await answer.json()) as { results: Answer[] };
      for (const { html, reason } of results) {
        const what = `${answer.status} ${reason === "overloaded" ? "profile_not_found" : reason} ${html}`;
        seen.set(what, (seen.get(what) ?? 0) + 1);
      }
    });
    const known = ask(server);
    await Promise.all(flood);
    expect([...seen]).toEqual([["200 profile_not_found <p>Hello.</p>", 10_000]]);
    expect((await known)[1].html).toBe("<p>Hi Ann</p>");
    await until(
      "each has left its receipt",
      async () => (await metric(server, "freshet_content_receipts_total")) >= 10_000,
    );
    expect(await metric(server, "freshet_content_receipts_lost_total")).toBe(0);
  }, 60_000);
});
