import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { CrashPointName } from "../../src/lib/crashPoint.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder, type TempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

const events = 3_000;
const kills = 6;
/** More than all of the groups before the crashes can hold. */
const crashEvents = 8_000;

const upstreamProgram = Bun.fileURLToPath(new URL("../support/sseUpstream.ts", import.meta.url));

/** The other server, on the same port each time. */
class Upstream implements AsyncDisposable {
  #child: Bun.Subprocess<"ignore", "pipe", "inherit"> | null = null;
  readonly #events: number;
  port = 0;

  constructor(count: number) {
    this.#events = count;
  }

  async start(): Promise<void> {
    this.#child = Bun.spawn([process.execPath, upstreamProgram, String(this.port), String(this.#events)], {
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

/** A server that follows; a crash point may be named. */
function startFollowing(folder: TempFolder, upstream: Upstream, crashAt = ""): Promise<TestServer> {
  const config = folder.at("freshet.yaml");
  const url = `http://127.0.0.1:${upstream.port}/stream`;
  writeFileSync(config, `version: 1\nsources:\n  prices: { trust: server, follow: "${url}" }\n`);
  return startServer({
    data: folder.at("data"),
    args: ["--config", config],
    env: crashAt === "" ? {} : { FRESHET_CRASH_AT: crashAt },
    waitFor: crashAt === "" ? "ready" : "nothing",
  });
}

async function expectEachOnce(server: TestServer, count: number): Promise<void> {
  await until("all is kept", async () => (await headOf(server)) >= count, 30_000);
  const kept = await names(server);
  expect(kept.size).toBe(count);
  expect([...kept].filter(([, times]) => times !== 1)).toEqual([]);
}

test("kill -9 of either side: each event of a followed stream comes into the journal once", async () => {
  using folder = tempFolder();
  await using upstream = new Upstream(events);
  await upstream.start();
  const start = () => startFollowing(folder, upstream);
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
  await expectEachOnce(last, events);
  const metrics = await (await last.get("/metrics")).text();
  expect(metrics).toContain('freshet_followed_connected{source="prices"} 1');
  expect(await last.stop()).toBe(0);
}, 90_000);

const points = [
  "beforeJournalCommit",
  "afterJournalCommit",
  "beforeProfilesCommit",
  "afterProfilesCommit",
  "beforeAnswer",
] as const satisfies readonly CrashPointName[];

test("killed between any two steps of a group, it goes on with the very next event", async () => {
  using folder = tempFolder();
  await using upstream = new Upstream(crashEvents);
  await upstream.start();
  for (const point of points) {
    // Each time it dies in its third group.
    await using server = await startFollowing(folder, upstream, `${point}:3`);
    await server.exited;
    expect(server.stderr).not.toContain('"level":"error"');
  }
  await using last = await startFollowing(folder, upstream);
  await expectEachOnce(last, crashEvents);
}, 60_000);
