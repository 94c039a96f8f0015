/** The example consumer and the server, each killed again and again, in the middle of everything. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededIds } from "../../src/lib/id.ts";
import { startServer, testKeys, type TestServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

const root = join(import.meta.dir, "../..");
const program = join(root, "examples/consumer.ts");

interface Change {
  readonly version: number;
  readonly event: { readonly messageId: string };
}

/** Runs the consumer as a process of its own. */
class Consumer implements AsyncDisposable {
  readonly #origin: string;
  readonly #file: string;
  #child: Bun.Subprocess;

  constructor(origin: string, file: string) {
    this.#origin = origin;
    this.#file = file;
    this.#child = this.#start();
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null;
  }

  /** The changes in its file, in order. */
  get changes(): Change[] {
    const text = existsSync(this.#file) ? readFileSync(this.#file, "utf8") : "";
    const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
    return lines.filter((line) => line.startsWith('{"profileId"')).map((line) => JSON.parse(line) as Change);
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async restart(): Promise<void> {
    await this.kill();
    this.#child = this.#start();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  #start(): Bun.Subprocess {
    return Bun.spawn(
      [process.execPath, "--no-env-file", program, this.#origin, testKeys.secretKey, this.#file],
      {
        stdio: ["ignore", "ignore", "ignore"],
      },
    );
  }
}

/** Sends an event until it is taken; a repeat of a lost answer counts once. */
async function send(port: number, messageId: string): Promise<void> {
  const body = JSON.stringify({ userId: `u-${messageId.length}`, event: "Sent", messageId });
  await until("the event is taken", async () => {
    const headers = { "X-Write-Key": testKeys.writeKey };
    const answer = await fetch(`http://127.0.0.1:${port}/v1/track`, { method: "POST", body, headers }).catch(
      () => null,
    );
    return answer?.status === 200;
  });
}

async function allChanges(server: TestServer): Promise<Change[]> {
  const found: Change[] = [];
  for (let cursor = "earliest"; ;) {
    const page = (await (await server.get(`/v1/changes?cursor=${cursor}`)).json()) as {
      changes: Change[];
      nextCursor: string;
    };
    if (page.changes.length === 0) return found;
    found.push(...page.changes);
    cursor = page.nextCursor;
  }
}

describe("the example consumer", () => {
  test.each([1, 2])(
    "misses nothing and takes nothing twice over random kills of both sides (seed %i)",
    async (seed) => {
      using folder = tempFolder();
      const ids = seededIds(seed);
      let server = await startServer({ data: folder.at("data") });
      const { port } = server;
      await using consumer = new Consumer(server.origin, folder.at("changes.ndjson"));
      const sent: string[] = [];
      try {
        for (let round = 0; round < 5; round += 1) {
          const sending = Promise.all(
            Array.from({ length: 30 }, async (_, index) => {
              const messageId = `m-${round}-${index}`;
              sent.push(messageId);
              await send(port, messageId);
            }),
          );
          // Killed before, while or after the consumer hears of what is being sent.
          const wanted = sent.length - 30 + Math.floor(ids.random() * 31);
          await until("some of it has arrived", () => consumer.changes.length >= wanted);
          const victim = Math.floor(ids.random() * 3);
          if (victim !== 0) await consumer.restart();
          if (victim !== 1) {
            await server.kill();
            server = await startServer({ data: folder.at("data"), args: ["--port", String(port)] });
          }
          await sending;
        }
        await until("everything has arrived", () => consumer.changes.length >= sent.length);
        const changes = consumer.changes;
        expect(changes).toEqual(await allChanges(server));
        expect(changes.map(({ event }) => event.messageId).toSorted()).toEqual(sent.toSorted());
        const versions = changes.map(({ version }) => version);
        expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
      } finally {
        await server[Symbol.asyncDispose]();
      }
    },
    120_000,
  );

  test("drops a line that was cut off, and stops at another journal", async () => {
    using folder = tempFolder();
    await using server = await startServer({ data: folder.at("data") });
    await send(server.port, "m-1");
    const file = folder.at("changes.ndjson");
    writeFileSync(file, '{"cursor":"1.0"}\n{"profileId":"prf_');
    await using consumer = new Consumer(server.origin, file);
    await until("the change", () => consumer.changes.length === 1);
    await consumer.kill();
    writeFileSync(file, '{"cursor":"99.1"}\n');
    await consumer.restart();
    await until("it stops", () => consumer.hasEnded);
  });

  test("is what the docs show", async () => {
    const page = await Bun.file(join(root, "docs/protocol.md")).text();
    const [, shown = "no code"] = /consumer\.ts[^`]*```ts\n([\s\S]*?)```/.exec(page) ?? [];
    expect(await Bun.file(program).text()).toContain(shown);
  });
});
