import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

const events = 3_000;
const kills = 6;

/** The other server, on the same port each time. */
class Upstream implements AsyncDisposable {
  #child: Bun.Subprocess<"ignore", "pipe", "inherit"> | null = null;
  port = 0;

  async start(): Promise<void> {
    const program = join(import.meta.dir, "../support/sseUpstream.ts");
    this.#child = Bun.spawn([process.execPath, program, String(this.port), String(events)], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    for await (const chunk of this.#child.stdout) {
      this.port = Number(/listens on (\d+)/.exec(new TextDecoder().decode(chunk))?.[1]);
      return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }
}

/** How often each event name stands in the change log. */
async function names(server: TestServer): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (let cursor = "earliest"; ;) {
    const page = (await (await server.get(`/v1/changes?cursor=${cursor}&limit=1000`)).json()) as {
      readonly changes: readonly { readonly event: { readonly name: string; readonly source: string } }[];
      readonly nextCursor: string;
    };
    for (const { event } of page.changes) counts.set(event.name, (counts.get(event.name) ?? 0) + 1);
    if (page.changes.length === 0) return counts;
    cursor = page.nextCursor;
  }
}

async function headOf(server: TestServer): Promise<number> {
  const metrics = await (await server.get("/metrics")).text();
  return Number(/freshet_journal_head_seq (\d+)/.exec(metrics)?.[1]);
}

test("kill -9 of either side: each event of a followed stream comes into the journal once", async () => {
  using folder = tempFolder();
  await using upstream = new Upstream();
  await upstream.start();
  const config = folder.at("freshet.yaml");
  writeFileSync(
    config,
    `version: 1\nsources:\n  prices: { trust: server, follow: "http://127.0.0.1:${upstream.port}/stream" }\n`,
  );
  const start = () => startServer({ data: folder.at("data"), args: ["--config", config] });
  let server = await start();
  for (let kill = 1; kill <= kills; kill += 1) {
    const enough = (events * kill) / (kills + 1);
    await until("so much is kept", async () => (await headOf(server)) >= enough);
    if (kill % 2 === 0) {
      await server.kill();
      server = await start();
    } else {
      await upstream[Symbol.asyncDispose]();
      await upstream.start();
    }
  }
  await using last = server;
  await until("all is kept", async () => (await headOf(last)) >= events, 30_000);
  const kept = await names(last);
  expect(kept.size).toBe(events);
  expect([...kept].filter(([, count]) => count !== 1)).toEqual([]);
  const metrics = await (await last.get("/metrics")).text();
  expect(metrics).toContain('freshet_followed_connected{source="prices"} 1');
  expect(await last.stop()).toBe(0);
}, 90_000);
