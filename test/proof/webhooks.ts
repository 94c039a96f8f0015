/**
 * A receiver of webhooks that goes away and comes back, under a server that is killed: every change arrives, in order,
 * and what comes again has the same id. Signatures are checked by the package of the specification's authors.
 */
import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";
import { seededIds } from "../../src/lib/id.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

export const webhookSecrets = [
  `whsec_${Buffer.alloc(32, 1).toString("base64")}`,
  `whsec_${Buffer.alloc(32, 2).toString("base64")}`,
] as const;

interface Received {
  readonly id: string;
  readonly version: number;
  readonly messageId: string | null;
}

/** Receives on one port through any number of stops. */
class Receiver {
  readonly got: Received[] = [];
  readonly #verifier: Webhook;
  #server: Bun.Server<undefined> | null = null;
  #port = 0;

  constructor(secret: string) {
    this.#verifier = new Webhook(secret);
    this.start();
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hook`;
  }

  start(): void {
    this.#server ??= Bun.serve({
      hostname: "127.0.0.1",
      port: this.#port,
      fetch: async (request) => {
        const body = await request.text();
        const header = (name: string) => request.headers.get(name) ?? "";
        const payload = this.#verifier.verify(body, {
          "webhook-id": header("webhook-id"),
          "webhook-timestamp": header("webhook-timestamp"),
          "webhook-signature": header("webhook-signature"),
        }) as { data: { version: number; event: { messageId: string } | null } };
        const { version, event } = payload.data;
        this.got.push({ id: header("webhook-id"), version, messageId: event?.messageId ?? null });
        return new Response(null, { status: 204 });
      },
    });
    this.#port = this.#server.port ?? this.#port;
  }

  async stop(): Promise<void> {
    await this.#server?.stop(true);
    this.#server = null;
  }
}

/** Where a kill leaves open whether a change has arrived. */
const crashPoints = ["beforeDeliverySent", "afterDeliverySent", "afterDeliverySettled"] as const;

/**
 * Kills and restarts both sides, each so many times, at random and at the places where it hurts most, while events come
 * in; then looks for gaps and repeats. Gives how many repeats there were.
 */
export async function webhooksThroughRestarts(restarts: number, seed: number): Promise<number> {
  const chance = seededIds(seed);
  using folder = tempFolder();
  // The second secret is the receiver's: while secrets are changed over, both sign.
  const receiver = new Receiver(webhookSecrets[1]);
  const config = folder.at("freshet.yaml");
  writeFileSync(
    config,
    `version: 1\ndestinations:\n  hook: { type: webhook, url: "${receiver.url}", secrets: [${webhookSecrets.join(", ")}], privateNetwork: true }\n`,
  );
  const startAt = (point: string | null) =>
    startServer({
      data: folder.at("data"),
      args: ["--config", config],
      env: point === null ? {} : { FRESHET_CRASH_AT: point },
      // What was left to be sent may bring it to its crash point before it listens.
      waitFor: point === null ? "ready" : "nothing",
    });
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(chance.random() * from.length)];
  let server: TestServer = await startAt(null);
  let sent = 0;
  const answered: string[] = [];
  /** Says it until somebody answers; what is said twice counts once. */
  const say = async () => {
    const messageId = `m-${sent}`;
    sent += 1;
    await until("it is answered", async () => {
      if ((await Promise.race([server.exited, Bun.sleep(0)])) !== undefined) server = await startAt(null);
      try {
        const body = { userId: `u${sent % 3}`, event: "Seen", messageId };
        return (await server.post("/v1/track", body)).status === 200;
      } catch {
        // It does not listen yet, or no more.
        return false;
      }
    });
    answered.push(messageId);
  };
  let times = { server: 0, receiver: 0 };
  try {
    while (times.server < restarts || times.receiver < restarts) {
      const events = 1 + Math.floor(chance.random() * 8);
      for (let at = 0; at < events; at += 1) await say();
      if (chance.random() < 0.7) {
        await receiver.stop();
        times = { ...times, receiver: times.receiver + 1 };
      }
      await Bun.sleep(Math.floor(chance.random() * 60));
      if (chance.random() < 0.7) {
        await server.kill();
        const point =
          chance.random() < 0.5 ? `${pick(crashPoints)}:${1 + Math.floor(chance.random() * 4)}` : null;
        server = await startAt(point);
        times = { ...times, server: times.server + 1 };
      }
      receiver.start();
    }
    await server.kill();
    server = await startAt(null);
    await until("every answered event has arrived", () => {
      const got = new Set(receiver.got.map(({ messageId }) => messageId));
      return answered.every((messageId) => got.has(messageId));
    });
  } finally {
    await server.stop();
    await receiver.stop();
  }
  const byId = new Map<string, Received>();
  let newest = 0;
  for (const one of receiver.got) {
    const before = byId.get(one.id);
    if (before !== undefined) {
      expect(before).toEqual(one);
      continue;
    }
    byId.set(one.id, one);
    expect(one.version).toBeGreaterThan(newest);
    newest = one.version;
  }
  const ids = [...byId.values()].map(({ messageId }) => messageId);
  expect(ids).toEqual(answered);
  return receiver.got.length - byId.size;
}
