/** The example consumer as a process, and a life in which it and the server are killed again and again. */
import { expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { seededIds } from "../../src/lib/id.ts";
import { startServer, testKeys, type TestServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

export const root = join(import.meta.dir, "../..");
export const program = join(root, "examples/consumer.ts");

interface Change {
  readonly version: number;
  readonly event: { readonly messageId: string };
}

/** Runs the consumer as a process of its own. */
export class Consumer implements AsyncDisposable {
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
export async function send(port: number, messageId: string): Promise<void> {
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

/** How a life with the consumer went. */
export interface ConsumerCounts {
  serverKills: number;
  consumerKills: number;
  changes: number;
}

const eventsPerRound = 30;

/**
 * Sends events while server and consumer are killed in turn, each at least `kills` times; then every event must be in
 * the consumer's file, once, in the order of the change log. `onRound` hears of every round.
 */
export async function liveWithConsumer(
  seed: number,
  kills: number,
  onRound: (counts: ConsumerCounts) => void = () => {},
): Promise<ConsumerCounts> {
  using folder = tempFolder();
  const ids = seededIds(seed);
  const counts: ConsumerCounts = { serverKills: 0, consumerKills: 0, changes: 0 };
  let server = await startServer({ data: folder.at("data") });
  const { port } = server;
  await using consumer = new Consumer(server.origin, folder.at("changes.ndjson"));
  const sent: string[] = [];
  try {
    for (let round = 0; Math.min(counts.serverKills, counts.consumerKills) < kills; round += 1) {
      const sending = Promise.all(
        Array.from({ length: eventsPerRound }, async (_, index) => {
          const messageId = `m-${round}-${index}`;
          sent.push(messageId);
          await send(port, messageId);
        }),
      );
      // Killed before, while or after the consumer hears of what is being sent.
      const wanted = sent.length - eventsPerRound + Math.floor(ids.random() * (eventsPerRound + 1));
      await until("some of it has arrived", () => consumer.changes.length >= wanted);
      const victim = Math.floor(ids.random() * 3);
      if (victim !== 0) {
        await consumer.restart();
        counts.consumerKills += 1;
      }
      if (victim !== 1) {
        await server.kill();
        server = await startServer({ data: folder.at("data"), args: ["--port", String(port)] });
        counts.serverKills += 1;
      }
      await sending;
      counts.changes = consumer.changes.length;
      onRound(counts);
    }
    await until("everything has arrived", () => consumer.changes.length >= sent.length);
    const changes = consumer.changes;
    counts.changes = changes.length;
    expect(changes).toEqual(await allChanges(server));
    expect(changes.map(({ event }) => event.messageId).toSorted()).toEqual(sent.toSorted());
    const versions = changes.map(({ version }) => version);
    expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
    return counts;
  } finally {
    await server[Symbol.asyncDispose]();
  }
}
